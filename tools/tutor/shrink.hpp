#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace percore::tutor {

/// A seed's run made smaller: what a check program is told beside the seed. Nothing set: the whole
/// run. The same arguments give the same run again.
struct SmallCase {
  std::vector<std::uint32_t> size_limits;              ///< empty: sizes as drawn
  std::optional<std::vector<std::uint64_t>> faults;    ///< only at these places; nothing: as drawn
  std::optional<std::vector<std::uint64_t>> switches;  ///< of threads, likewise

  bool operator==(const SmallCase&) const = default;
};

/// The same as words of a check program's command line.
std::vector<std::string> to_words(const SmallCase& small);

/// One try of a smaller case.
struct Tried {
  bool fails = false;  ///< in the same way as the whole one
  unsigned cost = 1;   ///< of the budget; a hang takes as long as many quick failures
  // What happened in it, from which the next smaller ones are made.
  std::vector<std::uint32_t> sizes;
  std::vector<std::uint64_t> faults, switches;
};
using Try = std::function<Tried(const SmallCase&)>;

/// Finds the fewest operations, then the fewest faults, then the fewest context switches with which
/// a case still fails.
/// found    the whole case, which fails.
/// budget   the costs of all tries together stay below about this. Counted, not timed, so that the
///          same case shrinks to the same smaller one on every machine.
/// Returns  a case that was tried and fails, or the whole one. Within its budget it is minimal: no
///          single fault or switch can be left out.
SmallCase shrink(const Tried& found, const Try& attempt, unsigned budget);

}  // namespace percore::tutor
