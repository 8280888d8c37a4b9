// Lesson 03's goal: executors on the CPUs where they should be, and the kernel's word that they
// are.
#include <command_line.hpp>
#include <percore/executor_pool.hpp>
#include <percore/placement.hpp>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "parts/distance.hpp"
#include "parts/kernels_word.hpp"
#include "parts/moving_cost.hpp"
#include "parts/pin_sabotage.hpp"

namespace {

using lesson::KernelsWord;
using percore::ExecutorPool;
using percore::Places;
using percore::Shard;
using percore::Task;
using percore::Topology;

Task<KernelsWord> where_am_i(Shard& shard) {
  static_cast<void>(shard);
  co_await percore::yield();
  co_return lesson::ask_kernel();
}

void show_where(const char* way, const Places& places) {
  fmt::print("{}\n", way);
  if (!places) {
    fmt::print("  {}\n", places.error());
    return;
  }
  percore::PoolOptions options;
  options.name = way;
  ExecutorPool<KernelsWord> pool(*places, where_am_i, options);
  for (const auto& outcome : pool.join()) {
    const KernelsWord& word = outcome.value();
    fmt::print("  {:<12}  may run on {:<8}  ran on {}\n", word.name, word.may_run_on, word.ran_on);
  }
}

int show_all_ways(std::size_t count) {
  const auto map = Topology::of_this_machine();
  if (!map) {
    fmt::print(stderr, "pinning: {}\n", map.error());
    return 3;
  }
  percore::CpuSet first, last;
  first.add(map->cpus().front().id);
  last.add(map->cpus().back().id);
  show_where("unbound", place_unbound(*map, count));
  show_where("spread", place_spread(*map, count));
  show_where("pack", place_pack(*map, count));
  show_where("fixed", place_fixed(*map, last));
  show_where("fenced", place_fenced(*map, count, first));
  show_where("custom", place_custom(*map, {first | last, last}));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  percore::lesson::CommandLine line("Starts executors, and asks the kernel where they ran.",
                                    "pinning");
  std::size_t count = 2;
  bool cost = false;
  bool distances = false;
  std::string sabotage;
  line.number("--count", count, 1U, 1024U, "how many executors");
  line.flag("--cost", cost, "time what a move to another CPU costs, and what it saves");
  line.flag("--distances", distances, "time a message to a near CPU and to far ones");
  line.sabotage(sabotage,
                {{"ignored-error", "whether the pin took is not looked at"},
                 {"all-on-one", "the executors inherit the pin of the main thread"},
                 {"allocated-first", "memory is made ready before the executor is pinned"}});
  if (const auto status = line.parse(argc, argv)) return *status;

  try {
    if (!sabotage.empty()) return lesson::sabotage_pins(sabotage);
    if (distances) return lesson::show_distances();
    if (cost) return lesson::show_moving_cost();
    return show_all_ways(count);
  } catch (const percore::RingUnavailable& unavailable) {
    fmt::print(stderr, "pinning: {}\n", unavailable.what());
    return 3;
  } catch (const std::exception& problem) {
    fmt::print(stderr, "pinning: {}\n", problem.what());
    return 1;
  }
}
