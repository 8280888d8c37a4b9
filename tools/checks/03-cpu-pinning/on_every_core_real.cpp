// 03.8 on_every_core, once on the kernel: a pool on this machine.

#include <mutex>
#include <percore/check.hpp>
#include <percore/topology.hpp>
#include <set>

std::uint64_t on_every_core(const percore::Topology& map, std::uint64_t items,
                            const std::function<std::uint64_t(std::uint64_t)>& item);

using percore::check::require;

PERCORE_CHECK("", on_the_kernel_each_core_has_a_shard, "A3",
              "no core gets a second executor while another core has none",
              "Lesson 03, *The spread*") {
  const auto whole = percore::Topology::of_this_machine();
  require(whole.has_value(), "this machine's map cannot be read: {}",
          whole ? std::string() : whole.error());
  const auto map = whole->where([](const percore::Cpu& cpu) { return cpu.core < 8; });
  std::set<unsigned> cores;
  for (const percore::Cpu& cpu : map.cpus()) cores.insert(cpu.core);
  std::mutex mutex;
  std::set<std::string> places;
  run.waits_for("the end of the pool's members, on the kernel");
  const std::uint64_t sum = on_every_core(map, 100, [&](std::uint64_t number) {
    const auto now = percore::allowed_cpus();
    const std::lock_guard lock(mutex);
    places.insert(now ? now->to_list() : "nowhere");
    return number;
  });
  require(sum == 4950, "on the kernel the sum of 0 to 99 came out as {}", sum);
  require(places.size() == cores.size(), "on the kernel {} cores did the work, and {} are there",
          places.size(), cores.size());
}
