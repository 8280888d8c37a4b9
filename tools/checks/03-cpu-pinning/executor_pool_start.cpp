// 03.9 executor_pool, step start: all members come up, or none; each runs its root and is joined.

#include <memory>

#include "executor_pool_support.hpp"

using namespace checks;

namespace {

/// What a member's root task saw of itself.
struct Seen {
  unsigned roots = 0, ended = 0;
  std::size_t number = 0, count = 0;
  pthread_t made_on{}, ran_on{}, destroyed_on{};
  CpuSet may_run_on, shard_cpus;
  std::string name;
  std::size_t ready_members = 0;
};

/// Lives in the root task's frame: says on which thread the frame was destroyed.
class Witness {
 public:
  explicit Witness(Seen& seen) : seen_(seen) {}
  ~Witness() {
    seen_.destroyed_on = pthread_self();
    ++seen_.ended;
  }
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;

 private:
  Seen& seen_;
};

Task<std::uint64_t> look_round(Shard& shard, std::vector<Seen>& all, std::uint64_t yields,
                               bool throws) {
  Seen& seen = all.at(shard.number());
  const Witness witness(seen);
  seen.ran_on = pthread_self();
  seen.may_run_on = MadeUpKernel::get().of_this_thread();
  seen.shard_cpus = shard.cpus();
  seen.number = shard.number();
  seen.count = shard.count();
  seen.ready_members = rings_opened().all.size();
  char name[16] = {};
  pthread_getname_np(pthread_self(), name, sizeof name);
  seen.name = name;
  co_await yield_often(yields);
  if (throws) throw std::runtime_error("member " + std::to_string(shard.number()));
  co_return 10 * shard.number() + 7;
}

/// A pool whose members look round; some of them throw.
struct Case {
  explicit Case(Run& run) : places(any_places(run)), seen(places.size()) {
    for (std::size_t i = 0; i < places.size(); ++i) {
      throws.push_back(run.chance(30));
      yields.push_back(run.random(4));
    }
  }

  void run() {
    PoolOptions options;
    options.name = "member";
    ExecutorPool<std::uint64_t> pool(
        places,
        [this](Shard& shard) {
          Seen& mine = seen.at(shard.number());
          ++mine.roots;
          mine.made_on = pthread_self();
          return look_round(shard, seen, yields[shard.number()], throws[shard.number()]);
        },
        options);
    size = pool.size();
    outcomes = pool.join();
  }

  std::vector<CpuSet> places;
  std::vector<Seen> seen;
  std::vector<bool> throws;
  std::vector<std::uint64_t> yields;
  std::size_t size = 0;
  std::vector<Outcome<std::uint64_t>> outcomes;
};

}  // namespace

PERCORE_CHECK("start", every_outcome_in_order, "O4",
              "join() gives every member's value or exception, in their order", the_end) {
  Case drawn(run);
  run.waits_for("the end of the pool's members");
  drawn.run();
  const std::size_t count = drawn.places.size();
  require(drawn.size == count && drawn.outcomes.size() == count,
          "a pool of {} members has the size {}, and join() gave {} outcomes", count, drawn.size,
          drawn.outcomes.size());
  for (std::size_t number = 0; number < count; ++number) {
    const auto& outcome = drawn.outcomes[number];
    require(drawn.seen[number].roots == 1, "the root of member {} was made {} times", number,
            drawn.seen[number].roots);
    require(drawn.seen[number].ended == 1,
            "join() came back, and the root of member {} has ended {} "
            "times",
            number, drawn.seen[number].ended);
    require(outcome.has_value() != drawn.throws[number], "member {} {}, and join() says the other",
            number, drawn.throws[number] ? "threw" : "gave a value");
    if (outcome.has_value()) {
      require(*outcome == 10 * number + 7, "member {} gave {}, and join() has {} in its place",
              number, 10 * number + 7, *outcome);
      continue;
    }
    std::string words = "nothing";
    try {
      if (outcome.error()) std::rethrow_exception(outcome.error());
    } catch (const std::exception& error) {
      words = error.what();
    }
    require(words == "member " + std::to_string(number),
            "the exception of member {} came out as {}", number, words);
  }
}

