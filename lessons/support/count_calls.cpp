// Counts system calls from outside: the kernel stops the child at each one and tells its number.
// Nothing inside the program has to be trusted to count itself.
#include <count_calls.hpp>

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

namespace percore::lesson {
namespace {

constexpr int child_could_not_be_traced = 120;
constexpr int syscall_stop = SIGTRAP | 0x80;  // PTRACE_O_TRACESYSGOOD marks its stops with this bit

std::string name_of(std::uint64_t number) {
  switch (number) {
    case SYS_read:
      return "read";
    case SYS_write:
      return "write";
    case SYS_pread64:
      return "pread64";
    case SYS_pwrite64:
      return "pwrite64";
    case SYS_readv:
      return "readv";
    case SYS_writev:
      return "writev";
    case SYS_mmap:
      return "mmap";
    case SYS_munmap:
      return "munmap";
    case SYS_brk:
      return "brk";
    case SYS_close:
      return "close";
    case SYS_futex:
      return "futex";
    case SYS_clock_gettime:
      return "clock_gettime";
    case SYS_io_uring_setup:
      return "io_uring_setup";
    case SYS_io_uring_enter:
      return "io_uring_enter";
    case SYS_io_uring_register:
      return "io_uring_register";
    default:
      return "system call " + std::to_string(number);
  }
}

[[noreturn]] void run_child(void (*work)(CallWindow&, void*), void* argument,
                            volatile bool* counting) {
  if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(child_could_not_be_traced);
  raise(SIGSTOP);  // gives the parent its chance to set the options
  CallWindow window(counting);
  work(window, argument);
  window.close();
  fflush(nullptr);
  _exit(0);
}

bool at_entry(pid_t child, std::uint64_t& number) {
  __ptrace_syscall_info info{};
  const long size =
      ptrace(static_cast<__ptrace_request>(PTRACE_GET_SYSCALL_INFO), child, sizeof info, &info);
  if (size <= 0 || info.op != PTRACE_SYSCALL_INFO_ENTRY) return false;
  number = info.entry.nr;
  return true;
}

/// Follows the child from stop to stop until it ends. Returns the problem, or an empty text.
std::string follow(pid_t child, const volatile bool* counting,
                   std::map<std::uint64_t, std::uint64_t>& calls) {
  bool options_are_set = false;
  for (;;) {
    int status = 0;
    if (waitpid(child, &status, 0) < 0) {
      if (errno == EINTR) continue;
      return std::string("waiting for the traced child failed: ") + std::strerror(errno);
    }
    if (WIFEXITED(status)) {
      if (WEXITSTATUS(status) == 0) return "";
      return WEXITSTATUS(status) == child_could_not_be_traced
                 ? "this system does not let a program trace its own child (ptrace is blocked); "
                   "run it outside the "
                   "container, or under `strace -c` where that is allowed"
                 : "the traced child ended with status " + std::to_string(WEXITSTATUS(status));
    }
    if (WIFSIGNALED(status))
      return std::string("the traced child was ended by ") + strsignal(WTERMSIG(status));

    int signal_to_deliver = 0;
    if (!options_are_set) {
      options_are_set = true;  // the first stop is the child's own SIGSTOP
      ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    } else if (WSTOPSIG(status) == syscall_stop) {
      std::uint64_t number = 0;
      if (*counting && at_entry(child, number)) ++calls[number];
    } else {
      signal_to_deliver = WSTOPSIG(status);
    }
    ptrace(PTRACE_SYSCALL, child, nullptr, signal_to_deliver);
  }
}

}  // namespace

std::uint64_t CallReport::total() const {
  std::uint64_t sum = 0;
  for (const CallCount& count : counts) sum += count.calls;
  return sum;
}

std::string CallReport::in_words() const {
  if (!problem.empty()) return problem;
  std::string words;
  for (const CallCount& count : counts) {
    if (!words.empty()) words += ", ";
    words += std::to_string(count.calls) + " " + count.name;
  }
  return words.empty() ? "none" : words;
}

CallReport count_calls(void (*work)(CallWindow&, void*), void* argument) {
  CallReport report;
  void* shared =
      mmap(nullptr, sizeof(bool), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) {
    report.problem = std::string("no shared memory for the counter: ") + std::strerror(errno);
    return report;
  }
  auto* counting = static_cast<volatile bool*>(shared);
  fflush(nullptr);  // the child must not print what the parent has buffered
  const pid_t child = fork();
  if (child == 0) run_child(work, argument, counting);
  if (child < 0) {
    report.problem = std::string("no child to count in: ") + std::strerror(errno);
  } else {
    std::map<std::uint64_t, std::uint64_t> calls;
    report.problem = follow(child, counting, calls);
    for (const auto& [number, count] : calls) report.counts.push_back({name_of(number), count});
    std::ranges::sort(report.counts, std::greater{}, &CallCount::calls);
  }
  munmap(shared, sizeof(bool));
  return report;
}

}  // namespace percore::lesson
