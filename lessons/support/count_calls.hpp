#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace percore::lesson {

/// Opens and closes the stretch of a traced child's work that counts. It costs no system call
/// itself: both sides look at one byte of shared memory.
class CallWindow {
 public:
  explicit CallWindow(volatile bool* counting) : counting_(counting) {}
  void open() { *counting_ = true; }
  void close() { *counting_ = false; }

 private:
  volatile bool* counting_;
};

struct CallCount {
  std::string name;
  std::uint64_t calls;
};

struct CallReport {
  std::vector<CallCount> counts;  // by name, most frequent first
  std::string problem;            // why nothing could be counted; empty when it could

  std::uint64_t total() const;
  std::string in_words() const;  // "10 write", "1 io_uring_enter", or "none"
};

/// Runs `work` in a child and counts the system calls the kernel saw it make while the window was
/// open. work     called in the child, which exits after it; whatever it changes in memory stays
/// there. Returns  the counts, or the reason why the child could not be traced. Source   ptrace(2):
/// PTRACE_SYSCALL stops the child at each call, PTRACE_GET_SYSCALL_INFO (5.3) names it.
CallReport count_calls(void (*work)(CallWindow&, void*), void* argument);

}  // namespace percore::lesson