PERCORE_CHECK("start", pinned_before_its_ring, "O1",
              "a member's thread is pinned before it allocates anything", the_start) {
  Case drawn(run);
  run.waits_for("the end of the pool's members");
  drawn.run();
  const Opened opened = rings_opened();
  require(opened.all.size() == drawn.places.size(), "{} members, and {} threads opened a ring",
          drawn.places.size(), opened.all.size());
  require(opened.too_early.empty(), "{} of {} members opened their rings before they were pinned",
          opened.too_early.size(), opened.all.size());
  for (std::size_t number = 0; number < drawn.places.size(); ++number) {
    const Seen& seen = drawn.seen[number];
    require(seen.may_run_on == drawn.places[number],
            "member {} belongs on CPU {}, and its root task may run on {}", number,
            drawn.places[number].to_list(), seen.may_run_on.to_list());
    require(seen.shard_cpus == drawn.places[number] && seen.count == drawn.places.size(),
            "the shard of member {} of {} says: {} of {}, on CPU {}", number, drawn.places.size(),
            seen.number, seen.count, seen.shard_cpus.to_list());
    const std::string name = "member-" + std::to_string(number);
    require(seen.name == name, "the thread of member {} is called \"{}\", and \"{}\" was asked for",
            number, seen.name, name);
  }
  require(MadeUpKernel::get().of_this_thread() == range(0, 7),
          "the thread that made the pool was left pinned to {}",
          MadeUpKernel::get().of_this_thread().to_list());
}

PERCORE_CHECK("start", roots_wait_for_all, "O2",
              "no root task starts before every member has its executor", the_start) {
  Case drawn(run);
  run.waits_for("the end of the pool's members");
  drawn.run();
  for (std::size_t number = 0; number < drawn.places.size(); ++number)
    require(drawn.seen[number].ready_members == drawn.places.size(),
            "the root of member {} ran when {} of {} members had their executors", number,
            drawn.seen[number].ready_members, drawn.places.size());
}

PERCORE_CHECK("start", each_on_its_own_thread, "O3",
              "a root task is made, run and destroyed on its member's thread", the_start,
              .seeds = 60) {
  Case drawn(run);
  run.waits_for("the end of the pool's members");
  drawn.run();
  for (std::size_t number = 0; number < drawn.places.size(); ++number) {
    const Seen& seen = drawn.seen[number];
    require(pthread_equal(seen.ran_on, pthread_self()) == 0,
            "the root of member {} ran on the thread that made the pool", number);
    require(pthread_equal(seen.made_on, seen.ran_on) != 0,
            "the root of member {} was made on another thread than it ran on", number);
    require(pthread_equal(seen.destroyed_on, seen.ran_on) != 0,
            "the root of member {} was destroyed on another thread than it ran on", number);
  }
}

PERCORE_CHECK("start", all_or_none, "O2", "when one cannot start, none does", the_start) {
  std::vector<CpuSet> places = any_places(run);
  const std::size_t bad = run.random(places.size() + 1);
  places.insert(places.begin() + static_cast<std::ptrdiff_t>(bad), range(100, 100));
  const bool another = run.chance(50);
  if (another) places.push_back(range(101, 101));  // it fails as well, and is not the lowest
  unsigned roots = 0;
  std::string words = "nothing";
  run.waits_for("the constructor's exception");
  try {
    ExecutorPool<void> pool(places, [&roots](Shard&) {
      ++roots;
      return yield_often(1);
    });
    pool.join();
  } catch (const std::system_error& error) {
    words = error.what();
  }
  require(roots == 0, "member {} of {} could not be pinned, and {} root tasks were started", bad,
          places.size(), roots);
  require(words.find("CPU 100") != std::string::npos,
          "member {} of {} could not be pinned to CPU 100{}, and the constructor threw {}", bad,
          places.size(),
          another ? ", the last one not to CPU 101; the lowest has its reason thrown" : "", words);
}
