#pragma once

#include <cstdint>
#include <string>

namespace lesson {

/// What the kernel says of the calling thread, asked anew each time: not what we told it.
struct KernelsWord {
  std::string name;        ///< /proc/thread-self/comm
  std::string may_run_on;  ///< Cpus_allowed_list of /proc/thread-self/status
  int ran_on;              ///< the field `processor` of /proc/thread-self/stat
};

/// Source   proc_pid_stat(5), field 39; proc_pid_status(5).
KernelsWord ask_kernel();

/// The pages of memory that the calling thread was the first to touch, since it began.
/// Source   getrusage(2), RUSAGE_THREAD: each first touch is a minor fault.
std::uint64_t first_touches();

}  // namespace lesson
