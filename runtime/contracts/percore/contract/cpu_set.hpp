#pragma once

#include <concepts>
#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

/// Contract of the module `cpu_set`, version 1. Ours, never swapped.
///
/// Invariants (lesson 03):
///   P1  to_list() writes what the kernel writes: ascending, neighbours joined, "0-3,8,10-11"; the
///       empty set is "".
///   P2  parse() reads back every list that to_list() or the kernel writes, and gives the same set,
///       whatever the order and overlap of its ranges.
///   P3  A list that means nothing is refused with the place of the mistake; no CPU is dropped or
///       made up.
///   P4  A set holds the numbers that were added and not removed since, and no other; a copy is a
///       set of its own.
namespace percore {

inline constexpr int cpu_set_contract_version = 1;

/// CPUs are numbered below this: the largest CONFIG_NR_CPUS of Linux on x86-64 and arm64.
inline constexpr unsigned cpus_max = 8192;

/// What is wrong with a list of CPUs.
struct CpuListError {
  std::size_t position;  ///< of the offending character in the list, from 0
  std::string sentence;  ///< what is wrong there, and what may stand there instead
};

/// A set of CPU numbers. A value: copied and compared.
/// Source   cpuset(7), FORMATS, list format.
template <typename S>
concept CpuSetContract = requires(S set, const S const_set, std::string_view list, unsigned cpu) {
  S();
  // Blanks, tabs and newlines around the list are skipped: a file of the kernel's ends with one.
  { S::parse(list) } -> std::same_as<std::expected<S, CpuListError>>;
  { const_set.to_list() } -> std::same_as<std::string>;
  // Requires: cpu < cpus_max.
  { set.add(cpu) } noexcept -> std::same_as<void>;
  { set.remove(cpu) } noexcept -> std::same_as<void>;
  // False for every number from cpus_max on.
  { const_set.contains(cpu) } noexcept -> std::same_as<bool>;
  { const_set.count() } noexcept -> std::same_as<std::size_t>;
  { const_set.empty() } noexcept -> std::same_as<bool>;
  // The lowest CPU in the set that is not below `cpu`; cpus_max when there is none. So
  //   for (unsigned cpu = set.next(0); cpu != cpus_max; cpu = set.next(cpu + 1))
  // walks through it.
  { const_set.next(cpu) } noexcept -> std::same_as<unsigned>;
  { const_set& const_set } -> std::same_as<S>;
  { const_set | const_set } -> std::same_as<S>;
  { const_set == const_set } -> std::same_as<bool>;
};

}  // namespace percore
