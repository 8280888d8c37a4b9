#include <count_instructions.hpp>

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <numeric>

namespace percore::observe {
namespace {

constexpr int child_could_not_be_traced = 120;
constexpr int child_threw = 121;

// The marks between which the parent steps. A signal of our own, so that SIGSTOP keeps its meaning.
constexpr int mark_signal = SIGUSR2;

[[noreturn]] void run_child(void (*prepare)(void*), void (*work)(void*), void* argument) {
  if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(child_could_not_be_traced);
  try {
    prepare(argument);
    raise(mark_signal);
    work(argument);
    raise(mark_signal);
  } catch (...) {
    _exit(child_threw);
  }
  _exit(0);
}

std::string ended_early(int status) {
  if (WIFSIGNALED(status))
    return std::string("the traced child was ended by ") + strsignal(WTERMSIG(status));
  if (WEXITSTATUS(status) == child_could_not_be_traced) {
    return "this system does not let a program trace its own child (ptrace is blocked): run it "
           "outside the container";
  }
  if (WEXITSTATUS(status) == child_threw) return "the work to count threw an exception";
  return "the traced child ended with status " + std::to_string(WEXITSTATUS(status)) +
         " before the work was done";
}

enum class MoveOn { by_one_instruction, until_it_stops };

// Moves a stopped child on; a signal that came for it is delivered.
bool move_on(pid_t child, MoveOn how, int signal, std::string& problem) {
  const auto request = how == MoveOn::by_one_instruction ? PTRACE_SINGLESTEP : PTRACE_CONT;
  if (ptrace(request, child, nullptr, signal) == 0) return true;
  problem = std::string("the traced child could not be moved on: ") + std::strerror(errno);
  return false;
}

// Follows a running child until it stops at the next mark. Adds the single steps it made on the way
// to the phase that each was made in, or sets `problem`.
void follow_to_mark(pid_t child, MoveOn how, const SharedPhase* phase, PhaseCounts& count) {
  for (unsigned in = phase == nullptr ? 0 : phase->get();;) {
    int status = 0;
    if (waitpid(child, &status, 0) < 0) {
      if (errno == EINTR) continue;
      count.problem = std::string("waiting for the traced child failed: ") + std::strerror(errno);
      return;
    }
    if (!WIFSTOPPED(status)) {
      count.problem = ended_early(status);
      return;
    }
    if (WSTOPSIG(status) == mark_signal) return;
    const bool stepped = how == MoveOn::by_one_instruction && WSTOPSIG(status) == SIGTRAP;
    if (stepped) {
      ++count.instructions[in];
      if (phase != nullptr) in = phase->get() % SharedPhase::phases_max;
    }
    if (!move_on(child, how, stepped ? 0 : WSTOPSIG(status), count.problem)) return;
  }
}

// A step is a switch from the child to the parent and one back. On one CPU they take some
// microseconds; across two each is an interrupt of the other CPU, in a virtual machine ten times
// that.
class OnOneCpu {
 public:
  explicit OnOneCpu(pid_t child) : known_(sched_getaffinity(0, sizeof before_, &before_) == 0) {
    const int here = sched_getcpu();
    if (!known_ || here < 0) return;
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(static_cast<unsigned>(here), &only);
    // Where it is not allowed, counting takes longer.
    static_cast<void>(sched_setaffinity(0, sizeof only, &only));
    static_cast<void>(sched_setaffinity(child, sizeof only, &only));
  }
  ~OnOneCpu() {
    if (known_) static_cast<void>(sched_setaffinity(0, sizeof before_, &before_));
  }
  OnOneCpu(const OnOneCpu&) = delete;
  OnOneCpu& operator=(const OnOneCpu&) = delete;

 private:
  cpu_set_t before_;
  bool known_;
};

PhaseCounts count_with_marks(void (*prepare)(void*), void (*work)(void*), void* argument,
                             const SharedPhase* phase) {
  PhaseCounts count;
  fflush(nullptr);  // the child must not print what the parent has buffered
  const pid_t child = fork();
  if (child == 0) run_child(prepare, work, argument);
  if (child < 0) {
    count.problem = std::string("no child to count in: ") + std::strerror(errno);
    return count;
  }
  follow_to_mark(child, MoveOn::until_it_stops, phase, count);
  if (count.counted()) {
    const OnOneCpu both(child);
    if (move_on(child, MoveOn::by_one_instruction, 0, count.problem))
      follow_to_mark(child, MoveOn::by_one_instruction, phase, count);
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  return count;
}

void nothing(void*) {}

InstructionCount sum_of(const PhaseCounts& count) {
  return {std::accumulate(count.instructions.begin(), count.instructions.end(), std::uint64_t{0}),
          count.problem};
}

}  // namespace

SharedPhase::SharedPhase() {
  void* const page =
      mmap(nullptr, sizeof(unsigned), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw std::bad_alloc();
  phase_ = static_cast<volatile unsigned*>(page);
}

SharedPhase::~SharedPhase() {
  munmap(const_cast<unsigned*>(phase_), sizeof(unsigned));
}

PhaseCounts count_by_phase(void (*prepare)(void*), void (*work)(void*), void* argument,
                           const SharedPhase& phase) {
  return count_with_marks(prepare, work, argument, &phase);
}

InstructionCount count_instructions(void (*prepare)(void*), void (*work)(void*), void* argument) {
  // The way out of one raise() and into the next, and the call itself, belong to us.
  static const InstructionCount ours =
      sum_of(count_with_marks(&nothing, &nothing, nullptr, nullptr));
  if (!ours.counted()) return ours;
  InstructionCount count = sum_of(count_with_marks(prepare, work, argument, nullptr));
  if (count.counted()) count.instructions -= ours.instructions;
  return count;
}

}  // namespace percore::observe
