// Limits for a child. RLIMIT_NPROC does nothing for root, so starting processes is refused by a
// seccomp filter; RLIMIT_AS would kill the sanitizers, which reserve terabytes, so memory is
// watched by the supervisor instead. A filter cannot see paths, so files are Landlock's part.

#include "sandbox.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <initializer_list>

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
// Both architectures are little-endian.
constexpr unsigned low_of(unsigned argument) {
  return static_cast<unsigned>(offsetof(seccomp_data, args)) + 8 * argument;
}
constexpr unsigned high_of(unsigned argument) {
  return low_of(argument) + 4;
}

constexpr unsigned REFUSE = SECCOMP_RET_ERRNO | EPERM;

// The filter's instructions, in a place of fixed size: nothing may be allocated here. Each rule
// loads what it compares, so rules stand for themselves and in any order.
class Filter {
 public:
  void load(unsigned offset) { add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)); }
  void give(unsigned action) { add(BPF_STMT(BPF_RET | BPF_K, action)); }
  void skip_unless_equal(unsigned value, unsigned char instructions) {
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, instructions));
  }
  void skip_if_equal(unsigned value, unsigned char instructions) {
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, instructions, 0));
  }
  void skip_unless_bits(unsigned bits, unsigned char instructions) {
    add(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, instructions));
  }

  void answer(unsigned number, unsigned action) {
    load(NUMBER);
    skip_unless_equal(number, 1);
    give(action);
  }
  void answer(std::initializer_list<unsigned> numbers, unsigned action) {
    for (const unsigned number : numbers) answer(number, action);
  }
  /// The call is refused when its argument has one of the values.
  void refuse_values(unsigned number, unsigned argument, std::initializer_list<unsigned> values) {
    load(NUMBER);
    skip_unless_equal(number, static_cast<unsigned char>(1 + 2 * values.size()));
    load(low_of(argument));
    for (const unsigned value : values) {
      skip_unless_equal(value, 1);
      give(REFUSE);
    }
  }
  /// The call is refused unless its first argument has one of the values.
  void refuse_but(unsigned number, std::initializer_list<unsigned> values) {
    load(NUMBER);
    skip_unless_equal(number, static_cast<unsigned char>(2 + 2 * values.size()));
    load(low_of(0));
    for (const unsigned value : values) {
      skip_unless_equal(value, 1);
      give(SECCOMP_RET_ALLOW);
    }
    give(REFUSE);
  }

  bool install() noexcept {
    const sock_fprog program{.len = static_cast<unsigned short>(length_), .filter = text_};
    return !overflowed_ && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
  }

 private:
  void add(sock_filter instruction) {
    overflowed_ = overflowed_ || length_ == LENGTH_MAX;
    if (!overflowed_) text_[length_++] = instruction;
  }

  static constexpr unsigned LENGTH_MAX = 400;
  sock_filter text_[LENGTH_MAX];
  unsigned length_ = 0;
  bool overflowed_ = false;
};

void limit(__rlimit_resource which, std::uint64_t value) noexcept {
  const rlimit both{.rlim_cur = value, .rlim_max = value};
  setrlimit(which, &both);
}

void forbid_new_processes(Filter& filter, const char* path) noexcept {
  // clone3 hides its flags in memory, where a filter cannot look: it is "not implemented", and the
  // C library falls back to clone.
  filter.answer(__NR_clone3, SECCOMP_RET_ERRNO | ENOSYS);
  filter.load(NUMBER);
  filter.skip_unless_equal(__NR_clone, 4);
  filter.load(low_of(0));
  filter.skip_unless_bits(CLONE_THREAD, 1);
  filter.give(SECCOMP_RET_ALLOW);
  filter.give(SECCOMP_RET_TRAP);
#ifdef __NR_fork
  filter.answer({__NR_fork, __NR_vfork}, SECCOMP_RET_TRAP);
#endif
  filter.answer(__NR_execveat, SECCOMP_RET_TRAP);
  const auto address = reinterpret_cast<std::uintptr_t>(path);
  filter.load(NUMBER);
  filter.skip_unless_equal(__NR_execve, 6);
  filter.load(low_of(0));
  filter.skip_unless_equal(static_cast<unsigned>(address), 3);
  filter.load(high_of(0));
  filter.skip_unless_equal(static_cast<unsigned>(address >> 32), 1);
  filter.give(SECCOMP_RET_ALLOW);
  filter.give(SECCOMP_RET_TRAP);
}

