#pragma once

#include <percore/dma_stream.hpp>

#include "file_support.hpp"

// What the checks of the stream share.
namespace checks {

struct StreamStory {
  Run* run = nullptr;
  const std::string* text = nullptr;
  DmaReaderOptions options;
};

inline DmaReaderOptions some_options(Run& run, std::size_t file_size) {
  DmaReaderOptions options;
  options.buffer_bytes = dma_granule_bytes * (1 + run.random(4));
  options.read_ahead = run.size(1, 5);
  if (run.chance(50)) options.begin = run.random(file_size + 3'000);
  if (run.chance(50)) options.end = options.begin + run.random(file_size + 3'000);
  return options;
}

/// The bytes that a stream with these options must give.
inline std::string range_of(const std::string& text, const DmaReaderOptions& options) {
  const std::uint64_t end = std::min<std::uint64_t>(options.end, text.size());
  if (options.begin >= end) return {};
  return text.substr(static_cast<std::size_t>(options.begin),
                     static_cast<std::size_t>(end - options.begin));
}

inline bool reads(const sim::Event& event) {
  return event.opcode == IORING_OP_READ || event.opcode == IORING_OP_READ_FIXED;
}

}  // namespace checks
