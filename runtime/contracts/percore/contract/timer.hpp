#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <percore/clock.hpp>
#include <percore/executor.hpp>
#include <percore/result.hpp>

/// Contract of the module `timer`, version 1. Ours, never swapped.
///
/// Invariants (lesson 02):
///   D1  No timer fires before its deadline.
///   D2  Timers fire in the order of their deadlines, equal ones in the order of their arming; none
///       is lost. A deadline that has passed already is taken as the present moment: the newest one
///       that fire_due() was told.
///   D3  A cancelled timer does not fire, not even when its deadline has passed and others of the
///       same batch have fired.
///   D4  The executor is told one deadline, never later than the earliest that is armed; with none
///       armed it sleeps for completions alone.
///   D5  Arming and cancelling allocate nothing, and cost the same whether ten timers are armed or
///       a million.
///   D6  A periodic timer does not drift: its deadlines are start + n * period, however late it was
///       looked at.
///   D7  At the end of the executor every sleeper goes on with ECANCELED, and later sleeps give it
///       at once.
namespace percore {

inline constexpr int timer_contract_version = 1;

/// `moment` + `duration`, and Time::never() where that is later than can be told: a sleep_for(
/// Time::never()) has no deadline, and must not wrap around to one in the past.
constexpr Time time_after(Time moment, Time duration) noexcept {
  Time later;
  if (__builtin_add_overflow(moment.nanoseconds, duration.nanoseconds, &later.nanoseconds))
    return duration.nanoseconds > 0 ? Time::never() : Time{};
  return later;
}

/// What the module must offer:
///   class Timer            a moment at which something is to be done. It lies in its owner and
///                          stays where it is while armed; destroying an armed one is a
///                          programmer's mistake.
///   class TimerQueue       the timers of one thread.
///   TimerQueue& timers()   the running executor's. Its timers are fired by that executor, between
///                          resumes. Requires a running executor.
///   sleep_until(Time), sleep_for(Time)
///                          awaiters; Result<void>: ECANCELED at the end of the executor. The
///                          caller always gives way to others once, even to a deadline in the past.
///                          sleep_for() adds with time_after().
///   class Interval         Interval(Time period, Time start = now()): start may lie ahead; the
///                          first tick is start + period. co_await interval.next() waits for the
///                          next start + n * period and gives the periods that have passed since
///                          the last one: 1 when in time.
template <typename Q, typename Timer>
concept TimerQueueContract =
    requires(Q queue, const Q const_queue, Timer timer, const Timer const_timer, Time time) {
      // Called on the queue's thread: it may arm and cancel timers, and must not resume a
      // coroutine.
      Timer(static_cast<void (*)(Timer&) noexcept>(nullptr));
      { const_timer.armed() } noexcept -> std::same_as<bool>;
      { const_timer.deadline() } noexcept -> std::same_as<Time>;
      // Requires: not armed. deadline() then says `time`, or the present moment (D2).
      { queue.arm(timer, time) } noexcept -> std::same_as<void>;
      // False when it was not armed: it has fired, or was never armed.
      { queue.cancel(timer) } noexcept -> std::same_as<bool>;
      // Fires what is due at `time`, and returns how many. What is armed meanwhile waits for
      // the next call. Time::never() fires all, and once none is armed the newest moment is
      // forgotten: the next executor begins anew.
      { queue.fire_due(time) } noexcept -> std::same_as<std::size_t>;
      // Time::never() when none is armed. After a cancel it may be earlier than any that is left.
      { const_queue.earliest() } noexcept -> std::same_as<Time>;
      { const_queue.size() } noexcept -> std::same_as<std::size_t>;
    };

}  // namespace percore
