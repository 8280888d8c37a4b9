#pragma once

/// The schedule explorer: runs a piece of lock-free code in every order that threads can be
/// switched in, with every value that its loads may read by the C++ memory model, and tells the
/// shortest losing execution step by step.
///
///     #include <percore/explore.hpp>
///     #include <percore/spsc_queue.hpp>      // written on <percore/atomic.hpp>
///
///     explore::check({}, [](explore::Threads& threads) {
///       SpscQueue<explore::Tracked> queue(2);
///       threads.spawn("producer", [&] { queue.try_push(7); });
///       threads.spawn("consumer", [&] {
///         if (auto item = queue.try_pop()) explore::require(*item == 7, "popped {}", *item);
///       });
///       threads.run();
///       explore::require(queue.empty() || ..., "...");    // what holds at the end
///     });
///
/// Rules
/// 1. The body is run again for each execution and must do the same each time: no randomness, no
///    real clock, no state kept from one run to the next.
/// 2. What threads share is of percore::atomic, percore::Parking or explore::Tracked, or is guarded
///    by these. Other plain memory is not watched.
/// 3. Threads end by themselves. A loop that waits calls percore::cpu_relax() or sleeps.
/// 4. The whole program is compiled with -DPERCORE_EXPLORE.
/// 5. A failure leaves its execution where it is: destructors of that execution do not run.
///
/// docs/reference/schedule-explorer.md says what the model is and what it leaves out.

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <source_location>
#include <string>
#include <string_view>

namespace percore::explore {

struct Options {
  /// How often a thread may be interrupted where it could have gone on. Switches where a thread
  /// waits, spins or ends are free. ALL: no bound.
  unsigned preemptions = 3;
  std::uint64_t executions_max = 2'000'000;  ///< give up then, and say so
  unsigned steps_max = 2'000;                ///< an execution with more does not end
  /// compare_exchange_weak may fail for no reason, once in each thread.
  bool weak_may_fail = true;
  /// Shows this one execution again instead of searching; from a failure's schedule.
  std::string schedule = {};

  static constexpr unsigned ALL = 1'000;
};

/// What was wrong with an execution.
enum class Wrong : std::uint8_t {
  nothing,
  requirement,  ///< explore::require
  race,         ///< two threads at the same plain memory, one of them writing, in no order
  lost_wakeup,  ///< everybody waits: asleep, or spinning for what nobody will write
  endless,      ///< more steps than Options::steps_max
  exception,    ///< left a thread or the body
  misuse,       ///< of the explorer: more than it can hold
};

struct Outcome {
  Wrong wrong = Wrong::nothing;
  std::string sentence;  ///< what went wrong, without a full stop; empty when nothing did
  std::string history;   ///< the losing execution, a column for each thread
  std::string schedule;  ///< shows it again: Options::schedule
  unsigned preemptions =
      0;  ///< the bound that the search reached; of a failure: the fewest it needs
  bool every_schedule = false;  ///< no bound held the search back
  bool gave_up = false;         ///< executions_max came first
  std::uint64_t executions = 0;
  std::uint64_t steps = 0;
  std::uint64_t states = 0;  ///< different ones met with the last bound

  [[nodiscard]] bool passed() const noexcept { return wrong == Wrong::nothing && !gave_up; }
  /// "exhaustive to 3 preemptions, 12345 executions, 98765 steps".
  [[nodiscard]] std::string summary() const;
};

/// The threads of an execution.
class Threads {
 public:
  /// Adds a thread; it starts in run(). name  a word, for the history; must be a literal.
  /// At most seven.
  void spawn(const char* name, std::function<void()> work);

  /// Runs all threads to their ends. Afterwards the body sees all they did. Once an execution.
  void run();
};

/// Explores and tells what came of it.
/// Cost     about a microsecond for ten steps; all executions on the calling thread.
/// Thread   any, but one exploration at a time in a process.
Outcome explore(const Options& options, const std::function<void(Threads&)>& body);

/// Explores and reports a failure: in a check program as the check's verdict, else on standard
/// error with exit status 1. The environment variable PERCORE_SCHEDULE takes the place of
/// Options::schedule.
void check(const Options& options, const std::function<void(Threads&)>& body);

/// Has check() say that it gets on: called at the beginning of each execution, with its number from
/// 1. A search of many executions is no endless loop. Null: nobody is told.
void on_progress(void (*handler)(std::uint64_t execution)) noexcept;

/// Replaces what check() does with a failure. The handler does not return.
void on_failure(void (*handler)(const Outcome&)) noexcept;

/// Ends the execution as a losing one. Does not return.
[[noreturn]] void fail(std::string sentence);

/// Demands `held`, from a thread or from the body. No full stop at the sentence's end.
template <typename... Args>
void require(bool held, fmt::format_string<Args...> sentence, Args&&... args) {
  if (!held) [[unlikely]]
    fail(fmt::format(sentence, static_cast<Args&&>(args)...));
}

/// True while a losing execution is run again for its history.
[[nodiscard]] bool telling() noexcept;
void say_words(std::string words);

/// Adds a line to the history: "pops 7".
template <typename... Args>
void say(fmt::format_string<Args...> sentence, Args&&... args) {
  if (telling()) [[unlikely]]
    say_words(fmt::format(sentence, static_cast<Args&&>(args)...));
}

/// Tells the explorer of plain accesses to `address`, for memory that cannot hold Tracked values.
/// An access that races with another thread's ends the execution.
void plain_read(const void* address, std::source_location where = std::source_location::current());
void plain_write(const void* address, std::source_location where = std::source_location::current());

/// A value whose every copy, move, assignment and destruction is a watched access: what a queue
/// under test holds. Reading one that was moved from, destroyed or never given a value fails too.
class Tracked {
 public:
  Tracked() noexcept;
  Tracked(std::uint64_t value) noexcept;  // NOLINT: a queue is fed with plain numbers
  Tracked(const Tracked& other) noexcept;
  Tracked(Tracked&& other) noexcept;
  Tracked& operator=(const Tracked& other) noexcept;
  Tracked& operator=(Tracked&& other) noexcept;
  ~Tracked();

  [[nodiscard]] std::uint64_t value() const noexcept;
  friend bool operator==(const Tracked& a, const Tracked& b) noexcept {
    return a.value() == b.value();
  }

 private:
  enum class State : std::uint8_t {
    empty = 0x11,
    full = 0x22,
    moved_from = 0x33,
    destroyed = 0x44
  };
  void read_from(const Tracked& other, bool moving) noexcept;
  void must_be_full() const noexcept;

  std::uint64_t value_ = 0;
  mutable State state_ = State::empty;
};

}  // namespace percore::explore

template <>
struct fmt::formatter<percore::explore::Tracked> : fmt::formatter<std::uint64_t> {
  auto format(const percore::explore::Tracked& tracked, fmt::format_context& context) const {
    return fmt::formatter<std::uint64_t>::format(tracked.value(), context);
  }
};
