#include "lock.hpp"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

#include "system_calls.hpp"

extern "C" {
void AnnotateIgnoreSyncBegin(const char* file, int line) __attribute__((weak));
void AnnotateIgnoreSyncEnd(const char* file, int line) __attribute__((weak));
void AnnotateIgnoreReadsBegin(const char* file, int line) __attribute__((weak));
void AnnotateIgnoreReadsEnd(const char* file, int line) __attribute__((weak));
void AnnotateIgnoreWritesBegin(const char* file, int line) __attribute__((weak));
void AnnotateIgnoreWritesEnd(const char* file, int line) __attribute__((weak));
}

namespace percore::sim {

namespace {

thread_local char this_thread;  // its address tells threads apart

}  // namespace

void hide_from_sanitizer() noexcept {
  if (AnnotateIgnoreSyncBegin == nullptr) return;
  AnnotateIgnoreSyncBegin(__FILE__, __LINE__);
  AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
  AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
}

void show_to_sanitizer() noexcept {
  if (AnnotateIgnoreSyncBegin == nullptr) return;
  AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
  AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  AnnotateIgnoreSyncEnd(__FILE__, __LINE__);
}

void futex_wait(const int& word, int while_it_is, std::int64_t timeout_nanoseconds) noexcept {
  const int saved = errno;
  timespec limit{};
  limit.tv_sec = timeout_nanoseconds / 1'000'000'000;
  limit.tv_nsec = timeout_nanoseconds % 1'000'000'000;
  system_calls().syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, while_it_is,
                         timeout_nanoseconds < 0 ? nullptr : &limit, nullptr, 0);
  errno = saved;
}

void futex_wake(const int& word, int count) noexcept {
  const int saved = errno;
  system_calls().syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
  errno = saved;
}

bool Lock::try_lock() noexcept {
  hide_from_sanitizer();
  int expected = 0;
  const bool mine = __atomic_load_n(&owner_, __ATOMIC_RELAXED) == &this_thread;
  if (mine || __atomic_compare_exchange_n(&word_, &expected, 1, false, __ATOMIC_ACQUIRE,
                                          __ATOMIC_RELAXED)) {
    __atomic_store_n(&owner_, &this_thread, __ATOMIC_RELAXED);
    ++depth_;
    return true;
  }
  show_to_sanitizer();
  return false;
}

void Lock::acquire(unsigned depth) noexcept {
  if (__atomic_load_n(&owner_, __ATOMIC_RELAXED) == &this_thread) {
    depth_ += depth;
    return;
  }
  int expected = 0;
  if (!__atomic_compare_exchange_n(&word_, &expected, 1, false, __ATOMIC_ACQUIRE,
                                   __ATOMIC_RELAXED)) {
    while (__atomic_exchange_n(&word_, 2, __ATOMIC_ACQUIRE) != 0) futex_wait(word_, 2, -1);
  }
  __atomic_store_n(&owner_, &this_thread, __ATOMIC_RELAXED);
  depth_ = depth;
}

unsigned Lock::release() noexcept {
  const unsigned depth = depth_;
  depth_ = 0;
  __atomic_store_n(&owner_, nullptr, __ATOMIC_RELAXED);
  if (__atomic_exchange_n(&word_, 0, __ATOMIC_RELEASE) == 2) futex_wake(word_, 1);
  return depth;
}

void Lock::lock() noexcept {
  hide_from_sanitizer();
  acquire(1);
}

void Lock::unlock() noexcept {
  if (depth_ == 1) {
    release();
  } else {
    --depth_;
  }
  show_to_sanitizer();
}

}  // namespace percore::sim
