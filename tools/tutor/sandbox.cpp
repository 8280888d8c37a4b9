// Limits for a child. RLIMIT_NPROC does nothing for root, so starting processes is refused by a
// seccomp filter; RLIMIT_AS would kill the sanitizers, which reserve terabytes, so memory is
// watched by the supervisor instead.

#include "sandbox.hpp"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <iterator>

namespace percore::tutor {

namespace {

#if defined(__x86_64__)
constexpr unsigned ARCHITECTURE = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr unsigned ARCHITECTURE = AUDIT_ARCH_AARCH64;
#else
#error "tools/tutor/sandbox.cpp: add this architecture's AUDIT_ARCH_ constant"
#endif

constexpr unsigned NUMBER = offsetof(seccomp_data, nr);
constexpr unsigned ARGUMENT_LOW =
    offsetof(seccomp_data, args);  // both architectures are little-endian
constexpr unsigned ARGUMENT_HIGH = offsetof(seccomp_data, args) + 4;

constexpr sock_filter load(unsigned offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset);
}
constexpr sock_filter give(unsigned action) {
  return BPF_STMT(BPF_RET | BPF_K, action);
}
constexpr sock_filter skip_unless_equal(unsigned value, unsigned char instructions) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, instructions);
}

void limit(__rlimit_resource which, std::uint64_t value) noexcept {
  const rlimit both{.rlim_cur = value, .rlim_max = value};
  setrlimit(which, &both);
}

bool forbid_processes(const char* path) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(path);
  constexpr unsigned REFUSE = SECCOMP_RET_ERRNO | EPERM;
  // A program of another architecture has other numbers: it is refused altogether. clone3 hides its
  // flags in memory, where a filter cannot look: it is "not implemented", and the C library falls
  // back to clone.
  const sock_filter filter[] = {
      load(offsetof(seccomp_data, arch)),
      skip_unless_equal(ARCHITECTURE, 1),
      BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
      give(SECCOMP_RET_KILL_PROCESS),
      load(NUMBER),
      skip_unless_equal(__NR_clone3, 1),
      give(SECCOMP_RET_ERRNO | ENOSYS),
      skip_unless_equal(__NR_clone, 4),
      load(ARGUMENT_LOW),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
      give(SECCOMP_RET_ALLOW),
      give(SECCOMP_RET_TRAP),
#ifdef __NR_fork
      skip_unless_equal(__NR_fork, 1),
      give(SECCOMP_RET_TRAP),
      skip_unless_equal(__NR_vfork, 1),
      give(SECCOMP_RET_TRAP),
#endif
      skip_unless_equal(__NR_execveat, 1),
      give(SECCOMP_RET_TRAP),
      skip_unless_equal(__NR_setsid, 1),  // the supervisor ends the whole group: nobody leaves it
      give(REFUSE),
      skip_unless_equal(__NR_setpgid, 1),
      give(REFUSE),
      skip_unless_equal(__NR_ptrace, 1),
      give(REFUSE),
      skip_unless_equal(__NR_execve, 6),
      load(ARGUMENT_LOW),
      skip_unless_equal(static_cast<unsigned>(address), 3),
      load(ARGUMENT_HIGH),
      skip_unless_equal(static_cast<unsigned>(address >> 32), 1),
      give(SECCOMP_RET_ALLOW),
      give(SECCOMP_RET_TRAP),
      give(SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{.len = std::size(filter), .filter = const_cast<sock_filter*>(filter)};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

}  // namespace

bool enter_sandbox(const Limits& limits, const char* path) noexcept {
  limit(RLIMIT_CORE, 0);
  if (limits.may_fork) return true;
  limit(RLIMIT_CPU, static_cast<std::uint64_t>(limits.wall.count()) / 1000 + 1);
  limit(RLIMIT_FSIZE, limits.file_bytes_max);
  limit(RLIMIT_NOFILE, limits.open_files_max);
  return forbid_processes(path);
}

}  // namespace percore::tutor
