// 03.8 on_every_core: a pool on a made-up machine, its threads under the simulated ring.

#include <map>
#include <memory>
#include <percore/check_machine.hpp>
#include <percore/executor.hpp>
#include <set>

#include "made_up_kernel.hpp"

std::uint64_t on_every_core(const percore::Topology& map, std::uint64_t items,
                            const std::function<std::uint64_t(std::uint64_t)>& item);

using checks::MadeUpKernel;
using namespace percore;
using namespace percore::check;

namespace {

constexpr const char* the_start = "Lesson 03, *The start*";
constexpr const char* the_end = "Lesson 03, *The end*";
constexpr const char* the_spread = "Lesson 03, *The spread*";
constexpr const char* the_queue = "Lesson 01, *The run queue*";

Topology any_small_map(Run& run) {
  Machine machine;
  machine.packages = run.size(1, 2);
  machine.cores = run.size(1, 2);
  machine.threads = run.size(1, 2);
  machine.side_by_side = run.chance(50);
  const CpuSet allowed = any_cpuset(run, machine);
  MadeUpKernel::get().begin(allowed);
  return map_of(machine, allowed);
}

/// Where each item was done. Written by the members' threads, of which one runs at a time.
struct Done {
  unsigned times = 0;
  CpuSet on;
  pthread_t thread{};
};

class Items {
 public:
  explicit Items(std::uint64_t count) : done_(count) {}

  std::uint64_t count() const { return done_.size(); }
  void one(std::uint64_t number) {
    require(number < done_.size(), "item {} was asked for, and there are {}", number, done_.size());
    Done& mine = done_[number];
    ++mine.times;
    mine.on = MadeUpKernel::get().of_this_thread();
    mine.thread = pthread_self();
  }
  const Done& operator[](std::uint64_t number) const { return done_[number]; }

 private:
  std::vector<Done> done_;
};

std::map<unsigned, unsigned> cores_of(const Topology& map) {
  std::map<unsigned, unsigned> core_of_cpu;
  for (const Cpu& cpu : map.cpus()) core_of_cpu[cpu.id] = cpu.core;
  return core_of_cpu;
}

std::size_t core_count(const Topology& map) {
  std::set<unsigned> cores;
  for (const Cpu& cpu : map.cpus()) cores.insert(cpu.core);
  return cores.size();
}

/// "on {...}, 3 shards"
std::string machine_of(const Topology& map) {
  const std::size_t shards = core_count(map);
  return percore::check::say("on {}, {} shard{}", in_words(map), shards, shards == 1 ? "" : "s");
}

void expect_once(const Topology& map, const Items& items, std::uint64_t number) {
  require(items[number].times == 1, "{}: item {} was done {} times", machine_of(map), number,
          items[number].times);
}

/// Item i belongs to shard i mod n: all of a shard's are done by one thread.
void expect_own_items(const Topology& map, const Items& items) {
  const std::size_t shards = core_count(map);
  for (std::uint64_t number = shards; number < items.count(); ++number) {
    const Done& mine = items[number];
    const Done& first = items[number % shards];
    if (mine.times == 0 || first.times == 0) continue;
    require(first.on == mine.on && pthread_equal(first.thread, mine.thread) != 0,
            "{}: item {} was done on CPU {}, which is not its shard's CPU: shard {} is on {}",
            machine_of(map), number, mine.on.to_list(), number % shards, first.on.to_list());
  }
  for (std::uint64_t number = 1; number < std::min<std::uint64_t>(shards, items.count()); ++number)
    require(items[0].times == 0 || items[number].times == 0 ||
                pthread_equal(items[0].thread, items[number].thread) == 0,
            "{}: the items 0 and {} belong to different shards, and one thread did both",
            machine_of(map), number);
}

/// Each shard is pinned to one CPU; no two are on one core.
void expect_shards(const Topology& map, const Items& items) {
  const auto core_of_cpu = cores_of(map);
  std::map<unsigned, std::uint64_t> first_on_core;
  for (std::uint64_t number = 0; number < items.count(); ++number) {
    const Done& mine = items[number];
    if (mine.times == 0) continue;
    require(mine.on.count() == 1, "{}: item {} was done by a thread that may run on any of {}",
            machine_of(map), number, mine.on.to_list());
    const auto core = core_of_cpu.find(mine.on.next(0));
    require(core != core_of_cpu.end(), "{}: item {} was done on CPU {}, which is not there",
            machine_of(map), number, mine.on.to_list());
    const auto first = first_on_core.emplace(core->second, number).first;
    require(pthread_equal(items[first->second].thread, mine.thread) != 0,
            "{}: the threads that did the items {} and {} share a core", machine_of(map),
            first->second, number);
  }
}

}  // namespace

