#pragma once

#include <cstdint>

/// What the modules below `stats` count for it. Ours, never swapped.
namespace percore {

/// Of files that are read and written past the page cache. Whoever does so keeps one and counts;
/// Stats::watch() adds it to the snapshots.
struct FileCounts {
  std::uint64_t reads = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t writes = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t syncs = 0;
};

}  // namespace percore
