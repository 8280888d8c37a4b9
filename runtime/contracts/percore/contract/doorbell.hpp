#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <percore/atomic.hpp>
#include <percore/executor.hpp>
#include <utility>

/// Contract of the module `doorbell`, version 1. Ours, never swapped.
///
/// Invariants (lesson 05):
///   W1  A ring is never lost: each ring() is followed by a look at its inbox that begins after it,
///       also when the owner was just about to sleep.
///   W2  Nothing is rung at an executor that is awake: ring() makes a system call only when the
///       owner sleeps, and of many who ring one does.
///   W3  Inboxes that nobody rings cost the owner nothing, however many there are.
///   W4  Before its thread sleeps an executor spins for a bounded time, and only while that has
///       lately paid; an idle one uses no CPU.
///   W5  A bell may be rung after its owner has ended: nothing happens.
///   W6  What was put off to the end of the turn is done before the executor sleeps.
namespace percore {

inline constexpr int doorbell_contract_version = 1;

/// Something that others ring for: the waiting end of a channel. It lies in its owner and stays
/// where it is while attached. Thread   its executor's.
class Inbox {
 public:
  Inbox() noexcept = default;
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;
  /// It was rung for, or the executor ends: wakes who waits, if what it waits for has come. It may
  /// be called without a cause. It must not resume a coroutine.
  virtual void look() noexcept = 0;

  /// Whether a look() would wake who waits. Asked again and again, so it writes nothing.
  virtual bool came() noexcept { return true; }

  unsigned number() const noexcept { return number_; }
  /// For doorbells.
  void set_number(unsigned number) noexcept { number_ = number; }

 protected:
  ~Inbox() = default;

 private:
  unsigned number_ = 0;
};

/// Something to be done once at the end of a turn, for all that happened in it: publish what was
/// sent, give back what was received. Thread   its executor's.
class PutOff {
 public:
  PutOff() noexcept = default;
  PutOff(const PutOff&) = delete;
  PutOff& operator=(const PutOff&) = delete;
  virtual void at_end_of_turn() noexcept = 0;

 protected:
  virtual ~PutOff() = default;

 private:
  friend class PutOffList;
  PutOff* next_ = nullptr;
  bool waits_ = false;
};

/// Those of one executor, each once. Thread   the executor's.
class PutOffList {
 public:
  bool empty() const noexcept { return first_ == nullptr; }

  void add(PutOff& what) noexcept {
    if (what.waits_) return;
    what.waits_ = true;
    what.next_ = first_;
    first_ = &what;
  }

  void remove(PutOff& what) noexcept {
    if (!what.waits_) return;
    PutOff** at = &first_;
    while (*at != &what) at = &(*at)->next_;
    *at = what.next_;
    what.waits_ = false;
  }

  /// What is added meanwhile waits for the next time.
  void do_all() noexcept {
    PutOff* what = std::exchange(first_, nullptr);
    while (what != nullptr) {
      PutOff& now = *what;
      what = now.next_;
      now.waits_ = false;
      now.at_end_of_turn();
    }
  }

 private:
  PutOff* first_ = nullptr;
};

/// What the module must offer:
///   class BellWord        in <percore/bell_word.hpp>: what both sides write, without an executor,
///                         so that the schedule explorer can run it. Inbox n has bit n % bits.
///                         note(number) -> bool, from any thread: sets the bit; whether the caller
///                         must wake the owner, who sleeps and for whom nobody has rung since. The
///                         owner's: try_to_sleep() -> bool, unless a bit is set; rung() -> bool;
///                         take() -> std::uint64_t wakes up and gives the bits since the last time.
///   class Bell            what those who ring hold: shared, so that it outlives its owner.
///                         ring(number) noexcept, from any thread.
///   class Doorbell        an executor's, a Poller: what it gives is below.
///   Doorbell& doorbell()  the running executor's. Throws std::system_error (no descriptor).
/// A Doorbell may also offer watch(inbox) noexcept: that inbox is asked came() each turn and in the
/// spin, and looked at when it is true, or when another one is watched, or the executor is about to
/// sleep. So while its owner is awake nobody need ring for it.
template <typename W>
concept BellWordContract = W::bits >= 1 && W::bits <= 63 && requires(W word, unsigned number) {
  { word.note(number) } noexcept -> std::same_as<bool>;
  { word.try_to_sleep() } noexcept -> std::same_as<bool>;
  { word.rung() } noexcept -> std::same_as<bool>;
  { word.take() } noexcept -> std::same_as<std::uint64_t>;
};

template <typename D, typename B>
concept DoorbellContract =
    requires(D doorbell, B& bell, Inbox& inbox, PutOff& what, unsigned number) {
      { bell.ring(number) } noexcept -> std::same_as<void>;
      { doorbell.bell() } noexcept -> std::same_as<const std::shared_ptr<B>&>;
      // Gives it its number. Throws std::bad_alloc.
      { doorbell.attach(inbox) } -> std::same_as<void>;
      { doorbell.detach(inbox) } noexcept -> std::same_as<void>;
      // Once a turn, however often it is put off.
      { doorbell.put_off(what) } noexcept -> std::same_as<void>;
      // It goes: it is not done any more.
      { doorbell.take_back(what) } noexcept -> std::same_as<void>;
    };

}  // namespace percore
