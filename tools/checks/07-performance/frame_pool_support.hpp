#pragma once

// The other checks have every frame from operator new, so that a sanitizer sees its end. Here the
// pool itself is what is looked at, under a sanitizer too.
#undef PERCORE_FRAMES_FROM_MALLOC
#define PERCORE_FRAMES_FROM_MALLOC 0

#include <algorithm>
#include <cstring>
#include <map>
#include <percore/check.hpp>
#include <percore/frame_pool.hpp>
#include <set>
#include <thread>
#include <vector>

// What the checks of frame_pool share: frames that know what was written into them.
namespace checks {

using percore::allocate_frame;
using percore::frame_granule_bytes;
using percore::frame_slab_bytes;
using percore::free_frame;
using percore::pooled_frame_bytes_max;
using percore::check::require;
using percore::check::Run;

inline constexpr const char* free_lists = "Lesson 07, *Frames from a free list*";

/// The sizes of a class are those that round up to the same.
inline std::size_t rounded(std::size_t size_bytes) {
  return (size_bytes + frame_granule_bytes - 1) / frame_granule_bytes * frame_granule_bytes;
}

/// Often beside the end of a class, and seldom so large that it has none.
inline std::size_t any_size(Run& run, std::size_t most = pooled_frame_bytes_max) {
  std::size_t size = 1 + run.random(most);
  if (run.chance(40)) size = rounded(size);
  if (run.chance(20)) size = rounded(size) + 1;
  return size > most ? most : size;
}

/// How many pieces of memory the system has given. Nobody gives any back between two looks at it.
inline std::int64_t taken_from_system() {
  return percore::check::live_allocations();
}

struct Frame {
  unsigned char* memory = nullptr;
  std::size_t size_bytes = 0;
  unsigned char pattern = 0;

  explicit Frame(std::size_t size, unsigned char with = 0x5a)
      : memory(static_cast<unsigned char*>(allocate_frame(size))), size_bytes(size), pattern(with) {
    require(memory != nullptr, "allocate_frame({}) gave a null pointer", size);
    const auto beside = reinterpret_cast<std::uintptr_t>(memory) % frame_granule_bytes;
    require(beside == 0, "a frame of {} bytes begins {} bytes behind a multiple of 16", size,
            beside);
    std::memset(memory, pattern, size_bytes);
  }
  void look() const {
    for (std::size_t i = 0; i < size_bytes; ++i)
      require(
          memory[i] == pattern,
          "byte {} of a frame of {} bytes was changed while the frame was in use, and its owner "
          "did not write",
          i, size_bytes);
  }
  void free() const {
    look();
    free_frame(memory, size_bytes);
  }
};

/// All frames in use, by their address: none may reach into another.
class InUse {
 public:
  void add(const Frame& frame) {
    const auto next = frames_.lower_bound(frame.memory);
    if (next != frames_.end()) demand_apart(frame, next->first, next->second);
    if (next != frames_.begin())
      demand_apart(frame, std::prev(next)->first, std::prev(next)->second);
    frames_[frame.memory] = frame.size_bytes;
  }
  void remove(const Frame& frame) { frames_.erase(frame.memory); }

 private:
  static void demand_apart(const Frame& frame, const unsigned char* other,
                           std::size_t other_bytes) {
    require(frame.memory + frame.size_bytes <= other || other + other_bytes <= frame.memory,
            "a frame of {} bytes was handed out within the memory of one of {} bytes that is still "
            "in use",
            frame.size_bytes, other_bytes);
  }
  std::map<unsigned char*, std::size_t> frames_;
};

using Places = std::vector<void*>;

/// `work` on a thread that has ended when this returns.
template <typename Work>
void on_a_thread(Work work) {
  std::thread(work).join();
}

inline Places allocate(std::size_t count, std::size_t size) {
  Places places(count);
  for (void*& place : places) place = allocate_frame(size);
  return places;
}
inline void free_all(const Places& places, std::size_t size) {
  for (void* const place : places) free_frame(place, size);
}

}  // namespace checks
