#pragma once

#include <bitset>
#include <percore/assert.hpp>
#include <percore/contract/cpu_set.hpp>

namespace percore {

/// A set of CPU numbers. The contract, <percore/contract/cpu_set.hpp>, says what each function
/// promises.
class CpuSet {
 public:
  CpuSet() noexcept = default;

  void add(unsigned cpu) noexcept;
  void remove(unsigned cpu) noexcept;
  bool contains(unsigned cpu) const noexcept;
  std::size_t count() const noexcept;
  bool empty() const noexcept;
  unsigned next(unsigned cpu) const noexcept;

  CpuSet operator&(const CpuSet& other) const noexcept;
  CpuSet operator|(const CpuSet& other) const noexcept;
  bool operator==(const CpuSet&) const noexcept = default;

  std::string to_list() const;

  static std::expected<CpuSet, CpuListError> parse(std::string_view list);

 private:
  std::bitset<cpus_max> members_;
};

}  // namespace percore
