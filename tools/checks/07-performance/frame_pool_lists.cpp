// 07.5 frame_pool, step lists: a free list for each class of sizes, against a model of them.

#include "frame_pool_support.hpp"

using namespace checks;

namespace {

/// What this thread has freed, the newest last.
using Freed = std::map<std::size_t, std::vector<unsigned char*>>;

Frame demand_newest(std::size_t size, Freed& freed, unsigned char pattern) {
  std::vector<unsigned char*>& list = freed[rounded(size)];
  Frame frame(size, pattern);
  if (list.empty()) {
    for (const auto& [bytes, others] : freed)
      require(
          std::ranges::count(others, frame.memory) == 0,
          "a frame of {} bytes was handed out where one of the class of {} bytes was freed: each "
          "class has its own list",
          size, bytes);
    return frame;
  }
  require(
      frame.memory == list.back(),
      "{} blocks of the class of {} bytes were free, and a frame of {} bytes did not get the one "
      "that was freed last{}{}",
      list.size(), rounded(size), size,
      std::ranges::count(list, frame.memory) != 0 ? ", but an older one" : "",
      size == rounded(size) ? fmt::format(": {} is the largest size of its class", size) : "");
  list.pop_back();
  return frame;
}

}  // namespace

PERCORE_CHECK("lists", frames_are_nobody_elses, "F1",
              "a frame's memory is aligned to 16 bytes, has the bytes that were asked for, and is "
              "nobody else's until it is freed",
              free_lists, .ring = false) {
  std::vector<Frame> frames;
  InUse in_use;
  const unsigned rounds = run.size(1, 150);
  for (unsigned round = 0; round < rounds; ++round) {
    run.operation(round);
    if (!frames.empty() && run.chance(45)) {
      const std::size_t which = run.random(frames.size());
      in_use.remove(frames[which]);
      frames[which].free();
      frames.erase(frames.begin() + static_cast<std::ptrdiff_t>(which));
      continue;
    }
    frames.emplace_back(any_size(run, run.chance(10) ? 5000 : pooled_frame_bytes_max),
                        static_cast<unsigned char>(round + 1));
    in_use.add(frames.back());
  }
  for (const Frame& frame : frames) frame.free();
}

PERCORE_CHECK("lists", the_last_freed_is_next, "F2",
              "the block that a thread freed last is the next one it gets of that class",
              free_lists, .ring = false) {
  Freed freed;
  std::vector<Frame> frames;
  const unsigned rounds = run.size(2, 120);
  // Few classes, so that their lists are long and their ends beside one another.
  const std::size_t base = rounded(any_size(run, pooled_frame_bytes_max - 64));
  for (unsigned round = 0; round < rounds; ++round) {
    run.operation(round);
    if (!frames.empty() && run.chance(50)) {
      const std::size_t which = run.random(frames.size());
      // Of the same class, though of another size.
      frames[which].look();
      free_frame(frames[which].memory, frames[which].size_bytes);
      freed[rounded(frames[which].size_bytes)].push_back(frames[which].memory);
      frames.erase(frames.begin() + static_cast<std::ptrdiff_t>(which));
      continue;
    }
    frames.push_back(
        demand_newest(base + 1 + run.random(48), freed, static_cast<unsigned char>(round + 1)));
  }
  for (const Frame& frame : frames) frame.free();
}

PERCORE_CHECK("lists", classes_end_at_multiples_of_16, "F2",
              "sizes that round up to the same multiple of 16 are one class", free_lists,
              .seeds = 1, .ring = false) {
  for (std::size_t size = 1; size <= pooled_frame_bytes_max; ++size) {
    run.operation(size);
    const Frame first(size);
    first.free();
    const Frame smallest(rounded(size) - 15);
    require(smallest.memory == first.memory,
            "a frame of {} bytes was freed, and one of {} bytes, of the same class, lies elsewhere",
            size, rounded(size) - 15);
    smallest.free();
    if (size == pooled_frame_bytes_max) break;
    const Frame larger(rounded(size) + 1);
    require(larger.memory != first.memory,
            "a frame of {} bytes was freed, and one of {} bytes, of the next class, got its block",
            size, rounded(size) + 1);
    larger.free();
  }
}

PERCORE_CHECK("lists", what_was_freed_needs_no_new_memory, "F3",
              "once there are free blocks, frames come and go without an allocation", free_lists,
              .seeds = 50, .ring = false) {
  std::vector<std::size_t> sizes;
  const unsigned count = run.size(1, 40);
  for (unsigned i = 0; i < count; ++i) sizes.push_back(any_size(run));
  std::vector<void*> frames(count);
  for (unsigned round = 0; round < 5; ++round) {
    run.operation(round);
    const std::int64_t before = taken_from_system();
    for (unsigned i = 0; i < count; ++i) frames[i] = allocate_frame(sizes[i]);
    require(round == 0 || taken_from_system() == before,
            "{} frames were made where as many of the same sizes had been freed, and memory was "
            "allocated {} times",
            count, taken_from_system() - before);
    for (unsigned i = 0; i < count; ++i) free_frame(frames[i], sizes[i]);
  }
}

PERCORE_CHECK("lists", large_frames_are_not_kept, "F6",
              "a frame larger than 1,008 bytes comes from operator new, and goes back to it",
              free_lists, .seeds = 20, .ring = false) {
  for (std::size_t size : {pooled_frame_bytes_max + 1, pooled_frame_bytes_max + 8,
                           pooled_frame_bytes_max + 16, std::size_t{100'000} + run.random(1000)}) {
    const std::int64_t before = percore::check::live_allocations();
    const Frame frame(size);
    require(percore::check::live_allocations() == before + 1,
            "a frame of {} bytes was made with {} allocations: one is right, for it alone", size,
            percore::check::live_allocations() - before);
    frame.free();
    require(percore::check::live_allocations() == before,
            "a frame of {} bytes was freed, and {} allocations more than before are in use", size,
            percore::check::live_allocations() - before);
  }
  Frame(pooled_frame_bytes_max).free();
  const std::int64_t before = percore::check::live_allocations();
  const Frame frame(pooled_frame_bytes_max);
  require(percore::check::live_allocations() == before,
          "a frame of {} bytes, which has a class, was allocated though one of its class was free",
          pooled_frame_bytes_max);
  frame.free();
}
