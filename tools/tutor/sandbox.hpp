#pragma once

#include "supervise.hpp"

namespace percore::tutor {

/// Called in the child between fork and exec: allocates nothing. Sets the limits and, unless the
/// program may fork, the seccomp filter that lets exactly one execve through: that of `path`, the
/// very pointer handed to execve. Returns false when the kernel refuses the filter; the child then
/// goes on without it.
bool enter_sandbox(const Limits& limits, const char* path) noexcept;

}  // namespace percore::tutor
