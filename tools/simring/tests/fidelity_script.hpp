#pragma once

#include <cstdint>

/// Runs one random script, a function of `seed` alone, on whichever ring this is linked with, and
/// prints its results: one line an operation, in submission order. Where a kernel is free (which of
/// two racing things comes first), the script prints a class of results instead of one. Breaks of
/// the ordering rules are printed as lines beginning "!".
void run_fidelity_script(std::uint64_t seed);
