#pragma once

#include <cstdint>

/// What the modules below `stats` count for it. Ours, never swapped.
namespace percore {

/// Of files that are read and written past the page cache. Each DmaFile keeps one; so does whoever
/// does the like by other means. Stats::watch() adds it to the snapshots.
/// reads, writes   operations of the kernel that ended without an error. One that ended short and
///                 was gone on with is two; what was put together, by read_many() or because
///                 neighbours were written at once, is one.
/// bytes_read,     that these moved: with what was read besides, to begin and end at a multiple of
/// bytes_written   the alignment.
/// syncs           that were said to have succeeded.
struct FileCounts {
  std::uint64_t reads = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t writes = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t syncs = 0;
};

}  // namespace percore
