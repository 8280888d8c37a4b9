// 02.7 combinators, step all.

#include "combinators_support.hpp"

using namespace checks;

namespace {

struct Plan {
  std::vector<Time> durations;
  std::vector<bool> throws;
  int first_to_throw = -1;
  Time longest;
};
Plan drawn(percore::check::Run& run, unsigned count, unsigned throws_percent) {
  Plan plan;
  for (unsigned i = 0; i < count; ++i) {
    plan.durations.push_back(drawn_time(run));
    plan.throws.push_back(run.chance(throws_percent));
    if (plan.throws.back() && plan.first_to_throw < 0) plan.first_to_throw = static_cast<int>(i);
    plan.longest = std::max(plan.longest, plan.durations.back());
  }
  return plan;
}

std::string thrown_as(std::exception_ptr exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    return error.what();
  }
}

/// What came of it, and whether it had to come that way.
void judge(World& world, const Plan& plan, const std::vector<unsigned>& values,
           std::exception_ptr exception, Time start, const char* name) {
  world.caller_gone = true;
  const auto count = static_cast<unsigned>(plan.durations.size());
  require(world.ended == count,
          "{} of {} tasks went on when {} had ended{}: it waits for every one of them", name, count,
          world.ended, exception ? ", with an exception of one of them" : "");
  if (plan.first_to_throw >= 0) {
    require(exception != nullptr, "task {} threw, and {} gave values", plan.first_to_throw, name);
    const std::string said = thrown_as(exception);
    require(
        said == std::to_string(plan.first_to_throw),
        "of all tasks that threw, task {} is the first in their order, and {} threw what task {} "
        "had thrown",
        plan.first_to_throw, name, said);
  } else {
    require(exception == nullptr, "no task threw, and {} did", name);
    require(values.size() == count, "{} of {} tasks gave {} values", name, count, values.size());
    for (unsigned i = 0; i < count; ++i)
      if (values[i] != i)
        fail_with("C2", all_of_them,
                  percore::check::say(
                      "value {} of {} is that of task {}: values come in the order of the "
                      "tasks, whatever the order of their ends",
                      i, name, values[i]));
  }
  require(now() - start <= plan.longest + us(200),
          "{} tasks, the longest of {} us, took {} us: they run at the same time", count,
          plan.longest.nanoseconds / 1'000, (now() - start).nanoseconds / 1'000);
}

Task<> waits_for_tasks(World& world, Plan plan) {
  const Time start = now();
  std::vector<Task<unsigned>> tasks;
  for (unsigned i = 0; i < plan.durations.size(); ++i)
    tasks.push_back(ends_after(world, i, plan.durations[i], plan.throws[i]));
  std::vector<unsigned> values;
  std::exception_ptr exception;
  try {
    values = co_await percore::when_all(std::move(tasks));
  } catch (...) {
    exception = std::current_exception();
  }
  judge(world, plan, values, exception, start, "when_all()");
}
Task<> waits_for_handles(World& world, Plan plan) {
  const Time start = now();
  std::vector<JoinHandle<unsigned>> handles;
  for (unsigned i = 0; i < plan.durations.size(); ++i)
    handles.push_back(spawn(ends_after(world, i, plan.durations[i], plan.throws[i])));
  if (world.run.chance(30)) co_await rests(3);
  std::vector<unsigned> values;
  std::exception_ptr exception;
  try {
    values = co_await percore::join_all(std::move(handles));
  } catch (...) {
    exception = std::current_exception();
  }
  judge(world, plan, values, exception, start, "join_all()");
}
Task<> waits_for_three(World& world, Plan plan) {
  const Time start = now();
  std::vector<unsigned> values;
  std::exception_ptr exception;
  try {
    auto [first, nothing, third] =
        co_await percore::when_all(ends_after(world, 0, plan.durations[0], plan.throws[0]),
                                   ends_quietly(world, 1, plan.durations[1], plan.throws[1]),
                                   ends_after(world, 2, plan.durations[2], plan.throws[2]));
    static_assert(std::is_same_v<decltype(nothing), Nothing>);
    values = {first, 1, third};
  } catch (...) {
    exception = std::current_exception();
  }
  judge(world, plan, values, exception, start, "when_all()");
}

}  // namespace

PERCORE_CHECK("all", all_are_waited_for, "C1",
              "when_all() waits for every one of its tasks, also when one throws", all_of_them,
              .faults = false) {
  World world{run};
  run.waits_for("tasks of different length, some of which throw");
  const std::int64_t blocks = live_allocations();
  run_on_executor(waits_for_tasks(world, drawn(run, run.size(1, 12), run.chance(50) ? 30 : 0)));
  require(live_allocations() == blocks, "when_all() has ended, and {} blocks of memory are taken",
          live_allocations() - blocks);
}

PERCORE_CHECK("all", all_handles_are_joined, "C1",
              "join_all() waits for every one of its handles, also when one throws", all_of_them,
              .seeds = 100, .faults = false) {
  World world{run};
  run.waits_for("spawned tasks of different length, some of which throw");
  run_on_executor(waits_for_handles(world, drawn(run, run.size(1, 12), run.chance(50) ? 30 : 0)));
}

PERCORE_CHECK("all", tasks_of_different_types, "C1",
              "when_all() of tasks of different types waits for every one of them", all_of_them,
              .seeds = 100, .faults = false) {
  World world{run};
  run.waits_for("three tasks of different length, some of which throw");
  run_on_executor(waits_for_three(world, drawn(run, 3, run.chance(50) ? 40 : 0)));
}

namespace {

Task<> waits_for_none(unsigned& values) {
  std::vector<Task<unsigned>> none;
  const auto all = co_await percore::when_all(std::move(none));
  std::vector<JoinHandle<unsigned>> no_handles;
  const auto joined = co_await percore::join_all(std::move(no_handles));
  values = static_cast<unsigned>(all.size() + joined.size());
}
Task<std::unique_ptr<unsigned>> only_moves(unsigned value) {
  co_return std::make_unique<unsigned>(value);
}
Task<> waits_for_what_only_moves() {
  std::vector<Task<std::unique_ptr<unsigned>>> tasks;
  tasks.push_back(only_moves(7));
  tasks.push_back(only_moves(8));
  const auto values = co_await percore::when_all(std::move(tasks));
  require(values.size() == 2 && values[0] && *values[0] == 7 && values[1] && *values[1] == 8,
          "values that can only be moved did not come through when_all()");
}

}  // namespace

PERCORE_CHECK("all", none_at_all, "C1", "of no task there is nothing to wait for", all_of_them,
              .seeds = 1, .faults = false) {
  unsigned values = 1;
  run_on_executor(waits_for_none(values));
  require(values == 0, "no task gave {} values", values);
  run_on_executor(waits_for_what_only_moves());
}

PERCORE_ORACLE(sleeps_for_ever, "C1", "who waits for all goes on when all have ended",
               "Lesson 02, *All of them*");
