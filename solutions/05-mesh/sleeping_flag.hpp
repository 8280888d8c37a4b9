#pragma once

#include <percore/atomic.hpp>

/// One thread waits, others ring.
class SleepingFlag {
 public:
  /// Returns when there is work. Thread   the owner.
  /// has_work   whether there is: reads what those who ring have written before.
  /// sleep      sleeps until somebody wakes; a wake-up that came before ends it at once.
  template <typename HasWork, typename Sleep>
  void wait(HasWork has_work, Sleep sleep) {
    while (!has_work()) {
      sleeping_.store(true, std::memory_order_relaxed);
      // Pairs with the one in ring(): either we see the work, or whoever rings sees the flag.
      percore::atomic_thread_fence(std::memory_order_seq_cst);
      if (!has_work()) sleep();
      sleeping_.store(false, std::memory_order_relaxed);
    }
  }

  /// Called after the work was put there. Returns whether the caller must wake the owner: it
  /// sleeps, or is about to. Thread   any.
  bool ring() {
    percore::atomic_thread_fence(std::memory_order_seq_cst);  // the work comes before the look
    return sleeping_.load(std::memory_order_relaxed);
  }

 private:
  percore::atomic<bool> sleeping_{false};
};
