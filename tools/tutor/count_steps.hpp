#pragma once

#include "files.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace percore::tutor {

/// Runs a measurement of a check program and counts the instructions between count_from_here() and
/// count_to_here(), by having the kernel stop the program after each one. Exact and the same on
/// every run. What the simulated ring executes stands for the kernel and is not counted.
/// Returns 0 where it cannot be counted: another processor than x86-64, no ptrace (a container),
/// too many, or not done at `deadline`.
/// Cost    some microseconds for each instruction.
/// Source  ptrace(2) PTRACE_SINGLESTEP.
std::uint64_t count_steps(const fs::path& program, const std::string& check,
                          std::chrono::steady_clock::time_point deadline);

}  // namespace percore::tutor
