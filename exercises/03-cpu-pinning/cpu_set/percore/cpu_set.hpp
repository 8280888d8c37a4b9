#pragma once

#include <percore/assert.hpp>
#include <percore/contract/cpu_set.hpp>

namespace percore {

/// A set of CPU numbers. The contract, <percore/contract/cpu_set.hpp>, says what each function
/// promises and has the invariants P1 to P4: keep it open beside this file.
///
/// TODO set: choose how the members are kept. A number is below cpus_max (8192). A std::bitset, an
/// array of words or of bools will do; a std::vector will not, because add() is noexcept.
///
/// The bodies are in cpu_set.cpp, so that this header seldom changes.
/// Thread   any; a value, copied and compared.
class CpuSet {
 public:
  CpuSet() noexcept = default;

  // Step "set"
  void add(unsigned cpu) noexcept;
  void remove(unsigned cpu) noexcept;
  bool contains(unsigned cpu) const noexcept;
  std::size_t count() const noexcept;
  bool empty() const noexcept;
  unsigned next(unsigned cpu) const noexcept;
  CpuSet operator&(const CpuSet& other) const noexcept;
  CpuSet operator|(const CpuSet& other) const noexcept;
  bool operator==(const CpuSet&) const noexcept = default;

  // Step "print"
  std::string to_list() const;

  // Step "parse"
  static std::expected<CpuSet, CpuListError> parse(std::string_view list);
};

}  // namespace percore
