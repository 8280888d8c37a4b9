#pragma once

#include <cerrno>
#include <coroutine>
#include <cstddef>
#include <percore/assert.hpp>
#include <percore/contract/sync.hpp>
#include <percore/result.hpp>
#include <utility>

namespace percore {

// Who waits. It lies in the waiting coroutine's frame, so that a wait needs no memory.
struct Waiter {
  Runnable runnable;
  std::size_t units = 1;
  Waiter* next = nullptr;
};

// First come, first served.
class Waiters {
 public:
  Waiters() noexcept = default;
  Waiters(const Waiters&) = delete;
  Waiters& operator=(const Waiters&) = delete;
  ~Waiters() {
    PERCORE_ASSERT(first_ == nullptr,
                   "a semaphore, event or gate was destroyed while a task waits for it");
  }

  Waiter* first() const noexcept { return first_; }

  void push(Waiter& waiter) noexcept {
    (first_ == nullptr ? first_ : last_->next) = &waiter;
    last_ = &waiter;
  }
  // Once scheduled, the waiter's frame is its own again: its `next` is read before.
  void wake_first() noexcept { std::exchange(first_, first_->next)->runnable.schedule(); }

 private:
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

class Semaphore;

/// Units that are released at its end.
class [[nodiscard]] SemaphoreUnits {
 public:
  SemaphoreUnits(Semaphore& semaphore, std::size_t units) noexcept
      : semaphore_(&semaphore), units_(units) {}
  SemaphoreUnits(SemaphoreUnits&& other) noexcept
      : semaphore_(other.semaphore_), units_(std::exchange(other.units_, 0)) {}
  SemaphoreUnits& operator=(SemaphoreUnits&& other) noexcept {
    std::swap(semaphore_, other.semaphore_);
    std::swap(units_, other.units_);
    return *this;
  }
  ~SemaphoreUnits() { release(); }

  std::size_t count() const noexcept { return units_; }
  void release() noexcept;

 private:
  Semaphore* semaphore_;
  std::size_t units_;
};

/// So many units, and a queue of those who want some. Thread: the executor's, as for all here.
class Semaphore {
 public:
  explicit Semaphore(std::size_t units) noexcept : available_(units) {}
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  class [[nodiscard]] Acquire {
   public:
    Acquire(Semaphore& semaphore, std::size_t units) noexcept : semaphore_(semaphore) {
      waiter_.units = units;
    }
    bool await_ready() const noexcept { return semaphore_.try_acquire(waiter_.units); }
    void await_suspend(std::coroutine_handle<> awaiting) noexcept {
      waiter_.runnable = Runnable::of(awaiting);
      semaphore_.waiters_.push(waiter_);
    }
    void await_resume() const noexcept {}

   protected:
    Semaphore& semaphore_;
    Waiter waiter_;
  };
  class [[nodiscard]] Hold : public Acquire {
   public:
    using Acquire::Acquire;
    SemaphoreUnits await_resume() const noexcept { return {semaphore_, waiter_.units}; }
  };

  Acquire acquire(std::size_t units = 1) noexcept { return {*this, units}; }
  Hold hold(std::size_t units = 1) noexcept { return {*this, units}; }

  bool try_acquire(std::size_t units = 1) noexcept {
    if (waiters_.first() != nullptr || available_ < units) return false;
    available_ -= units;
    return true;
  }
  void release(std::size_t units = 1) noexcept {
    available_ += units;
    while (waiters_.first() != nullptr && waiters_.first()->units <= available_) {
      available_ -= waiters_.first()->units;
      waiters_.wake_first();
    }
  }

  std::size_t available() const noexcept { return available_; }
  std::size_t waiting() const noexcept {
    std::size_t count = 0;
    for (const Waiter* waiter = waiters_.first(); waiter != nullptr; waiter = waiter->next) ++count;
    return count;
  }

 private:
  std::size_t available_;
  Waiters waiters_;
};

inline void SemaphoreUnits::release() noexcept {
  if (units_ != 0) semaphore_->release(std::exchange(units_, 0));
}

/// Something that has happened, or not yet.
class Event {
 public:
  class [[nodiscard]] Wait {
   public:
    explicit Wait(Event& event) noexcept : event_(event) {}
    bool await_ready() const noexcept { return event_.set_; }
    void await_suspend(std::coroutine_handle<> awaiting) noexcept {
      waiter_.runnable = Runnable::of(awaiting);
      event_.waiters_.push(waiter_);
    }
    void await_resume() const noexcept {}

   private:
    Event& event_;
    Waiter waiter_;
  };

  Wait wait() noexcept { return Wait(*this); }
  void set() noexcept {
    set_ = true;
    while (waiters_.first() != nullptr) waiters_.wake_first();
  }
  void reset() noexcept { set_ = false; }
  bool is_set() const noexcept { return set_; }

 private:
  bool set_ = false;
  Waiters waiters_;
};

class Gate;

/// Whoever holds one is inside.
class [[nodiscard]] GatePass {
 public:
  explicit GatePass(Gate& gate) noexcept : gate_(&gate) {}
  GatePass(GatePass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
  GatePass& operator=(GatePass&& other) noexcept {
    std::swap(gate_, other.gate_);
    return *this;
  }
  ~GatePass() { leave(); }
  void leave() noexcept;

 private:
  Gate* gate_;
};

/// Counts who is inside, so that something can be torn down when nobody is any more.
class Gate {
 public:
  Gate() noexcept = default;
  ~Gate() { PERCORE_ASSERT(inside_ == 0, "a gate was destroyed while somebody is inside"); }

  Result<GatePass> enter() noexcept {
    if (closed_) return std::unexpected(std::error_code(ECANCELED, std::system_category()));
    ++inside_;
    return GatePass(*this);
  }
  Event::Wait close() noexcept {
    closed_ = true;
    if (inside_ == 0) empty_.set();
    return empty_.wait();
  }
  std::size_t inside() const noexcept { return inside_; }
  bool closed() const noexcept { return closed_; }

 private:
  friend class GatePass;
  void leave() noexcept {
    --inside_;
    if (closed_ && inside_ == 0) empty_.set();
  }

  bool closed_ = false;
  std::size_t inside_ = 0;
  Event empty_;  // closed, and nobody inside
};

inline void GatePass::leave() noexcept {
  if (gate_ != nullptr) std::exchange(gate_, nullptr)->leave();
}

}  // namespace percore
