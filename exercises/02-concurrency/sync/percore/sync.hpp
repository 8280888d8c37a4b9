#pragma once

#include <cerrno>
#include <coroutine>
#include <cstddef>
#include <percore/assert.hpp>
#include <percore/contract/sync.hpp>
#include <percore/result.hpp>
#include <utility>

// Waiting for one another, in three steps. The contract, <percore/contract/sync.hpp>, has the
// invariants S1 to S6 and what each public function promises: keep it open beside this. One thread
// owns each of these with all who wait for it: no mutex, no atomic.
//
// - Step "semaphore" (S1 to S3, S6): Waiters, Semaphore, SemaphoreUnits.
// - Step "event" (S4, S6): Event.
// - Step "gate" (S5, S6): Gate, GatePass.

namespace percore {

// ----------------------------------------------------------------------------- Step "semaphore"

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
    // TODO semaphore (S6): PERCORE_ASSERT, with a sentence, that nobody waits any more.
  }

  Waiter* first() const noexcept { return first_; }

  void push(Waiter& waiter) noexcept {
    // TODO semaphore (S1): to the end.
    static_cast<void>(waiter);
  }
  void wake_first() noexcept {
    // TODO semaphore (S3): takes the first one out and makes it ready. There is one. Once it runs,
    // its frame, and this Waiter in it, may be gone.
  }

 private:
  Waiter* first_ = nullptr;
  [[maybe_unused]] Waiter* last_ = nullptr;
};

class Semaphore;

/// Units that are released at its end.
class [[nodiscard]] SemaphoreUnits {
 public:
  SemaphoreUnits(Semaphore& semaphore, std::size_t units) noexcept
      : semaphore_(&semaphore), units_(units) {}
  SemaphoreUnits(SemaphoreUnits&& other) noexcept
      // TODO semaphore (S2): these units have one owner.
      : semaphore_(other.semaphore_), units_(other.units_) {}
  SemaphoreUnits& operator=(SemaphoreUnits&& other) noexcept {
    // TODO semaphore (S2): what becomes of the units that were held here before?
    static_cast<void>(other);
    return *this;
  }
  ~SemaphoreUnits() { release(); }

  std::size_t count() const noexcept { return units_; }
  void release() noexcept;

 private:
  [[maybe_unused]] Semaphore* semaphore_;
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
    bool await_ready() const noexcept {
      // TODO semaphore (S1): are the units there, and is it this one's turn?
      return true;
    }
    void await_suspend(std::coroutine_handle<> awaiting) noexcept {
      // TODO semaphore (S1): remembers who waits, and in which queue they go on (Runnable::of).
      static_cast<void>(awaiting);
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
    // TODO semaphore (S1)
    static_cast<void>(units);
    return false;
  }
  void release(std::size_t units = 1) noexcept {
    // TODO semaphore (S1 to S3): hands them over to those who wait, as far as they go. What is
    // handed over is in hand no more: nobody else can take it before its new owner runs.
    static_cast<void>(units);
  }

  std::size_t available() const noexcept { return available_; }
  std::size_t waiting() const noexcept {
    // TODO semaphore: how many
    return 0;
  }

 private:
  std::size_t available_;
  Waiters waiters_;
};

inline void SemaphoreUnits::release() noexcept {
  // TODO semaphore (S2): gives them back, once.
}

// --------------------------------------------------------------------------------- Step "event"

/// Something that has happened, or not yet.
class Event {
 public:
  class [[nodiscard]] Wait {
   public:
    explicit Wait(Event& event) noexcept : event_(event) {}
    bool await_ready() const noexcept {
      // TODO event (S4)
      return true;
    }
    void await_suspend(std::coroutine_handle<> awaiting) noexcept {
      // TODO event (S4)
      static_cast<void>(awaiting);
    }
    void await_resume() const noexcept {}

   private:
    [[maybe_unused]] Event& event_;
    Waiter waiter_;
  };

  Wait wait() noexcept { return Wait(*this); }
  void set() noexcept {
    // TODO event (S4): from now on nobody waits, and those who do go on.
    set_ = true;
  }
  void reset() noexcept { set_ = false; }
  bool is_set() const noexcept { return set_; }

 private:
  bool set_ = false;
  Waiters waiters_;
};

// ---------------------------------------------------------------------------------- Step "gate"

class Gate;

/// Whoever holds one is inside.
class [[nodiscard]] GatePass {
 public:
  explicit GatePass(Gate& gate) noexcept : gate_(&gate) {}
  GatePass(GatePass&& other) noexcept : gate_(other.gate_) {
    // TODO gate: who holds a pass is inside, once.
  }
  GatePass& operator=(GatePass&& other) noexcept {
    // TODO gate
    static_cast<void>(other);
    return *this;
  }
  ~GatePass() { leave(); }
  void leave() noexcept;

 private:
  [[maybe_unused]] Gate* gate_;
};

/// Counts who is inside, so that something can be torn down when nobody is any more.
class Gate {
 public:
  Gate() noexcept = default;
  ~Gate() {
    // TODO gate (S6): PERCORE_ASSERT, with a sentence, that nobody is inside.
  }

  Result<GatePass> enter() noexcept {
    // TODO gate (S5): ECANCELED, of std::system_category(), once it is closed.
    return GatePass(*this);
  }
  Event::Wait close() noexcept {
    // TODO gate (S5): from now on nobody comes in. The event says when the last one has left; where
    // nobody is inside, it has happened already.
    return empty_.wait();
  }
  std::size_t inside() const noexcept { return inside_; }
  bool closed() const noexcept { return closed_; }

 private:
  friend class GatePass;
  void leave() noexcept {
    // TODO gate (S5): one less inside. Was it the last, and does somebody wait for that?
  }

  bool closed_ = false;
  std::size_t inside_ = 0;
  Event empty_;  // closed, and nobody inside
};

inline void GatePass::leave() noexcept {
  // TODO gate: leaves, once.
}

}  // namespace percore
