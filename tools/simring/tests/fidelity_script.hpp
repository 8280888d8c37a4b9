#pragma once

#include <cstdint>
#include <string>

/// Runs one random script, a function of `seed` alone, on whichever ring this is linked with, and
/// prints its results: one line an operation, in submission order. Where a kernel is free (which of
/// two racing things comes first), the script prints a class of results instead of one. Breaks of
/// the ordering rules are printed as lines beginning "!".
void run_fidelity_script(std::uint64_t seed);

/// The same for operations on sockets and pipes.
void run_fidelity_socket_script(std::uint64_t seed);

/// The same for operations on files. folder  an empty one, without a slash at its end.
void run_fidelity_file_script(std::uint64_t seed, const std::string& folder);
