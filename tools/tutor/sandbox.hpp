#pragma once

#include "supervise.hpp"

namespace percore::tutor {

/// What enter_sandbox could put in place, one bit each.
enum Shut : int {
  SHUT_PROCESSES = 1,  ///< no process but its own can be started, signalled or looked into
  SHUT_FILES = 2,      ///< nothing outside its folder can be written, made or removed
};

/// Called in the child between fork and exec: allocates nothing. Sets the limits and, unless the
/// program may fork, shuts it in: writes only below `folder` (Landlock, Linux 5.13), no
/// capabilities, and a seccomp filter that lets exactly one execve through, that of `path`, the
/// very pointer handed to execve.
/// Returns  the Shut bits; where the kernel refuses one, the child goes on without it.
/// Source   seccomp(2), landlock(7), capabilities(7)
int enter_sandbox(const Limits& limits, const char* path, const char* folder) noexcept;

}  // namespace percore::tutor
