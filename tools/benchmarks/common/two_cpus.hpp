#pragma once

#include <pthread.h>
#include <sched.h>

#include <cstdio>
#include <cstdlib>
#include <future>
#include <thread>
#include <utility>

/// Where the suites of two threads run.
namespace bench {

inline constexpr int first_cpu = 0;
inline constexpr int second_cpu = 1;

/// Has this thread run on `cpu` alone, whatever its parent was pinned to.
inline void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) == 0) return;
  std::fprintf(stderr,
               "two threads are measured on CPUs 0 and 1, and CPU %d may not be used here\n", cpu);
  std::exit(3);
}

/// Starts a thread on the second CPU, and returns when it is there: while it is still on the first,
/// which it has from us, whoever spins for it may keep it out.
template <typename Work>
std::thread on_second_cpu(Work work) {
  std::promise<void> there;
  std::future<void> came = there.get_future();
  std::thread thread([promise = std::move(there), work = std::move(work)]() mutable {
    pin_to(second_cpu);
    promise.set_value();
    work();
  });
  came.wait();
  return thread;
}

}  // namespace bench
