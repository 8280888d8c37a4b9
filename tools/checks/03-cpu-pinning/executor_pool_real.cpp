// 03.9 executor_pool, once on the kernel: one executor on each CPU of this process, by the kernel's
// word.

#include <sched.h>

#include <percore/check.hpp>
#include <percore/executor_pool.hpp>
#include <percore/topology.hpp>

using namespace percore;
using percore::check::require;

namespace {

Task<CpuSet> where_am_i(Shard& shard) {
  co_await yield();
  require(shard.cpus().contains(static_cast<unsigned>(sched_getcpu())),
          "on the kernel member {} belongs on CPU {}, and ran on CPU {}", shard.number(),
          shard.cpus().to_list(), sched_getcpu());
  const auto allowed = allowed_cpus();
  co_await shard.stopped();
  co_return allowed.value_or(CpuSet());
}

}  // namespace

PERCORE_CHECK("stop", on_the_kernel_each_has_its_cpu, "O1",
              "a member's thread is pinned before it allocates anything",
              "Lesson 03, *The start*") {
  const auto allowed = allowed_cpus();
  require(allowed.has_value(), "the kernel does not say which CPUs may be used");
  std::vector<CpuSet> places;
  for (unsigned cpu = allowed->next(0); cpu != cpus_max && places.size() < 8;
       cpu = allowed->next(cpu + 1)) {
    places.emplace_back();
    places.back().add(cpu);
  }
  run.waits_for("members that were asked to stop, on the kernel");
  ExecutorPool<CpuSet> pool(places, where_am_i);
  pool.stop();
  const auto outcomes = pool.join();
  for (std::size_t number = 0; number < places.size(); ++number)
    require(outcomes[number].has_value() && *outcomes[number] == places[number],
            "on the kernel member {} belongs on CPU {}, and may run on {}", number,
            places[number].to_list(),
            outcomes[number] ? outcomes[number]->to_list() : "an exception");
}
