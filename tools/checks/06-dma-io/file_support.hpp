#pragma once

#include <algorithm>
#include <cstring>
#include <new>
#include <optional>
#include <percore/dma_file.hpp>
#include <span>

#include "support.hpp"

// What checks on files share: a disk in memory, made anew with each seed.
namespace checks {

inline constexpr const char* the_path = "/sim/file";

/// Letters that differ from place to place. Eight at a time: checks are not optimised, and a step
/// for each byte took a quarter of a verdict.
inline std::string noise(std::size_t size, std::uint64_t salt = 1) {
  std::string text(size, '\0');
  std::uint64_t value = salt * 0x9e3779b97f4a7c15U;
  for (std::size_t at = 0; at < size; at += sizeof value) {
    value = value * 6364136223846793005U + 1442695040888963407U;
    const std::uint64_t letters =
        ((value ^ (value >> 29)) & 0x0f0f'0f0f'0f0f'0f0fU) + 0x6161'6161'6161'6161U;  // 'a' to 'p'
    std::memcpy(text.data() + at, &letters, std::min(sizeof letters, size - at));
  }
  return text;
}

/// Where two texts begin to differ; the end of the shorter one if nowhere. memcmp() first, as
/// above.
inline std::size_t first_difference(std::string_view a, std::string_view b) {
  const std::size_t common = std::min(a.size(), b.size());
  if (std::memcmp(a.data(), b.data(), common) == 0) return common;
  std::size_t at = 0;
  while (a[at] == b[at]) ++at;
  return at;
}

inline std::string part_of(const std::string& text, std::uint64_t offset, std::size_t size) {
  if (offset >= text.size()) return {};
  return text.substr(static_cast<std::size_t>(offset), size);
}

inline std::string_view text_of(const DmaBuffer& buffer) {
  return {reinterpret_cast<const char*>(buffer.data()), buffer.size()};
}

/// The seed's own bad day, on a disk in memory. What a check does not speak of does not happen:
/// no full disk, no failing sync, no lack of descriptors.
inline sim::Options disk_options(Run& run) {
  sim::Options options = run.options();
  options.files_in_memory = "/sim";
  options.no_space_percent = 0;
  options.sync_error_percent = 0;
  options.too_many_files_percent = 0;
  return options;
}

/// A sector's size, drawn from the seed.
inline unsigned some_sector(Run& run) {
  return 512u << run.random(4);
}

/// Runs `root` with an arena of its own, and looks whether all blocks came back.
template <typename Root, typename... Arguments>
Task<> with_arena(std::size_t bytes, Root root, Arguments... arguments) {
  DmaArena arena({.bytes = bytes});
  co_await root(arena, arguments...);
  require(arena.free_bytes() == arena.size_bytes(),
          "all operations have ended, and {} bytes of the arena are still taken",
          arena.size_bytes() - arena.free_bytes());
}

inline Task<DmaFile> opened(DmaArena& arena, DmaOpen how, DmaFileOptions options = {}) {
  Result<DmaFile> file = co_await DmaFile::open(arena, the_path, how, options);
  require(file.has_value(), "a file could not be opened: {}", error_of(file));
  co_return std::move(*file);
}

inline Task<> closed(DmaFile& file) {
  const Result<void> done = co_await file.close();
  require(done.has_value(), "a file could not be closed: {}", error_of(done));
}

/// A block with `text` in it, padded with zeros to whole granules.
inline DmaBuffer block_of(DmaArena& arena, std::string_view text) {
  const std::size_t granules = (text.size() + dma_granule_bytes - 1) / dma_granule_bytes;
  std::optional<DmaBuffer> block = arena.try_allocate(granules * dma_granule_bytes);
  require(block.has_value(), "the check's own block of {} bytes was refused", text.size());
  std::memset(block->data(), 0, block->size());
  std::memcpy(block->data(), text.data(), text.size());
  return std::move(*block);
}

/// Memory of the caller's, aligned as a block of the arena's is, that no ring knows.
class AlignedMemory {
 public:
  explicit AlignedMemory(std::size_t granules)
      : size_(granules * dma_granule_bytes),
        data_(static_cast<std::byte*>(::operator new(size_, std::align_val_t{dma_granule_bytes}))) {
  }
  ~AlignedMemory() { ::operator delete(data_, std::align_val_t{dma_granule_bytes}); }
  AlignedMemory(const AlignedMemory&) = delete;
  AlignedMemory& operator=(const AlignedMemory&) = delete;
  std::span<std::byte> bytes() const { return {data_, size_}; }

 private:
  std::size_t size_;
  std::byte* data_;
};

/// A read failed: says why, in the words of the invariant that was broken.
inline void explain(const std::error_code& error, const std::string& what) {
  if (error == system_error(EINVAL))
    fail_with("A1", aligned_ranges,
              percore::check::say(
                  "{} gave EINVAL: memory, offset or length that the kernel was asked for "
                  "is no multiple of what the file demands",
                  what));
  if (error == system_error(EFAULT))
    fail_with(
        "B6", the_arena,
        percore::check::say(
            "{} gave EFAULT: a fixed operation is for memory that is registered, the arena's, "
            "and names the index that it was registered with (dma_buffer_index)",
            what));
  if (error == system_error(EINTR) || error == system_error(EAGAIN))
    fail_with(percore::check::say("{} gave {}: what passes is asked for again, a few times", what,
                                  error.value() == EINTR ? "EINTR" : "EAGAIN"));
  fail_with(percore::check::say("{} gave: {}", what, error.message()));
}

/// Compares what came of [offset, offset + size).
inline void compare(const std::string& text, std::uint64_t offset, std::size_t size,
                    std::string_view got) {
  const std::string expected = part_of(text, offset, size);
  if (got == expected) return;
  if (got.size() < expected.size())
    fail_with(percore::check::say(
        "a read of {} bytes at {} of a file of {} gave {}: fewer than were asked "
        "for come at the end of the file alone",
        size, offset, text.size(), got.size()));
  if (got.size() > expected.size())
    fail_with(percore::check::say("a read of {} bytes at {} of a file of {} gave {}: there are {}",
                                  size, offset, text.size(), got.size(), expected.size()));
  const std::size_t at = first_difference(got, expected);
  fail_with(percore::check::say(
      "a read of {} bytes at {} gave other bytes than the file has, from the {}. "
      "on",
      size, offset, at + 1));
}

}  // namespace checks
