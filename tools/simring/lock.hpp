#pragma once

// The lock around the simulation's state, and what makes it invisible to ThreadSanitizer.
//
// The baton gives every two threads an order, and that order is the simulation's, not the
// program's: were it seen as synchronisation, no data race of the program would ever be reported.
// So the lock and the baton are raw futexes, and between lock() and unlock() a thread's accesses
// and its synchronisation are hidden from ThreadSanitizer, which would otherwise report the
// simulation's own state instead.

#include <cstdint>

namespace percore::sim {

/// Accesses and synchronisation of this thread are hidden from ThreadSanitizer. They nest.
void hide_from_sanitizer() noexcept;
void show_to_sanitizer() noexcept;

/// futex(2) without interposition. Both are full barriers.
void futex_wait(const int& word, int while_it_is, std::int64_t timeout_nanoseconds) noexcept;
void futex_wake(const int& word, int count) noexcept;

/// Recursive. Not a pthread mutex: those of the program are simulated with it.
class Lock {
 public:
  void lock() noexcept;
  void unlock() noexcept;
  /// Gives it up for a while, however often this thread holds it, without showing the thread to the
  /// sanitizer again. Returns  how often, for acquire().
  unsigned release() noexcept;
  void acquire(unsigned depth) noexcept;
  /// One attempt, for who must not wait.
  bool try_lock() noexcept;

 private:
  int word_ = 0;  // 0 free, 1 held, 2 held and waited for
  const void* owner_ = nullptr;
  unsigned depth_ = 0;
};

}  // namespace percore::sim
