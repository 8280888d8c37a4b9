#pragma once

#include <algorithm>
#include <cstring>
#include <percore/dma_buffer.hpp>
#include <set>

#include "support.hpp"

// What the checks of dma_buffer share: a model of the arena that only looks at addresses.
namespace checks {

inline constexpr std::size_t granule = dma_granule_bytes;

inline std::size_t granules_of(std::size_t bytes) {
  return bytes == 0 ? 1 : (bytes - 1) / granule + 1;
}

/// Which granules are taken, as those who hold buffers see it. Wherever a block is put, it is
/// right if nothing else lies there.
class ArenaModel {
 public:
  explicit ArenaModel(DmaArena& arena) : arena_(arena), taken_(arena.size_bytes() / granule) {
    const std::optional<DmaBuffer> all = arena.try_allocate(arena.size_bytes());
    require(all.has_value(), "an arena of {} bytes was empty, and a block of that size was refused",
            arena.size_bytes());
    begin_ = all->data();
  }

  std::size_t granules() const { return taken_.size(); }
  std::size_t free_granules() const {
    return static_cast<std::size_t>(std::ranges::count(taken_, false));
  }
  /// Whether there are so many free ones in a row.
  bool has_gap(std::size_t granules) const {
    std::size_t length = 0;
    for (const bool taken : taken_) {
      length = taken ? 0 : length + 1;
      if (length == granules) return true;
    }
    return false;
  }
  std::string map() const {
    std::string picture;
    for (const bool taken : taken_) picture += taken ? '#' : '.';
    return picture;
  }

  /// A block was handed out: demands that it is right, and marks it.
  void handed_out(const DmaBuffer& buffer, std::size_t bytes) {
    require(buffer.size() == bytes, "{} bytes were asked for, and the buffer has {}", bytes,
            buffer.size());
    require(bytes == 0 || buffer.data() != nullptr, "a buffer of {} bytes has no memory", bytes);
    const std::size_t first = place_of(buffer.data());
    for (std::size_t i = first; i < first + granules_of(bytes); ++i) {
      if (i >= taken_.size())
        fail_with(
            "B2", the_arena,
            percore::check::say("a block of {} bytes begins in granule {} of {} and reaches beyond "
                                "the arena",
                                bytes, first, taken_.size()));
      if (taken_[i])
        fail_with(
            "B2", the_arena,
            percore::check::say("granule {} belongs to a block that is in use, and a block of {} "
                                "bytes was put there (taken: {})",
                                i, bytes, map()));
      taken_[i] = true;
    }
  }
  void freed(std::size_t first, std::size_t bytes) {
    for (std::size_t i = first; i < first + granules_of(bytes); ++i) taken_[i] = false;
  }
  void compare(const char* after) const {
    require(arena_.free_bytes() == free_granules() * granule,
            "after {} {} granules are free and free_bytes() says {} (taken: {})", after,
            free_granules(), arena_.free_bytes() / granule, map());
  }
  std::size_t place_of(const std::byte* address) const {
    if (address < begin_ || address >= begin_ + taken_.size() * granule)
      fail_with("B2", the_arena, "a block was handed out that lies outside the arena's memory");
    const auto offset = static_cast<std::size_t>(address - begin_);
    if (reinterpret_cast<std::uintptr_t>(address) % granule != 0)
      fail_with(
          "B1", the_arena,
          percore::check::say("a block begins {} bytes behind a multiple of dma_granule_bytes",
                              reinterpret_cast<std::uintptr_t>(address) % granule));
    return offset / granule;
  }

 private:
  DmaArena& arena_;
  const std::byte* begin_ = nullptr;
  std::vector<bool> taken_;
};

/// Sizes that hit the edges of a granule.
inline std::size_t some_bytes(Run& run, std::size_t granules_max) {
  const std::size_t granules = 1 + run.random(granules_max);
  switch (run.random(4)) {
    case 0:
      return granules * granule;
    case 1:
      return granules * granule - granule + 1;
    case 2:
      return (granules - 1) * granule;
    default:
      return granules * granule - run.random(granule);
  }
}

}  // namespace checks