PERCORE_CHECK("", each_core_has_a_shard, "A3",
              "no core gets a second executor while another core has none", the_spread) {
  const Topology map = any_small_map(run);
  Items items(run.size(0, 12));
  run.waits_for("the end of the pool's members");
  on_every_core(map, items.count(), [&](std::uint64_t number) {
    items.one(number);
    return number;
  });
  expect_shards(map, items);
}

PERCORE_CHECK("", each_item_once_by_its_shard, "O3",
              "with n executors item i is done by shard i mod n, once, and the sum is that of all",
              the_end) {
  const Topology map = any_small_map(run);
  Items items(run.size(0, 12));
  run.waits_for("the end of the pool's members");
  const std::uint64_t sum = on_every_core(map, items.count(), [&](std::uint64_t number) {
    items.one(number);
    return number * number + 1;
  });
  std::uint64_t right = 0;
  for (std::uint64_t number = 0; number < items.count(); ++number) {
    expect_once(map, items, number);
    right += number * number + 1;
  }
  expect_own_items(map, items);
  require(sum == right, "{}: the sum of {} items is {}, and {} came out", machine_of(map),
          items.count(), right, sum);
}

namespace {

Task<> notes(bool& ran) {
  ran = true;
  co_return;
}

}  // namespace

PERCORE_CHECK("", others_run_between_two_items, "E1",
              "other tasks of the executor run between two items of a shard", the_queue,
              .seeds = 60) {
  const Topology map = any_small_map(run);
  const std::size_t shards = core_count(map);
  Items items(run.size(1, 12));
  const auto ran = std::make_unique<bool[]>(items.count());
  run.waits_for("the end of the pool's members");
  on_every_core(map, items.count(), [&](std::uint64_t number) {
    items.one(number);
    require(Executor::current_or_null() != nullptr, "{}: item {} was done outside any executor",
            machine_of(map), number);
    if (number >= shards)
      require(ran[number - shards],
              "{}: shard {} did the items {} and {} in a row, and a task that was ready between "
              "them did not run: yield",
              machine_of(map), number % shards, number - shards, number);
    spawn(notes(ran[number])).detach();
    return number;
  });
}

PERCORE_CHECK("", an_exception_stops_no_other, "O4",
              "one that throws stops no other, and its exception comes out", the_end) {
  const Topology map = any_small_map(run);
  const std::size_t shards = core_count(map);
  Items items(run.size(1, 12));
  const std::uint64_t first = run.random(items.count());
  const std::uint64_t second = run.random(items.count());
  std::string came_out = "nothing";
  run.waits_for("the end of the pool's members");
  try {
    on_every_core(map, items.count(), [&](std::uint64_t number) {
      items.one(number);
      if (number == first || number == second)
        throw std::runtime_error("the exception of item " + std::to_string(number));
      return number;
    });
  } catch (const std::exception& error) {
    came_out = error.what();
  }
  // A shard throws at the first of its items that throws; the lowest shard's comes out.
  const auto before = [shards](std::uint64_t a, std::uint64_t b) {
    return std::pair(a % shards, a) < std::pair(b % shards, b);
  };
  const std::uint64_t thrower = before(first, second) ? first : second;
  const std::string right = "the exception of item " + std::to_string(thrower);
  require(came_out == right, "{}: an item threw {}, and {} came out", machine_of(map), right,
          came_out);
  for (std::uint64_t number = 0; number < items.count(); ++number) {
    const auto ends = [&](std::uint64_t bad) {
      return bad % shards == number % shards && bad < number;
    };
    if (!ends(first) && !ends(second)) expect_once(map, items, number);
  }
  expect_shards(map, items);
}
