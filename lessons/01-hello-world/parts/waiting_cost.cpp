// What one waiting thing costs: a thread that blocks, or a coroutine that is suspended.
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <thread>
#include <vector>

#include <fmt/core.h>

#include "waiting_cost.hpp"

namespace lesson {
namespace {

class Waiting {
 public:
  struct promise_type {
    Waiting get_return_object() {
      return Waiting(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };

  explicit Waiting(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Waiting(Waiting&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
  ~Waiting() {
    if (handle_) handle_.destroy();
  }
  void resume() const { handle_.resume(); }

 private:
  std::coroutine_handle<promise_type> handle_;
};

// Not inlined: the compiler would see through it, drop the frame, and leave nothing to measure.
[[gnu::noinline]] Waiting wait_for_ever() {
  for (;;) co_await std::suspend_always();
}

void pass(int descriptor) {
  const std::uint64_t one = 1;
  if (write(descriptor, &one, sizeof one) != sizeof one) std::terminate();
}

void wait_for(int descriptor) {
  std::uint64_t value = 0;
  if (read(descriptor, &value, sizeof value) != sizeof value) std::terminate();
}

std::size_t resident_bytes() {
  unsigned long size = 0;
  unsigned long resident = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr || std::fscanf(file, "%lu %lu", &size, &resident) != 2) std::terminate();
  std::fclose(file);
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

double nanoseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
}

std::size_t bytes_a_thread() {
  constexpr int threads = 500;
  const int gate = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
  const int arrived = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
  const std::size_t before = resident_bytes();
  std::vector<std::thread> waiting;
  for (int count = 0; count < threads; ++count)
    waiting.emplace_back([gate, arrived] {
      pass(arrived);
      wait_for(gate);
    });
  for (int count = 0; count < threads; ++count) wait_for(arrived);
  const std::size_t after = resident_bytes();
  for (int count = 0; count < threads; ++count) pass(gate);
  for (std::thread& thread : waiting) thread.join();
  close(gate);
  close(arrived);
  return (after - before) / threads;
}

std::size_t bytes_a_coroutine() {
  constexpr int coroutines = 100'000;
  std::vector<Waiting> waiting;
  waiting.reserve(coroutines);
  const std::size_t before = resident_bytes();
  for (int count = 0; count < coroutines; ++count) waiting.push_back(wait_for_ever());
  return (resident_bytes() - before) / coroutines;
}

/// Keeps this thread, and those it starts, on the CPU it runs on: between two CPUs a wake-up takes
/// many times as long, and how long depends on what the other one was doing.
class OnOneCpu {
 public:
  OnOneCpu() {
    sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET(static_cast<unsigned>(sched_getcpu()), &here);
    sched_setaffinity(0, sizeof here, &here);  // where it is refused the figure is only less steady
  }
  ~OnOneCpu() { sched_setaffinity(0, sizeof before_, &before_); }

 private:
  cpu_set_t before_;
};

double nanoseconds_a_thread_switch() {
  const OnOneCpu on_one_cpu;
  constexpr int rounds = 20'000;
  const int there = eventfd(0, EFD_CLOEXEC);
  const int back = eventfd(0, EFD_CLOEXEC);
  std::thread other([there, back] {
    for (int round = 0; round < rounds; ++round) {
      wait_for(there);
      pass(back);
    }
  });
  const auto start = std::chrono::steady_clock::now();
  for (int round = 0; round < rounds; ++round) {
    pass(there);
    wait_for(back);
  }
  const double elapsed = nanoseconds_since(start);
  other.join();
  close(there);
  close(back);
  return elapsed / rounds / 2;  // there, and back
}

double nanoseconds_a_resume() {
  constexpr int rounds = 10'000'000;
  const Waiting waiting = wait_for_ever();
  const auto start = std::chrono::steady_clock::now();
  for (int round = 0; round < rounds; ++round) waiting.resume();
  return nanoseconds_since(start) / rounds;
}

}  // namespace

int show_waiting_cost() {
  fmt::print("{:<22}{:>16}{:>16}\n", "", "bytes resident", "ns to go on");
  fmt::print("{:<22}{:>16}{:>16.0f}\n", "a blocked thread", bytes_a_thread(),
             nanoseconds_a_thread_switch());
  fmt::print("{:<22}{:>16}{:>16.1f}\n", "a suspended coroutine", bytes_a_coroutine(),
             nanoseconds_a_resume());
  return 0;
}

}  // namespace lesson
