#pragma once

#include <array>
#include <cstdint>
#include <percore/assert.hpp>
#include <percore/contract/cpu_set.hpp>

namespace percore {

/// A set of CPU numbers. See contract/cpu_set.hpp.
/// Thread   any; a value.
class CpuSet {
 public:
  CpuSet() noexcept = default;

  static std::expected<CpuSet, CpuListError> parse(std::string_view list);
  std::string to_list() const;

  void add(unsigned cpu) noexcept {
    PERCORE_ASSERT(cpu < cpus_max, "a CPU number is too high: Linux has at most 8192");
    words_[cpu / 64] |= std::uint64_t{1} << (cpu % 64);
  }
  void remove(unsigned cpu) noexcept {
    PERCORE_ASSERT(cpu < cpus_max, "a CPU number is too high: Linux has at most 8192");
    words_[cpu / 64] &= ~(std::uint64_t{1} << (cpu % 64));
  }
  bool contains(unsigned cpu) const noexcept {
    return cpu < cpus_max && (words_[cpu / 64] >> (cpu % 64) & 1) != 0;
  }
  std::size_t count() const noexcept;
  bool empty() const noexcept { return next(0) == cpus_max; }
  unsigned next(unsigned cpu) const noexcept;

  CpuSet operator&(const CpuSet& other) const noexcept;
  CpuSet operator|(const CpuSet& other) const noexcept;
  bool operator==(const CpuSet&) const noexcept = default;

 private:
  std::array<std::uint64_t, cpus_max / 64> words_{};
};

}  // namespace percore
