// 03.7 start_pinned, once on the kernel: each CPU that this process may use has a thread, by the
// kernel's word.

#include <sched.h>

#include <percore/check.hpp>
#include <percore/topology.hpp>

std::string start_pinned(const std::vector<percore::CpuSet>& places,
                         const std::function<void(std::size_t)>& prepare,
                         const std::function<void(std::size_t)>& work);

using percore::cpus_max;
using percore::CpuSet;
using percore::check::require;

PERCORE_CHECK("", on_the_kernel_each_is_where_it_belongs, "O1",
              "a thread is pinned before it makes its memory ready", "Lesson 03, *The start*",
              .ring = false) {
  const auto allowed = percore::allowed_cpus();
  require(allowed.has_value(), "the kernel does not say which CPUs may be used");
  std::vector<CpuSet> places;
  for (unsigned cpu = allowed->next(0); cpu != cpus_max && places.size() < 8;
       cpu = allowed->next(cpu + 1)) {
    places.emplace_back();
    places.back().add(cpu);
  }
  const auto look = [&places](std::size_t number) {
    const auto now = percore::allowed_cpus();
    require(now.has_value() && *now == places[number],
            "on the kernel thread {} may run on {}, and it belongs on CPU {}", number,
            now ? now->to_list() : "nothing", places[number].to_list());
    require(places[number].contains(static_cast<unsigned>(sched_getcpu())),
            "on the kernel thread {} ran on CPU {}, and it belongs on CPU {}", number,
            sched_getcpu(), places[number].to_list());
  };
  const std::string said = start_pinned(places, look, look);
  require(said.empty(), "every place could be had, and start_pinned() said \"{}\"", said);
}
