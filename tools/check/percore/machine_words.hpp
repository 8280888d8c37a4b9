#pragma once

#include <array>
#include <string>
#include <vector>

namespace percore::check {

/// Where a CPU lies: package, node, last-level cache, core, and its own number.
using CpuPlace = std::array<unsigned, 5>;

/// "{<[(0,4)(1,5)]>}": { } a package, < > a NUMA node, [ ] a last-level cache, ( ) a core.
/// Compiled apart from checks, with optimisation: they ask for it in every round, and would spend
/// most of a verdict on it.
std::string machine_in_words(std::vector<CpuPlace> cpus);

}  // namespace percore::check
