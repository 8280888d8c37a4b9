// 02.3 timer, step interval: periodic timers, late or in time.

#include <percore/timer.hpp>

#include "01-hello-world/assertions.hpp"
#include "support.hpp"

using namespace checks;
using percore::Interval;
using percore::now;

namespace {

/// Ticks, with work of a random length between them.
Task<> ticks_and_works(percore::check::Run& run, unsigned ticks, Time period) {
  const Time start = now() + us(static_cast<std::int64_t>(run.random(200)));
  Interval interval(period, start);
  std::uint64_t told = 0;
  for (unsigned tick = 0; tick < ticks; ++tick) {
    run.operation(tick);
    const Time before = now();
    const auto passed = co_await interval.next();
    require(passed.has_value(), "tick {} gave an error although nothing ends", tick);
    require(*passed >= 1, "tick {} says that {} periods have passed since the one before", tick,
            *passed);
    told += *passed;
    const Time moment = now();
    const Time due = start + Time{static_cast<std::int64_t>(told) * period.nanoseconds};
    require(moment >= due,
            "tick {} of a period of {} ns came {} ns before start + {} periods, and says that so "
            "many have passed",
            tick, period.nanoseconds, (due - moment).nanoseconds, told);
    require(moment < due + period,
            "tick {} of a period of {} ns came when {} periods had passed since the start, and all "
            "ticks together have told of {}: a late caller is told of all that it missed",
            tick, period.nanoseconds, (moment - start).nanoseconds / period.nanoseconds, told);
    if (before < due)
      require(
          moment - due <= us(100),
          "tick {} was due at start + {} periods and came {} ns later: the deadlines are start + "
          "n * period, whatever the caller did in between",
          tick, told, (moment - due).nanoseconds);
    const auto work = run.chance(70)
                          ? run.random(static_cast<std::uint64_t>(period.nanoseconds))
                          : run.random(6 * static_cast<std::uint64_t>(period.nanoseconds));
    percore::sim::advance(static_cast<std::int64_t>(work));
  }
}

}  // namespace

PERCORE_CHECK("interval", ticks_stay_on_the_grid, "D6",
              "the deadlines of a periodic timer are start + n * period", the_interval,
              .faults = false) {
  run.waits_for("the tick of an interval");
  run_on_executor(ticks_and_works(run, run.size(1, 30),
                                  us(200 + static_cast<std::int64_t>(run.random(3'000)))));
}

namespace {

Task<> many_ticks(unsigned ticks, Time period, Time work) {
  const Time start = now();
  Interval interval(period, start);
  for (unsigned tick = 0; tick < ticks; ++tick) {
    const auto passed = co_await interval.next();
    require(passed.has_value() && *passed == 1,
            "the caller was always in time, and tick {} says that {} periods have passed", tick,
            passed.value_or(0));
    percore::sim::advance(work.nanoseconds);
  }
  const Time end = start + Time{static_cast<std::int64_t>(ticks) * period.nanoseconds} + work;
  require(
      now() - end <= us(100),
      "{} ticks of {} us, with {} us of work behind each, were over {} us after their time: the "
      "period is counted from the start, not from now",
      ticks, period.nanoseconds / 1'000, work.nanoseconds / 1'000,
      (now() - end).nanoseconds / 1'000);
}

}  // namespace

PERCORE_CHECK("interval", it_does_not_drift, "D6", "a periodic timer does not drift", the_interval,
              .seeds = 20, .faults = false) {
  run.waits_for("the tick of an interval");
  run_on_executor(
      many_ticks(run.size(2, 100), ms(1), us(static_cast<std::int64_t>(run.random(800)))));
}

namespace {

Task<> late_by(unsigned periods) {
  const Time start = now();
  Interval interval(ms(1), start);
  percore::sim::advance(static_cast<std::int64_t>(periods) * 1'000'000 + 500'000);
  const auto late = co_await interval.next();
  require(late.has_value() && *late == periods,
          "the caller came {} periods and a half after the start, and was told of {}", periods,
          late.value_or(0));
  const auto next = co_await interval.next();
  require(next.has_value() && *next == 1,
          "after a late tick the next one is a single period, and told of {}", next.value_or(0));
  const Time due = start + ms(static_cast<std::int64_t>(periods) + 1);
  require(now() >= due && now() - due <= us(100),
          "after a tick that was late by {} periods and a half the next one came {} us after its "
          "place on the grid",
          periods, (now() - due).nanoseconds / 1'000);
}

Task<> ticks_to_the_end(bool& told, Time period, const bool& ends) {
  Interval interval(period);
  const auto passed = co_await interval.next();
  if (!ends)
    fail_with("D6", the_interval,
              percore::check::say("an interval of {} told of a tick at once: the next deadline is "
                                  "time_after(last, period), which never wraps around",
                                  period == Time::never() ? "Time::never()" : "an hour"));
  require(!passed.has_value() && passed.error() == cancelled(),
          "the root task ended, and one who waited for a tick was not told ECANCELED");
  told = true;
}
Task<> leaves_one_who_ticks(bool& told, Time period, bool& ends) {
  spawn(ticks_to_the_end(told, period, ends)).detach();
  static_cast<void>(co_await percore::sleep_for(us(50)));
  ends = true;
}

}  // namespace

PERCORE_CHECK("interval", a_late_caller_is_told_once, "D6",
              "who comes late is told of all that it missed, once, and the grid is kept",
              the_interval, .seeds = 20, .faults = false) {
  run.waits_for("the tick of an interval, of which several have passed");
  run_on_executor(late_by(run.size(1, 30)));
}

PERCORE_CHECK("interval", at_the_end_a_tick_is_cancelled, "D7",
              "at the executor's end one who waits for a tick goes on with ECANCELED",
              the_end_of_sleeps, .seeds = 10, .faults = false) {
  bool told = false;
  bool ends = false;
  run.waits_for("one who waited for a tick when the root task ended");
  run_on_executor(
      leaves_one_who_ticks(told, run.seed() % 2 == 0 ? ms(3'600'000) : Time::never(), ends));
  require(told, "one who waited for a tick never went on");
}

PERCORE_CHECK("interval", a_period_is_above_zero, "D6",
              "a period of zero is a programmer's mistake", the_interval, .seeds = 1,
              .ring = false) {
  require(ends_the_program([] { Interval interval(Time{0}); }),
          "an Interval was made with a period of 0, and the program went on");
}

PERCORE_ORACLE(sleeps_for_ever, "D6", "each period has its tick", "Lesson 02, *The interval*");
