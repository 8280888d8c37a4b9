#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <percore/assert.hpp>
#include <percore/clock.hpp>
#include <percore/contract/executor.hpp>

/// Parts of every executor that teach nothing about executors: the list of pollers, and the last
/// words of a program that cannot go on. Ours, never swapped.
namespace percore {

/// The pollers of one executor, asked in the order of their coming, those that only watch last.
/// Thread: the executor's.
class PollerList {
 public:
  PollerList() noexcept = default;
  PollerList(const PollerList&) = delete;
  PollerList& operator=(const PollerList&) = delete;
  ~PollerList() {
    while (count_ != 0) pollers_[--count_]->executor_gone();
  }

  void add(Poller& poller) {
    PERCORE_ASSERT(count_ < pollers_.size(), "an executor has room for 16 pollers");
    std::size_t place = count_++;
    if (!poller.only_watches()) {
      for (; place != having_a_say_; --place) pollers_[place] = pollers_[place - 1];
      ++having_a_say_;
    }
    pollers_[place] = &poller;
  }
  void remove(Poller& poller) noexcept {
    const auto end = pollers_.begin() + static_cast<std::ptrdiff_t>(count_);
    const auto found = std::find(pollers_.begin(), end, &poller);
    PERCORE_ASSERT(found != end, "a poller was removed that had not been added");
    if (found < pollers_.begin() + static_cast<std::ptrdiff_t>(having_a_say_)) --having_a_say_;
    std::copy(found + 1, end, found);
    --count_;
  }
  /// Lets each schedule whoever waited for something that has happened.
  void poll() {
    for (std::size_t i = 0; i < count_; ++i) pollers_[i]->poll();
  }
  /// The same when run() is over, for what the last turn has put off. It is no turn: those that
  /// only watch hear nothing of it.
  void poll_once_more() {
    for (std::size_t i = 0; i < having_a_say_; ++i) pollers_[i]->poll();
  }
  /// The earliest moment at which one of them will have something to do.
  Time next_deadline() const {
    Time earliest = Time::never();
    for (std::size_t i = 0; i < count_; ++i)
      earliest = std::min(earliest, pollers_[i]->next_deadline());
    return earliest;
  }
  /// False when one of them has something after all: then nobody sleeps. Every call is followed by
  /// cancel_sleep().
  bool prepare_to_sleep() {
    return prepare_to_sleep([] { return false; });
  }
  /// The same, and false when `anything_ready` says so once they have prepared: what they did may
  /// have made something ready. Those that only watch then hear nothing of it.
  template <typename AnythingReady>
  bool prepare_to_sleep(const AnythingReady& anything_ready) {
    prepared_ = 0;
    while (prepared_ < having_a_say_) {
      if (!pollers_[prepared_++]->prepare_to_sleep()) return false;
    }
    if (anything_ready()) return false;
    while (prepared_ < count_) pollers_[prepared_++]->prepare_to_sleep();
    return true;
  }
  void cancel_sleep() {
    while (prepared_ != 0) pollers_[--prepared_]->cancel_sleep();
  }

 private:
  std::array<Poller*, 16> pollers_{};
  std::size_t count_ = 0;
  std::size_t having_a_say_ = 0;  // the first so many do not only watch
  std::size_t prepared_ = 0;
};

/// Ends a program that would sleep for ever: nothing is ready, nothing in flight, no deadline is
/// set.
[[noreturn]] inline void end_of_program_by_deadlock(std::size_t tasks_alive, bool ending) noexcept {
  if (tasks_alive == 0) {
    std::fputs(
        "percore: no task is left, and run() has not ended: the last one was resumed in place of "
        "being made ready with schedule(), or the tasks that are alive are miscounted\n",
        stderr);
    std::abort();
  }
  std::fprintf(
      stderr,
      "percore: %zu task%s for something that can no longer happen: nothing is ready, nothing is "
      "in flight and "
      "no deadline is set%s\n",
      tasks_alive, tasks_alive == 1 ? " waits" : "s wait",
      ending ? ". The root task has ended: it must end or wake the tasks that it spawned." : "");
  std::abort();
}

/// Ends a program in which a task ended with an exception and nobody holds its JoinHandle.
[[noreturn]] inline void end_of_program_by_exception(std::exception_ptr exception) noexcept {
  const char* what = "something that is not a std::exception";
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    what = error.what();
  } catch (...) {
  }
  std::fprintf(
      stderr, "percore: a detached task ended with an exception that nobody can see any more: %s\n",
      what);
  std::abort();
}

}  // namespace percore
