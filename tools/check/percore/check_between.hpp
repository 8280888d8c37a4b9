#pragma once

#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <thread>

// Two threads meet at every instruction: one of them runs step by step, by the processor's trap
// flag, and between any two of its instructions the other one does a piece of work. What they share
// without a lock breaks then on every run, where two threads that just run at the same time meet
// once in a while. A lock is seen, too: who waits for it sleeps, and the first one goes on.
// Elsewhere than on x86-64 both just run at the same time.
// For a *_real.cpp: the threads of the simulated ring run one at a time.
// Cost     some ten microseconds for each instruction on a virtual machine, and what the work
//          costs.
// Source   Intel SDM volume 3, "Single-Step Exception Condition"; sigaction(2), SIGTRAP; futex(2);
//          proc(5).
namespace checks {

class Between {
 public:
  /// work   what another thread does between the instructions of this one.
  template <typename Work>
  explicit Between(Work work)
      : other_([this, work]() mutable {
          std::snprintf(state_path_, sizeof state_path_, "/proc/self/task/%d/stat", gettid());
          ready_ = true;
          for (unsigned done = 0;; ++done) {
            while (asked_ == done) {
              if (over_) {
                ended_ = true;
                return;
              }
              sleep_while(asked_, done, nullptr);
            }
            work();
            done_ = done + 1;
            wake(done_);
          }
        }) {
    while (!ready_) sched_yield();
    present_ = this;
    struct sigaction stepping{};
    stepping.sa_handler = [](int) { present_->step(); };
    sigaction(SIGTRAP, &stepping, &before_);
  }
  ~Between() {
    while (done_ != asked_) sched_yield();
    over_ = true;
    while (!ended_) {
      wake(asked_);
      sched_yield();
    }
    other_.join();
    sigaction(SIGTRAP, &before_, nullptr);
    present_ = nullptr;
  }
  Between(const Between&) = delete;
  Between& operator=(const Between&) = delete;

  /// From here on, until end(), the other thread comes between the instructions of this one.
#if defined(__x86_64__)
  void begin() { __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() | trap_flag); }
  void end() { __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() & ~trap_flag); }
#else
  void begin() {
    asked_ += 500;
    wake(asked_);
  }
  void end() {
    while (done_ != asked_) sched_yield();
  }
#endif

 private:
  static constexpr unsigned long trap_flag = 0x100;
  static constexpr unsigned looks_max = 1000;

  void step() {
    if (done_ != asked_) return;  // it waits for something that this thread has
    const int error = errno;
    const unsigned done = done_;
    asked_ = done + 1;
    wake(asked_);
    const timespec look{.tv_sec = 0, .tv_nsec = 1'000'000};
    for (unsigned i = 0; i != looks_max && done_ == done; ++i) {
      sleep_while(done_, done, &look);
      if (done_ == done && other_sleeps()) break;
    }
    errno = error;
  }

  // futex(2): std::atomic's wait() may not be called in a signal handler.
  static void sleep_while(std::atomic<unsigned>& word, unsigned value, const timespec* at_most) {
    syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, at_most, nullptr, 0);
  }
  static void wake(std::atomic<unsigned>& word) {
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }

  bool other_sleeps() const {
    char text[512];
    const int file = open(state_path_, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    const ssize_t size = read(file, text, sizeof text - 1);
    close(file);
    text[size > 0 ? size : 0] = '\0';
    const char* const bracket = std::strrchr(text, ')');
    return bracket != nullptr && bracket[1] == ' ' && bracket[2] == 'S';
  }

  static inline Between* present_ = nullptr;
  std::atomic<unsigned> asked_ = 0;
  std::atomic<unsigned> done_ = 0;
  std::atomic<bool> ready_ = false;
  std::atomic<bool> over_ = false;
  std::atomic<bool> ended_ = false;
  char state_path_[64] = {};
  struct sigaction before_{};
  std::thread other_;  // last: it uses the others
};

}  // namespace checks