// Signals reach the program itself and nobody else: not the tutor, not the machine by kill(-1).
void forbid_other_processes(Filter& filter) noexcept {
  const auto self = static_cast<unsigned>(getpid());
  filter.refuse_but(__NR_kill, {self, 0});  // 0: its group, in which it is alone
  filter.refuse_but(__NR_tgkill, {self});
  filter.refuse_but(__NR_rt_sigqueueinfo, {self});
  filter.refuse_but(__NR_rt_tgsigqueueinfo, {self});
  filter.answer({__NR_tkill, __NR_pidfd_send_signal, __NR_pidfd_getfd, __NR_ptrace,
                 __NR_process_vm_readv, __NR_process_vm_writev, __NR_perf_event_open},
                REFUSE);
  // A descriptor's owner gets signals too.
  filter.refuse_values(__NR_fcntl, 1, {F_SETOWN, F_SETOWN_EX});
  filter.refuse_values(__NR_ioctl, 1, {FIOSETOWN, SIOCSPGRP});
  // The supervisor ends the whole group, and the group ends with the supervisor: nobody leaves.
  filter.answer({__NR_setsid, __NR_setpgid}, REFUSE);
  filter.refuse_values(__NR_prctl, 0, {PR_SET_PDEATHSIG});
  // Limits, priorities and CPUs: a program's own only.
  filter.refuse_but(__NR_prlimit64, {0, self});
  filter.refuse_but(__NR_sched_setaffinity, {0, self});
  filter.answer({__NR_setpriority, __NR_ioprio_set, __NR_sched_setscheduler, __NR_sched_setparam,
                 __NR_sched_setattr},
                REFUSE);
}

// What outlives a process or reaches beyond it and is no file that Landlock could guard.
void forbid_what_stays(Filter& filter) noexcept {
  filter.answer({__NR_shmget, __NR_semget, __NR_msgget, __NR_mq_open, __NR_add_key, __NR_keyctl,
                 __NR_request_key, __NR_unshare, __NR_setns, __NR_mount, __NR_umount2,
                 __NR_pivot_root, __NR_chroot, __NR_bpf, __NR_userfaultfd},
                REFUSE);
  filter.answer(
      {__NR_fchmod, __NR_fchmodat, __NR_fchown, __NR_fchownat, __NR_utimensat, __NR_setxattr,
       __NR_lsetxattr, __NR_fsetxattr, __NR_removexattr, __NR_lremovexattr, __NR_fremovexattr},
      REFUSE);
#ifdef __NR_chmod
  filter.answer({__NR_chmod, __NR_chown, __NR_lchown, __NR_utime, __NR_utimes, __NR_futimesat},
                REFUSE);
#endif
  constexpr unsigned FCHMODAT2 = 452;  // Linux 6.6: newer than the headers we build with
  filter.answer(FCHMODAT2, REFUSE);
  // Somebody's terminal can be opened by its path. TCSETS2 and its like have no name here: their
  // structure's header and <termios.h> exclude one another.
  constexpr auto SET2 = [](unsigned number) { return _IOC(_IOC_WRITE, 'T', number, 44U); };
  filter.refuse_values(
      __NR_ioctl, 1,
      {TCSETS,    TCSETSW,    TCSETSF,   TCSETA,    TCSETAW,    TCSETAF,    TIOCSTI,    TIOCSCTTY,
       TIOCSPGRP, TIOCSWINSZ, TIOCLINUX, TIOCNOTTY, SET2(0x2B), SET2(0x2C), SET2(0x2D), TCXONC,
       TCFLSH,    TCSBRK,     TCSBRKP,   TIOCEXCL,  TIOCSETD,   TIOCCONS,   TIOCVHANGUP});
}

