// 02.7 combinators, step any.

#include "combinators_support.hpp"

using namespace checks;

namespace {

struct First {
  unsigned resumes = 0;
  unsigned index = ~0U;
  unsigned value = ~0U;
  std::string thrown;
  Time after;
};

Task<> waits_for_the_first(World& world, std::vector<Time> durations, std::vector<bool> throws,
                           First& first) {
  const Time start = now();
  std::vector<Task<unsigned>> tasks;
  for (unsigned i = 0; i < durations.size(); ++i)
    tasks.push_back(ends_after(world, i, durations[i], throws[i]));
  try {
    const auto winner = co_await percore::when_any(std::move(tasks));
    first.index = static_cast<unsigned>(winner.index);
    first.value = winner.value;
  } catch (const std::runtime_error& error) {
    first.thrown = error.what();
  }
  ++first.resumes;
  first.after = now() - start;
  static_cast<void>(co_await percore::sleep_for(ms(2)));  // the others end by themselves
}

}  // namespace

PERCORE_CHECK("any", the_first_that_ends, "C3",
              "when_any() goes on with the first that ends, and the others run on", the_first,
              .faults = false) {
  const std::int64_t blocks = live_allocations();
  {
    World world{run};
    const unsigned count = run.size(1, 10);
    std::vector<Time> durations;
    std::vector<bool> throws;
    unsigned expected = 0;
    for (unsigned i = 0; i < count; ++i) {
      durations.push_back(us(20 + static_cast<std::int64_t>(run.random(10) * 20)));
      throws.push_back(run.chance(25));
      if (durations[i] < durations[expected]) expected = i;
    }
    const Time shortest = durations[expected];
    const bool first_throws = throws[expected];
    First first;
    run.waits_for("the first of several tasks");
    run_on_executor(waits_for_the_first(world, durations, throws, first));
    require(first.resumes == 1, "who waited for the first went on {} times", first.resumes);
    if (first_throws) {
      require(first.thrown == std::to_string(expected),
              "task {} ended first, with an exception, and when_any() {}", expected,
              first.thrown.empty() ? "gave a value" : "threw another one's");
    } else {
      require(first.thrown.empty(),
              "task {} ended first, with a value, and when_any() threw what task {} had thrown",
              expected, first.thrown);
      require(first.index == expected,
              "task {} ended first, and when_any() says that it was task {}", expected,
              first.index);
      require(first.value == expected,
              "task {} ended first, and when_any() gave the value of task {}", expected,
              first.value);
    }
    require(first.after <= shortest + us(100),
            "the first of {} tasks ended after {} us, and when_any() went on after {} us", count,
            shortest.nanoseconds / 1'000, first.after.nanoseconds / 1'000);
    require(world.begun == count, "when_any() was given {} tasks, and {} began", count,
            world.begun);
    require(
        world.ended == count,
        "when_any() was given {} tasks, and {} came to their end: the others run on by themselves",
        count, world.ended);
  }
  require(live_allocations() == blocks,
          "all tasks have ended, and {} blocks of memory are still taken",
          live_allocations() - blocks);
}

namespace {

Task<unsigned> at_once(unsigned number) {
  co_return number;
}
Task<> all_at_once(unsigned count) {
  std::vector<Task<unsigned>> tasks;
  for (unsigned i = 0; i < count; ++i) tasks.push_back(at_once(i));
  const auto first = co_await percore::when_any(std::move(tasks));
  require(
      first.index == 0 && first.value == 0,
      "{} tasks ended in one turn, the first of them first, and when_any() gave index {}, value "
      "{}",
      count, first.index, first.value);
  co_await rests(5);
}

}  // namespace

PERCORE_CHECK("any", several_end_in_one_turn, "C3",
              "of several that end in one turn the first wins, once", the_first, .seeds = 20,
              .faults = false) {
  run.waits_for("the first of several tasks that end at once");
  run_on_executor(all_at_once(run.size(1, 10)));
}

PERCORE_ORACLE(sleeps_for_ever, "C3", "who waits for the first goes on when one has ended",
               "Lesson 02, *The first*");
