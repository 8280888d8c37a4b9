#include "count_steps.hpp"

#include "terminal.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
#include <percore/check_page.hpp>

#include <cerrno>
#include <csignal>

namespace percore::tutor {

#if defined(__x86_64__)

namespace {

constexpr std::uint64_t steps_max = 2'000'000;
constexpr int page_descriptor = 201;

class Stepper {
 public:
  Stepper();
  ~Stepper();
  Stepper(const Stepper&) = delete;
  Stepper& operator=(const Stepper&) = delete;

  bool start(const char* program, const char* check);
  std::uint64_t count(std::chrono::steady_clock::time_point deadline);

 private:
  bool wait_for_stop();
  bool step_over_outside(std::uint64_t return_address, std::uint64_t stack);

  int memory_ = -1;
  check::Page* page_ = nullptr;
  pid_t child_ = -1;
};

Stepper::Stepper() : memory_(memfd_create("percore-steps", MFD_CLOEXEC)) {
  if (memory_ < 0 || ftruncate(memory_, sizeof(check::Page)) != 0) return;
  void* mapped = mmap(nullptr, sizeof(check::Page), PROT_READ | PROT_WRITE, MAP_SHARED, memory_, 0);
  if (mapped != MAP_FAILED) page_ = static_cast<check::Page*>(mapped);
}

Stepper::~Stepper() {
  if (child_ > 0) {
    kill(child_, SIGKILL);
    while (waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (page_ != nullptr) munmap(page_, sizeof(check::Page));
  if (memory_ >= 0) close(memory_);
}

// True when the program stopped for us; false when it ended or something else struck.
bool Stepper::wait_for_stop() {
  int status = 0;
  while (waitpid(child_, &status, 0) < 0)
    if (errno != EINTR) return false;
  if (WIFEXITED(status) || WIFSIGNALED(status)) child_ = -1;
  throw_if_interrupted();
  return child_ > 0 && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
}

bool Stepper::start(const char* program, const char* check) {
  if (page_ == nullptr) return false;
  child_ = fork();
  if (child_ < 0) return false;
  if (child_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int nothing = open("/dev/null", O_RDWR);
    for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, 200})
      dup2(nothing, descriptor);
    dup2(memory_, page_descriptor);
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0)
      execl(program, program, "--check", check, "--seeds", "0..0", "--stepped", "1", "--report-fd",
            "200", "--page-fd", "201", static_cast<char*>(nullptr));
    _exit(127);
  }
  // The first stop is the exec's, the second the one that count_from_here() asks for.
  if (!wait_for_stop()) return false;
  ptrace(PTRACE_SETOPTIONS, child_, nullptr, PTRACE_O_EXITKILL);
  return ptrace(PTRACE_CONT, child_, nullptr, nullptr) == 0 && wait_for_stop();
}

// A call into the simulated ring: a breakpoint where it returns to, and on at full speed until
// then.
bool Stepper::step_over_outside(std::uint64_t return_address, std::uint64_t stack) {
  constexpr long breakpoint = 0xcc;  // int3
  errno = 0;
  const long word = ptrace(PTRACE_PEEKTEXT, child_, return_address, nullptr);
  if (errno != 0 ||
      ptrace(PTRACE_POKETEXT, child_, return_address, (word & ~0xffL) | breakpoint) != 0)
    return false;
  for (;;) {
    if (ptrace(PTRACE_CONT, child_, nullptr, nullptr) != 0 || !wait_for_stop()) return false;
    user_regs_struct registers{};
    ptrace(PTRACE_GETREGS, child_, nullptr, &registers);
    if (registers.rip != return_address + 1 || registers.rsp <= stack) return false;
    ptrace(PTRACE_POKETEXT, child_, return_address, word);
    registers.rip = return_address;
    return ptrace(PTRACE_SETREGS, child_, nullptr, &registers) == 0;
  }
}

std::uint64_t Stepper::count(std::chrono::steady_clock::time_point deadline) {
  std::uint64_t steps = 0;
  bool counting = false;
  while (steps < steps_max) {
    if (steps % 1024 == 0 && std::chrono::steady_clock::now() > deadline) return 0;
    if (ptrace(PTRACE_SINGLESTEP, child_, nullptr, nullptr) != 0 || !wait_for_stop()) return 0;
    if (page_->counting == 0) {
      if (counting) return steps;
      continue;  // on the way back from the stop
    }
    counting = true;
    user_regs_struct registers{};
    ptrace(PTRACE_GETREGS, child_, nullptr, &registers);
    if (registers.rip >= page_->outside_begin && registers.rip < page_->outside_end) {
      errno = 0;
      const long return_address = ptrace(PTRACE_PEEKDATA, child_, registers.rsp, nullptr);
      if (errno != 0 ||
          !step_over_outside(static_cast<std::uint64_t>(return_address), registers.rsp))
        return 0;
    }
    ++steps;
  }
  return 0;
}

}  // namespace

std::uint64_t count_steps(const fs::path& program, const std::string& check,
                          std::chrono::steady_clock::time_point deadline) {
  Stepper stepper;
  return stepper.start(program.c_str(), check.c_str()) ? stepper.count(deadline) : 0;
}

#else

std::uint64_t count_steps(const fs::path&, const std::string&,
                          std::chrono::steady_clock::time_point) {
  return 0;
}

#endif

}  // namespace percore::tutor
