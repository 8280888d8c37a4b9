#pragma once

#include <pthread.h>
#include <sched.h>

#include <cerrno>
#include <map>
#include <mutex>
#include <percore/cpu_set.hpp>

// The calls that pin, answered by the check: a kernel with as many CPUs as the check likes, so that
// a machine with one CPU sees what one with 64 sees. A thread begins with all of them.
namespace checks {

class MadeUpKernel {
 public:
  static MadeUpKernel& get() {
    static MadeUpKernel kernel;
    return kernel;
  }

  /// Forgets all threads. `cpus` are there from now on.
  void begin(const percore::CpuSet& cpus) {
    const std::lock_guard lock(mutex_);
    there_ = cpus;
    pins_.clear();
  }

  int set(pthread_t thread, const percore::CpuSet& wanted) {
    const std::lock_guard lock(mutex_);
    const percore::CpuSet usable = wanted & there_;
    if (usable.empty()) return EINVAL;
    pins_[thread] = usable;
    if (on_pin != nullptr) on_pin();
    return 0;
  }
  percore::CpuSet of(pthread_t thread) {
    const std::lock_guard lock(mutex_);
    const auto found = pins_.find(thread);
    return found == pins_.end() ? there_ : found->second;
  }
  percore::CpuSet of_this_thread() { return of(pthread_self()); }
  /// A new thread may have the handle of one that has ended.
  void forget_this_thread() {
    const std::lock_guard lock(mutex_);
    pins_.erase(pthread_self());
  }

  void (*on_pin)() = nullptr;  ///< called on the thread that pins

 private:
  std::mutex mutex_;
  percore::CpuSet there_;
  std::map<pthread_t, percore::CpuSet> pins_;
};

inline percore::CpuSet set_of(std::size_t bytes, const cpu_set_t* mask) {
  percore::CpuSet set;
  for (unsigned cpu = 0; cpu < percore::cpus_max && cpu < 8 * bytes; ++cpu)
    if (CPU_ISSET_S(cpu, bytes, mask)) set.add(cpu);
  return set;
}

inline void fill(std::size_t bytes, cpu_set_t* mask, const percore::CpuSet& set) {
  CPU_ZERO_S(bytes, mask);
  for (unsigned cpu = set.next(0); cpu != percore::cpus_max; cpu = set.next(cpu + 1))
    CPU_SET_S(cpu, bytes, mask);
}

}  // namespace checks

// In front of the C library's.
extern "C" {
int pthread_setaffinity_np(pthread_t thread, size_t bytes, const cpu_set_t* mask) noexcept {
  return checks::MadeUpKernel::get().set(thread, checks::set_of(bytes, mask));
}
int pthread_getaffinity_np(pthread_t thread, size_t bytes, cpu_set_t* mask) noexcept {
  checks::fill(bytes, mask, checks::MadeUpKernel::get().of(thread));
  return 0;
}
int sched_setaffinity(pid_t, size_t bytes, const cpu_set_t* mask) noexcept {
  const int error = pthread_setaffinity_np(pthread_self(), bytes, mask);
  if (error == 0) return 0;
  errno = error;
  return -1;
}
int sched_getaffinity(pid_t, size_t bytes, cpu_set_t* mask) noexcept {
  return pthread_getaffinity_np(pthread_self(), bytes, mask);
}
int sched_getcpu() noexcept {
  return static_cast<int>(checks::MadeUpKernel::get().of_this_thread().next(0));
}
}
