#pragma once

#include <cstdint>

/// What a run amounted to, kept as it goes on: a program that is killed, hangs or crashes leaves it
/// behind all the same when it lies in shared memory. Plain data of fixed size for that reason.
/// Owner  whoever called sim::set_ledger; the simulation writes, under its mutex.
namespace percore::sim {

inline constexpr unsigned LEDGER_ENTRIES_MAX = 64;

/// Where a fault may strike: what shrinking names it by. A place stays the same when other faults
/// are left out, which a count of faults would not.
///
///   place = (an enter's number * 2, or an operation's * 2 + 1) * 256 + the number of the draw for
///           it + 128 where as little as possible shall go through: one byte, one entry
inline constexpr unsigned FAULT_PLACE_DRAWS = 256;
inline constexpr unsigned FAULT_PLACE_LEAST = 128;

/// A fault that happened: neither suppressed nor beyond the limit.
struct FaultEntry {
  std::uint64_t place;      ///< as above; 0 = one that a script asked for
  std::uint64_t enter;      ///< the io_uring_enter under way, from 1; 0 = before the first
  std::uint64_t operation;  ///< the operation it struck; 0 = an enter as a whole
  std::int32_t result;      ///< the errno, negative; or how many bytes or entries went through
  std::uint32_t reserved;
};

struct Ledger {
  std::uint64_t enters;
  std::uint64_t submitted;
  std::uint64_t faults;    ///< of these, the first LEDGER_ENTRIES_MAX are below
  std::uint64_t switches;  ///< unforced ones between threads; likewise
  FaultEntry fault[LEDGER_ENTRIES_MAX];
  std::uint64_t switched[LEDGER_ENTRIES_MAX];  ///< their numbers, never 0
};

}  // namespace percore::sim
