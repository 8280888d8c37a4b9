#include <percore/ring_setup.hpp>

#include <sys/resource.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

namespace percore {
namespace {

struct Level {
  unsigned flags;
  const char* lost;  // said when this is the level that was granted
};

constexpr unsigned common_flags = IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL;

constexpr std::array setup_levels = {
    Level{IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | common_flags, nullptr},
    Level{IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN | common_flags,
          "No DEFER_TASKRUN (Linux 6.1): completions may be worked on at any system call, not only "
          "when the "
          "executor asks."},
    Level{IORING_SETUP_COOP_TASKRUN | common_flags,
          "No SINGLE_ISSUER and no DEFER_TASKRUN (Linux 6.0 and 6.1): the kernel locks the ring "
          "against other "
          "threads, and works on completions at any system call."},
    Level{0,
          "No COOP_TASKRUN (Linux 5.19): the kernel interrupts the executor's thread for each "
          "completion. percore is "
          "tested on 5.19 and newer only."},
};

bool older_than(const std::string& release, int major_wanted, int minor_wanted) {
  int major = 0;
  int minor = 0;
  if (std::sscanf(release.c_str(), "%d.%d", &major, &minor) != 2) return false;
  return major < major_wanted || (major == major_wanted && minor < minor_wanted);
}

RingFailure old_kernel(int error, const std::string& release) {
  return {RingFailureCause::old_kernel, error,
          "This kernel, Linux " + release + ", is too old for percore's rings.",
          "Boot Linux 5.19 or newer, or run the lessons on the simulated ring."};
}

RingFailure explain_refusal(int error, const RingSurroundings& around) {
  if (around.io_uring_disabled == 2) {
    return {RingFailureCause::disabled_by_sysctl, error,
            "io_uring is switched off for everybody on this system (kernel.io_uring_disabled = 2).",
            "As root: sysctl kernel.io_uring_disabled=0"};
  }
  if (around.io_uring_disabled == 1 && !around.seccomp_filter) {
    return {RingFailureCause::disabled_by_sysctl, error,
            "io_uring is switched off for ordinary users (kernel.io_uring_disabled = 1).",
            "As root: sysctl kernel.io_uring_disabled=0, or put your group's number into "
            "kernel.io_uring_group."};
  }
  if (around.seccomp_filter) {
    return {
        RingFailureCause::blocked_by_filter, error,
        "A seccomp filter forbids io_uring, as the default profiles of Docker and containerd do.",
        "Run the container with a copy of its profile that allows io_uring_setup, io_uring_enter "
        "and "
        "io_uring_register (docker run --security-opt seccomp=PROFILE.json)."};
  }
  return {RingFailureCause::other, error,
          "The kernel refused a ring: " + std::string(std::strerror(error)) + ".",
          "Look for a security module (SELinux, AppArmor) that forbids io_uring: journalctl -k | "
          "grep -i denied"};
}

// Says what `level` granted and what it lost, and hands `opened` over to `ring`. Words need memory:
// where there is none, the ring is closed again.
RingReport report_on(const Level& level, io_uring& ring, io_uring& opened) {
  struct CloseUnlessKept {
    ~CloseUnlessKept() {
      if (ring != nullptr) io_uring_queue_exit(ring);
    }
    io_uring* ring;
  } guard{&opened};
  RingReport report;
  report.single_issuer = (level.flags & IORING_SETUP_SINGLE_ISSUER) != 0;
  report.defer_taskrun = (level.flags & IORING_SETUP_DEFER_TASKRUN) != 0;
  report.coop_taskrun = (level.flags & IORING_SETUP_COOP_TASKRUN) != 0;
  if (level.lost != nullptr) report.lost.emplace_back(level.lost);
  report.ring_fd_registered = io_uring_register_ring_fd(&opened) == 1;
  if (!report.ring_fd_registered) {
    report.lost.emplace_back(
        "The ring's descriptor could not be registered: each enter looks it up again.");
  }
  guard.ring = nullptr;
  ring = opened;
  return report;
}

}  // namespace

RingSurroundings ring_surroundings() {
  RingSurroundings around;
  utsname name{};
  if (uname(&name) == 0) around.kernel_release = name.release;
  if (std::ifstream file("/proc/sys/kernel/io_uring_disabled"); file)
    file >> around.io_uring_disabled;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("Seccomp:")) around.seccomp_filter = line.find('2') != std::string::npos;
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0) around.memlock_bytes = limit.rlim_cur;
  return around;
}

RingFailure explain_ring_failure(int error, const RingSurroundings& around) {
  switch (error) {
    case ENOSYS:
      if (older_than(around.kernel_release, 5, 1)) return old_kernel(error, around.kernel_release);
      if (around.seccomp_filter) return explain_refusal(error, around);
      return {RingFailureCause::other, error, "This kernel was built without io_uring.",
              "Boot a kernel with CONFIG_IO_URING=y; every distribution's own kernel has it."};
    case EPERM:
    case EACCES:
      return explain_refusal(error, around);
    case EINVAL:
      return old_kernel(error, around.kernel_release);
    case ENOMEM:
      return {RingFailureCause::memlock_too_low, error,
              "There was not enough memory that may be locked for a ring: the limit (memlock) is " +
                  std::to_string(around.memlock_bytes / 1024) + " KiB.",
              "Raise it: ulimit -l unlimited, or `memlock` in /etc/security/limits.conf; Linux "
              "5.12 and newer do not "
              "count rings against it."};
    case EMFILE:
    case ENFILE:
      return {RingFailureCause::out_of_descriptors, error,
              "No file descriptor was left for a ring: " + std::string(std::strerror(error)) + ".",
              "Raise the limit (ulimit -n 65536), or look for descriptors that are never closed: "
              "ls /proc/PID/fd"};
    default:
      return {RingFailureCause::other, error,
              "The kernel gave no ring: " + std::string(std::strerror(error)) + ".",
              "Look for the reason with: strace -e io_uring_setup COMMAND"};
  }
}

std::expected<RingReport, RingFailure> open_ring(io_uring& ring, const RingOptions& options) {
  int error = EINVAL;
  for (const Level& level : setup_levels) {
    io_uring_params params{};
    params.flags = level.flags | IORING_SETUP_CLAMP;
    if (options.completion_entries != 0) {
      params.flags |= IORING_SETUP_CQSIZE;
      // Fewer completions than submissions is EINVAL, which would be taken for an unknown flag.
      params.cq_entries = std::max(options.completion_entries, options.entries);
    }
    io_uring opened{};
    error = -io_uring_queue_init_params(std::max(options.entries, 1u), &opened, &params);
    if (error == EINVAL) continue;  // a flag that this kernel does not know
    if (error > 0) break;
    if ((params.features & IORING_FEAT_EXT_ARG) == 0) {  // 5.11: waiting with a deadline needs it
      io_uring_queue_exit(&opened);
      error = EINVAL;
      break;
    }
    return report_on(level, ring, opened);
  }
  return std::unexpected(explain_ring_failure(error, ring_surroundings()));
}

}  // namespace percore
