#pragma once

#include <percore/atomic.hpp>

// Exercise 05.4, kind: fix. A thread that has nothing to do sleeps; others ring for it. Now and
// then a wake-up is lost. The checker uses wait() and ring(): leave their names and parameters as
// they are.

/// One thread waits, others ring.
class SleepingFlag {
 public:
  /// Returns when there is work. Thread   the owner.
  /// has_work   whether there is: reads what those who ring have written before.
  /// sleep      sleeps until somebody wakes; a wake-up that came before ends it at once.
  template <typename HasWork, typename Sleep>
  void wait(HasWork has_work, Sleep sleep) {
    while (!has_work()) {
      sleeping_.store(true, std::memory_order_release);
      sleep();
      sleeping_.store(false, std::memory_order_relaxed);
    }
  }

  /// Called after the work was put there. Returns whether the caller must wake the owner: it
  /// sleeps, or is about to. Thread   any.
  bool ring() { return sleeping_.load(std::memory_order_acquire); }

 private:
  percore::atomic<bool> sleeping_{false};
};
