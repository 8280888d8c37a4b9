// 02.7 combinators, step timeout.

#include "combinators_support.hpp"

using namespace checks;

namespace {

struct Asked {
  Time duration;
  Time limit;
  bool throws = false;
};

Task<> asks(World& world, Asked asked) {
  const Time start = now();
  const Time deadline = start + asked.limit;
  std::string thrown;
  percore::Result<unsigned> answer = 4711U;
  try {
    answer = co_await percore::with_timeout(ends_after(world, 42, asked.duration, asked.throws),
                                            deadline);
  } catch (const std::runtime_error& error) {
    thrown = error.what();
  }
  const Time after = now() - start;
  const bool in_time = asked.duration < asked.limit;
  if (!in_time) {
    require(thrown.empty() && !answer.has_value(),
            "a task of {} us was given {} us, and with_timeout() {}",
            asked.duration.nanoseconds / 1'000, asked.limit.nanoseconds / 1'000,
            thrown.empty() ? "gave a value" : "threw");
    require(answer.error() == std::errc::timed_out,
            "a task was too late, and with_timeout() did not give ETIMEDOUT but: {}",
            answer.error().message());
    require(after >= asked.limit, "with_timeout() gave up {} us before the deadline",
            (asked.limit - after).nanoseconds / 1'000);
  } else if (asked.throws) {
    require(thrown == "42", "a task threw in time, and with_timeout() {}",
            thrown.empty() ? "gave something" : "threw something else");
  } else {
    require(answer.has_value(), "a task of {} us was given {} us, and with_timeout() gave: {}",
            asked.duration.nanoseconds / 1'000, asked.limit.nanoseconds / 1'000,
            answer ? "" : answer.error().message());
    require(*answer == 42, "a task gave 42, and with_timeout() gave {}", *answer);
  }
  const Time expected = std::min(asked.duration, asked.limit);
  require(after <= expected + us(100),
          "a task of {} us was given {} us, and with_timeout() took {} us",
          asked.duration.nanoseconds / 1'000, asked.limit.nanoseconds / 1'000,
          after.nanoseconds / 1'000);
  const std::size_t sleeping = in_time ? 0 : 1;
  require(
      percore::timers().size() == sleeping,
      "with_timeout() has ended, and {} timers are armed; the task itself has {}: nothing of the "
      "deadline is left behind",
      percore::timers().size(), sleeping);
  static_cast<void>(co_await percore::sleep_for(ms(2)));
  require(world.ended == 1, "a task that was too late did not run on to its end");
}

}  // namespace

PERCORE_CHECK("timeout", in_time_or_too_late, "C4",
              "with_timeout() gives the value when it is there in time; else ETIMEDOUT",
              the_timeout, .faults = false) {
  const std::int64_t blocks = live_allocations();
  {
    World world{run};
    Asked asked;
    asked.duration = us(20 + static_cast<std::int64_t>(run.random(400)));
    asked.limit = us(20 + static_cast<std::int64_t>(run.random(400)));
    if (asked.duration == asked.limit) asked.limit = asked.limit + us(1);
    asked.throws = run.chance(25);
    run.waits_for("a task with a deadline");
    run_on_executor(asks(world, asked));
  }
  require(live_allocations() == blocks,
          "all tasks have ended, and {} blocks of memory are still taken",
          live_allocations() - blocks);
}

namespace {

Task<> computes(Time duration) {
  co_await rests(2);  // the task that is asked has begun
  percore::sim::advance(duration.nanoseconds);
  co_return;
}
/// The task's own sleep and the deadline pass while another task computes: in the next turn both
/// timers fire, the task's first, and then the one who waits goes on.
Task<> both_in_one_turn(World& world, Time between) {
  const Time deadline = now() + us(100);
  auto busy = spawn(computes(ms(1)));
  const auto answer =
      co_await percore::with_timeout(ends_after(world, 42, us(100) - between, false), deadline);
  require(answer.has_value() && *answer == 42,
          "the deadline passed in the same turn in which the task ended, and with_timeout() threw "
          "its value away: {}",
          answer ? "" : answer.error().message());
  require(percore::timers().size() == 0, "with_timeout() has ended, and {} timers are armed",
          percore::timers().size());
  co_await busy;
}
/// The value is there first; the deadline passes before the one who waits goes on.
Task<> late_caller(World& world) {
  const Time deadline = now() + us(50);
  auto slow = spawn(computes(ms(1)));
  const auto answer =
      co_await percore::with_timeout(ends_after(world, 42, Time{}, false), deadline);
  require(answer.has_value() && *answer == 42,
          "the task had ended before the deadline, and by the time that the caller went on the "
          "deadline had passed: with_timeout() gave: {}",
          answer ? "" : answer.error().message());
  co_await slow;
}

}  // namespace

PERCORE_CHECK("timeout", a_deadline_together_with_its_result, "C4",
              "a value that is there is given, also when the deadline has passed in the same turn",
              the_timeout, .seeds = 30, .faults = false) {
  World world{run};
  run.waits_for("a task that ends in the turn in which its deadline passes");
  run_on_executor(both_in_one_turn(world, us(1 + static_cast<std::int64_t>(run.random(40)))));
  World another{run};
  run_on_executor(late_caller(another));
}

namespace {

Task<> told_at_the_end(World& world, bool& told) {
  const auto answer = co_await percore::with_timeout(ends_after(world, 1, ms(3'600'000), false),
                                                     now() + ms(1'800'000));
  require(!answer.has_value() || *answer == 1, "with_timeout() gave a value that no task gave");
  require(answer.has_value() || answer.error() == std::errc::operation_canceled,
          "the executor ended while a task with a deadline ran, and with_timeout() gave: {}",
          answer ? "" : answer.error().message());
  told = true;
}
Task<> leaves(World& world, bool& told) {
  spawn(told_at_the_end(world, told)).detach();
  co_await rests(3);
}

}  // namespace

PERCORE_CHECK("timeout", at_the_end_it_is_cancelled, "C4",
              "at the executor's end with_timeout() gives ECANCELED", the_timeout, .seeds = 5,
              .faults = false) {
  World world{run};
  bool told = false;
  run.waits_for("a task with a deadline, when the root task has ended");
  run_on_executor(leaves(world, told));
  require(told, "one who waited with a deadline never went on at the executor's end");
}

PERCORE_ORACLE(sleeps_for_ever, "C4", "who waits with a deadline goes on",
               "Lesson 02, *The timeout*");
