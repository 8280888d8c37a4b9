#pragma once

#include <cstddef>
#include <cstring>
#include <percore/dma_buffer.hpp>
#include <string>
#include <string_view>

namespace percore::test {

/// Bytes of which no two stretches look alike.
inline std::string noise(std::size_t size, unsigned seed = 1) {
  std::string text(size, '\0');
  std::uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
  for (char& byte : text) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    byte = static_cast<char>(state >> 32);
  }
  return text;
}

inline std::string_view text_of(const DmaBuffer& buffer) {
  return {reinterpret_cast<const char*>(buffer.data()), buffer.size()};
}

inline std::string_view part_of(std::string_view text, std::size_t offset, std::size_t size) {
  return offset < text.size() ? text.substr(offset, size) : std::string_view();
}

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

/// A block with `text` in it, as long as its whole granules; zeros behind the text.
inline DmaBuffer block_of(DmaArena& arena, std::string_view text) {
  const std::size_t size = (text.size() + dma_granule_bytes - 1) & ~(dma_granule_bytes - 1);
  std::optional<DmaBuffer> block = arena.try_allocate(size);
  PERCORE_ASSERT(block.has_value(), "the test's arena is full: make it larger");
  std::memset(block->data(), 0, size);
  std::memcpy(block->data(), text.data(), text.size());
  return std::move(*block);
}

}  // namespace percore::test
