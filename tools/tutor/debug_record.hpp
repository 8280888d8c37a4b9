#pragma once

#include "files.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace percore::tutor {

/// A run as tools/simring/snapshots.cpp wrote it down: what stood where after each event.
///
/// A line each; addresses are hexadecimal, everything else decimal:
///   B start                     a run begins; where the program is loaded
///   E time operation ring executor kind words...      an event: a step begins
///   R ring filled handed entries ready completions overflow
///   O operation ring state opcode fd user_data due result
///   F frame word...             a coroutine frame is new, or not as it was
///   G frame                     it is gone
///   Q frame...                  the run queue, the next to run first
///   S address...                the program's stack, innermost first
struct RingState {
  unsigned number = 0;
  unsigned filled = 0;   ///< entries that the program filled in and the kernel has not taken
  unsigned handed = 0;   ///< of these, handed over: the tail covers them
  unsigned entries = 0;  ///< room for so many
  unsigned ready = 0;    ///< completions that the program has not released
  unsigned completions = 0;
  unsigned overflow = 0;
};

struct OperationState {
  std::uint64_t id = 0;  ///< 0: an entry that the kernel has not taken
  unsigned ring = 0;
  std::string state, opcode;
  int fd = -1;
  std::uint64_t user_data = 0;
  std::int64_t due = -1;   ///< -1: nobody knows
  std::int64_t since = 0;  ///< when it was submitted
  int result = 0;
};

using FrameWords = std::shared_ptr<const std::vector<std::uint64_t>>;

struct DebugStep {
  std::int64_t time = 0;
  std::uint64_t operation = 0;
  unsigned ring = 0, executor = 0;
  std::string kind, words;
  std::vector<RingState> rings;
  std::vector<OperationState> in_flight;
  std::map<std::uint64_t, FrameWords> frames;       ///< by address
  std::optional<std::vector<std::uint64_t>> queue;  ///< nothing: the executor does not show it
  std::vector<std::uint64_t> stack;
};

struct DebugRecord {
  std::uint64_t program_start = 0;
  std::vector<DebugStep> steps;
};

/// The last run in the file that had any event. Lines that make no sense are passed over: a program
/// that crashed may have left half of one.
DebugRecord read_debug_record(const fs::path& path);

}  // namespace percore::tutor