bool shut_in_processes(const char* path) noexcept {
  Filter filter;
  // A program of another architecture, or of the x32 numbers, has other numbers: refused whole.
  filter.load(offsetof(seccomp_data, arch));
  filter.skip_if_equal(ARCHITECTURE, 1);
  filter.give(SECCOMP_RET_KILL_PROCESS);
  constexpr unsigned X32_BIT = 0x40000000;
  filter.load(NUMBER);
  filter.skip_unless_bits(X32_BIT, 1);
  filter.give(SECCOMP_RET_KILL_PROCESS);
  forbid_new_processes(filter, path);
  forbid_other_processes(filter);
  forbid_what_stays(filter);
  filter.give(SECCOMP_RET_ALLOW);
  return filter.install();
}

// --- files: Landlock. Its header may be older than the kernel, so its numbers stand here.

struct RulesetAttributes {
  std::uint64_t handled_access;
};
struct [[gnu::packed]] PathBeneath {
  std::uint64_t allowed_access;
  std::int32_t parent;
};
enum Access : std::uint64_t {
  WRITE_FILE = 1U << 1,
  REMOVE_DIRECTORY = 1U << 4,
  REMOVE_FILE = 1U << 5,
  MAKE_ANY = 0x7fU << 6,  // character device, folder, file, socket, fifo, block device, link
  REFER = 1U << 13,       // ABI 2
  TRUNCATE = 1U << 14,    // ABI 3
};
constexpr long CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446;

void allow_beneath(int ruleset, const char* path, std::uint64_t access) noexcept {
  const int place = open(path, O_PATH | O_CLOEXEC);
  if (place < 0) return;
  const PathBeneath rule{.allowed_access = access, .parent = place};
  syscall(ADD_RULE, ruleset, 1 /* LANDLOCK_RULE_PATH_BENEATH */, &rule, 0);
  close(place);
}

bool shut_in_files(const char* folder) noexcept {
  const long abi = syscall(CREATE_RULESET, nullptr, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */);
  if (abi < 1) return false;
  std::uint64_t access = WRITE_FILE | REMOVE_DIRECTORY | REMOVE_FILE | MAKE_ANY;
  std::uint64_t on_files = WRITE_FILE;
  if (abi >= 2) access |= REFER;
  if (abi >= 3) on_files |= TRUNCATE;
  access |= on_files;
  const RulesetAttributes attributes{.handled_access = access};
  const auto ruleset = static_cast<int>(syscall(CREATE_RULESET, &attributes, sizeof attributes, 0));
  if (ruleset < 0) return false;
  allow_beneath(ruleset, folder, access);
  for (const char* device : {"/dev/null", "/dev/zero", "/dev/full"})
    allow_beneath(ruleset, device, on_files);
  const bool shut = syscall(RESTRICT_SELF, ruleset, 0) == 0;
  close(ruleset);
  return shut;
}

// Root without capabilities is an ordinary user with many files. CAP_DAC_OVERRIDE stays: a
// repository that belongs to somebody else, as in a container, must still be readable.
void drop_capabilities() noexcept {
  for (int capability = 0; capability <= 63; ++capability)
    if (capability != CAP_DAC_OVERRIDE) prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

}  // namespace

int enter_sandbox(const Limits& limits, const char* path, const char* folder) noexcept {
  limit(RLIMIT_CORE, 0);
  if (limits.processor_seconds_max != 0) limit(RLIMIT_CPU, limits.processor_seconds_max);
  if (limits.address_bytes_max != 0) limit(RLIMIT_AS, limits.address_bytes_max);
  const bool learners_build = limits.processor_seconds_max != 0;
  if (learners_build || !limits.may_fork) limit(RLIMIT_FSIZE, limits.file_bytes_max);
  if (limits.may_fork) return 0;
  limit(RLIMIT_CPU, static_cast<std::uint64_t>(limits.wall.count()) / 1000 + 1);
  limit(RLIMIT_NOFILE, limits.open_files_max);
  drop_capabilities();
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 0;
  const int files = shut_in_files(folder) ? SHUT_FILES : 0;
  return files | (shut_in_processes(path) ? SHUT_PROCESSES : 0);
}

}  // namespace percore::tutor
