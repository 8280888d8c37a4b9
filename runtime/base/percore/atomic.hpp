#pragma once

/// Atomics for code that several threads run without locks. In every build these are the standard
/// library's own; in a program compiled with -DPERCORE_EXPLORE they are the schedule explorer's,
/// which runs the code in every order (docs/reference/schedule-explorer.md). Lock-free modules
/// write percore::atomic and percore::atomic_thread_fence, and std::memory_order_* as ever.

#ifdef PERCORE_EXPLORE

#include <percore/explored_atomic.hpp>

#else

#include <atomic>

namespace percore {

using std::atomic;
using std::atomic_thread_fence;

/// A place where one thread sleeps until another wakes it, as an executor does in its ring: a
/// wake-up that comes first is kept, so that the next sleep() returns at once; several are kept as
/// one. A wake-up hands over what was written before it.
/// Thread   sleep() by one thread, wake() by any.
/// Cost     a system call each when the sleeper is, or is about to be, asleep.
class Parking {
 public:
  Parking() = default;
  Parking(const Parking&) = delete;
  Parking& operator=(const Parking&) = delete;

  void sleep() noexcept {
    while (woken_.exchange(false, std::memory_order_acq_rel) == false)
      woken_.wait(false, std::memory_order_relaxed);
  }

  void wake() noexcept {
    if (!woken_.exchange(true, std::memory_order_acq_rel)) woken_.notify_one();
  }

 private:
  std::atomic<bool> woken_{false};
};

}  // namespace percore

#endif
