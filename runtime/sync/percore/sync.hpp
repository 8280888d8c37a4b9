#pragma once

#include <cerrno>
#include <coroutine>
#include <cstddef>
#include <percore/contract/sync.hpp>
#include <percore/result.hpp>
#include <utility>

namespace percore {

namespace sync_detail {

// Who waits: it lies in the waiting coroutine's frame, so a wait needs no allocation.
struct Waiter {
  Runnable runnable;
  std::size_t units = 0;
  Waiter* next = nullptr;
};

class WaiterList {
 public:
  WaiterList() noexcept = default;
  WaiterList(const WaiterList&) = delete;
  WaiterList& operator=(const WaiterList&) = delete;
  ~WaiterList() {
    PERCORE_ASSERT(first_ == nullptr,
                   "a semaphore, event or gate was destroyed while a task waits for it: the task "
                   "must end first");
  }

  bool empty() const noexcept { return first_ == nullptr; }
  std::size_t size() const noexcept { return size_; }
  const Waiter& first() const noexcept { return *first_; }

  void push(Waiter& waiter) noexcept {
    *end_ = &waiter;
    end_ = &waiter.next;
    ++size_;
  }
  // The waiter's frame may be gone as soon as its coroutine runs: nothing of it is read afterwards.
  void wake_first() noexcept {
    const Waiter& waiter = *first_;
    first_ = waiter.next;
    if (first_ == nullptr) end_ = &first_;
    --size_;
    waiter.runnable.schedule();
  }
  void wake_all() noexcept {
    while (!empty()) wake_first();
  }

 private:
  Waiter* first_ = nullptr;
  Waiter** end_ = &first_;
  std::size_t size_ = 0;
};

}  // namespace sync_detail

class Semaphore;

/// Units of a semaphore that are released when this is destroyed. The semaphore must outlive it.
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
  /// Releases them now. A second call does nothing.
  void release() noexcept;

 private:
  Semaphore* semaphore_;
  std::size_t units_;
};

/// So many units, and a queue of those who want some. See contract/sync.hpp.
/// Thread   the executor's, as for all in this file.
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
    void await_suspend(std::coroutine_handle<> awaiting) {
      waiter_.runnable = Runnable::of(awaiting);
      semaphore_.waiters_.push(waiter_);
    }
    void await_resume() const noexcept {}

   protected:
    Semaphore& semaphore_;
    sync_detail::Waiter waiter_;
  };
  struct [[nodiscard]] Hold : Acquire {
    using Acquire::Acquire;
    SemaphoreUnits await_resume() const noexcept { return {semaphore_, waiter_.units}; }
  };

  Acquire acquire(std::size_t units = 1) noexcept { return {*this, units}; }
  Hold hold(std::size_t units = 1) noexcept { return {*this, units}; }

  bool try_acquire(std::size_t units = 1) noexcept {
    if (!waiters_.empty() || available_ < units) return false;
    available_ -= units;
    return true;
  }

  void release(std::size_t units = 1) noexcept {
    available_ += units;
    while (!waiters_.empty() && waiters_.first().units <= available_) {
      available_ -= waiters_.first().units;
      waiters_.wake_first();
    }
  }

  std::size_t available() const noexcept { return available_; }
  std::size_t waiting() const noexcept { return waiters_.size(); }

 private:
  std::size_t available_;
  sync_detail::WaiterList waiters_;
};

inline void SemaphoreUnits::release() noexcept {
  if (units_ != 0) semaphore_->release(std::exchange(units_, 0));
}

/// Something that has happened, or not yet.
class Event {
 public:
  Event() noexcept = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  class [[nodiscard]] Wait {
   public:
    explicit Wait(Event& event) noexcept : event_(event) {}
    bool await_ready() const noexcept { return event_.set_; }
    void await_suspend(std::coroutine_handle<> awaiting) {
      waiter_.runnable = Runnable::of(awaiting);
      event_.waiters_.push(waiter_);
    }
    void await_resume() const noexcept {}

   private:
    Event& event_;
    sync_detail::Waiter waiter_;
  };

  Wait wait() noexcept { return Wait(*this); }
  void set() noexcept {
    set_ = true;
    waiters_.wake_all();
  }
  void reset() noexcept { set_ = false; }
  bool is_set() const noexcept { return set_; }

 private:
  bool set_ = false;
  sync_detail::WaiterList waiters_;
};

class Gate;

/// Whoever holds one is inside. The gate must outlive it.
class [[nodiscard]] GatePass {
 public:
  explicit GatePass(Gate& gate) noexcept : gate_(&gate) {}
  GatePass(GatePass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
  GatePass& operator=(GatePass&& other) noexcept {
    std::swap(gate_, other.gate_);
    return *this;
  }
  ~GatePass() { leave(); }

  /// A second call does nothing.
  void leave() noexcept;

 private:
  Gate* gate_;
};

/// Counts who is inside, so that something can be torn down when nobody is any more.
class Gate {
 public:
  Gate() noexcept = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() {
    PERCORE_ASSERT(inside_ == 0,
                   "a gate was destroyed while somebody is inside: co_await close() first");
  }

  Result<GatePass> enter() noexcept {
    if (closed_) return std::unexpected(std::error_code(ECANCELED, std::system_category()));
    ++inside_;
    empty_.reset();
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
    if (--inside_ == 0) empty_.set();
  }

  bool closed_ = false;
  std::size_t inside_ = 0;
  Event empty_;
};

inline void GatePass::leave() noexcept {
  if (gate_ != nullptr) std::exchange(gate_, nullptr)->leave();
}

}  // namespace percore
