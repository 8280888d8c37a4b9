#pragma once

/// Data races: who accessed plain memory last, and whether the next one can know of it.

#include "model.hpp"

#include <cstdint>
#include <source_location>
#include <vector>

namespace percore::explore {

/// An access to plain memory. `event` is the number that the thread's next atomic event would have:
/// only a release after the access hands it over.
struct PlainAccess {
  unsigned thread = 0;
  std::uint32_t event = 0;
  std::source_location where;
};

/// All plain memory of an execution, by address.
class PlainMemory {
 public:
  void begin() noexcept {
    ++execution_;
    count_ = 0;
  }

  /// Notes an access; the earlier one that it races with, or null. A write races with every access
  /// that did not happen before it, a read with every such write ([intro.races] p21).
  const PlainAccess* access(const void* address, bool write, const PlainAccess& now,
                            const View& view);

  /// The memory was given back: who gets it next has it anew.
  void forget(const void* address, std::size_t bytes) noexcept;

 private:
  struct Shadow {
    std::uintptr_t address = 0;
    std::uint64_t execution = 0;
    PlainAccess write;                           ///< event 0: none yet
    std::array<PlainAccess, THREADS_MAX> reads;  ///< since then, each thread's last
  };
  Shadow& find(std::uintptr_t address);

  std::vector<Shadow> table_ = std::vector<Shadow>(256);
  std::size_t count_ = 0;
  std::uint64_t execution_ = 0;
  PlainAccess found_;
};

}  // namespace percore::explore
