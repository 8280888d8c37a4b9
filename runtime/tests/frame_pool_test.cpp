#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <percore/frame_pool.hpp>
#include <set>
#include <thread>
#include <vector>

using percore::allocate_frame;
using percore::free_frame;

TEST_CASE("frames are aligned, apart from one another and writable over their whole size") {
  std::vector<std::pair<unsigned char*, std::size_t>> frames;
  for (std::size_t size = 16; size < 5'000; size += 24) {
    auto* const frame = static_cast<unsigned char*>(allocate_frame(size));
    CHECK(reinterpret_cast<std::uintptr_t>(frame) % 16 == 0);
    std::memset(frame, static_cast<int>(frames.size() % 251), size);
    frames.emplace_back(frame, size);
  }
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const auto [frame, size] = frames[i];
    CHECK(frame[0] == i % 251);
    CHECK(frame[size - 1] == i % 251);
    free_frame(frame, size);
  }
}

TEST_CASE("a freed frame is the next one of its size" *
          doctest::skip(PERCORE_FRAMES_FROM_MALLOC != 0)) {
  void* const first = allocate_frame(96);
  free_frame(first, 96);
  CHECK(allocate_frame(90) == first);  // 81 to 96 bytes are one size class
  free_frame(first, 90);
}

TEST_CASE("a frame may be freed on another thread, and an ended thread's frames are used again" *
          doctest::skip(PERCORE_FRAMES_FROM_MALLOC != 0)) {
  constexpr std::size_t size = 512;
  constexpr int frames_count = 1'000;
  std::set<void*> seen;
  for (int round = 0; round < 20; ++round) {
    std::vector<void*> frames;
    std::thread maker([&] {
      for (int i = 0; i < frames_count; ++i) frames.push_back(allocate_frame(size));
    });
    maker.join();
    std::thread freer([&] {
      for (void* const frame : frames) free_frame(frame, size);
    });
    freer.join();
    seen.insert(frames.begin(), frames.end());
  }
  // Without the depot each round would take new memory: 20,000 addresses.
  CHECK(seen.size() < 3 * frames_count);
}
