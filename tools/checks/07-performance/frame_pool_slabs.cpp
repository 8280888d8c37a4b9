// 07.5 frame_pool, step slabs: how often memory is taken from the system, and how much.

#include <percore/sim.hpp>

#include "frame_pool_support.hpp"

using namespace checks;

// The first, while hardly a class has free blocks.
PERCORE_CHECK("slabs", classes_share_a_slab, "F4",
              "memory is taken from the system in slabs, and a block of any class is cut from the "
              "same one",
              free_lists, .seeds = 1, .ring = false) {
  std::vector<Frame> frames;
  frames.reserve(pooled_frame_bytes_max / frame_granule_bytes);
  const std::int64_t before = taken_from_system();
  std::size_t bytes = 0;
  for (std::size_t size = frame_granule_bytes; size <= pooled_frame_bytes_max;
       size += frame_granule_bytes) {
    frames.emplace_back(size);
    bytes += size;
  }
  const std::int64_t taken = taken_from_system() - before;
  require(taken <= 2,
          "a frame of each class was made, {} bytes together, and memory was taken from the system "
          "{} times: a slab of {} bytes, of which blocks of all classes are cut, and one more for "
          "what is set up once are enough",
          bytes, taken, frame_slab_bytes);
  for (const Frame& frame : frames) frame.free();
}

PERCORE_CHECK("slabs", memory_comes_in_slabs, "F4",
              "memory is taken from the system in slabs, where no free block of the class is left",
              free_lists, .seeds = 50, .ring = false) {
  const std::size_t size = any_size(run);
  const unsigned count = run.size(1, 2000);
  std::vector<void*> frames;
  frames.reserve(count);
  const std::int64_t before = taken_from_system();
  for (unsigned i = 0; i < count; ++i) frames.push_back(allocate_frame(size));
  const auto taken = static_cast<std::size_t>(taken_from_system() - before);
  // The rest of a slab may be too small for a block.
  const std::size_t usable = frame_slab_bytes - pooled_frame_bytes_max;
  const std::size_t enough = count * rounded(size) / usable + 2;
  require(
      taken <= enough,
      "{} frames of {} bytes are in use, and memory was taken from the system {} times: in slabs "
      "of {} bytes {} times are enough",
      count, size, taken, frame_slab_bytes, enough);
  for (void* const frame : frames) free_frame(frame, size);
}

// Each size once: what an earlier one has freed would come before a new slab.
PERCORE_CHECK("slabs", a_slab_is_used_up, "F4",
              "of a slab only a rest that is too small for the block is lost", free_lists,
              .seeds = 1, .ring = false) {
  std::vector<std::pair<void*, std::size_t>> frames;
  frames.reserve(4 * frame_slab_bytes / frame_granule_bytes);
  for (std::size_t size = frame_granule_bytes; size <= pooled_frame_bytes_max; size *= 2) {
    const std::size_t all = frame_slab_bytes / size;
    const auto allocate = [&] { frames.emplace_back(allocate_frame(size), size); };
    const std::int64_t before = taken_from_system();
    // The last one is the first of a new slab.
    for (std::size_t i = 0; i <= all && taken_from_system() == before; ++i) allocate();
    const std::int64_t taken = taken_from_system();
    std::size_t cut = 1;
    for (allocate(); cut <= all && taken_from_system() == taken; allocate()) ++cut;
    require(cut == all,
            "of a slab of {} bytes {} blocks of {} were cut before memory was taken from the "
            "system again, and it holds {}: only a rest that is too small for the block may be "
            "lost",
            frame_slab_bytes, cut, size, all);
  }
  for (const auto& [frame, size] : frames) free_frame(frame, size);
}

PERCORE_CHECK("slabs", blocks_of_a_slab_lie_side_by_side, "F1",
              "frames are nobody else's, from the first block of a slab to the last", free_lists,
              .seeds = 50, .ring = false) {
  std::vector<Frame> frames;
  InUse in_use;
  // Three slabs and more, of blocks of all sizes.
  std::size_t bytes = 0;
  const std::size_t bytes_max = run.size(1, 3 * frame_slab_bytes);
  for (unsigned i = 0; bytes < bytes_max; ++i) {
    run.operation(i);
    frames.emplace_back(any_size(run), static_cast<unsigned char>(i + 1));
    in_use.add(frames.back());
    bytes += rounded(frames.back().size_bytes);
  }
  for (const Frame& frame : frames) frame.free();
}

PERCORE_CHECK("slabs", the_high_water_mark, "F4",
              "the pool takes no more of a class than were in use at once, and gives nothing back",
              free_lists, .ring = false) {
  std::map<std::size_t, std::set<void*>> seen;
  std::map<std::size_t, std::size_t> in_use, most;
  std::vector<Frame> frames;
  const unsigned rounds = run.size(1, 200);
  for (unsigned round = 0; round < rounds; ++round) {
    run.operation(round);
    // It swells and shrinks.
    if (!frames.empty() && run.chance(round / 20 % 2 == 0 ? 25 : 75)) {
      const std::size_t which = run.random(frames.size());
      --in_use[rounded(frames[which].size_bytes)];
      const std::int64_t before = percore::check::live_allocations();
      frames[which].free();
      require(percore::check::live_allocations() >= before,
              "a frame of {} bytes was freed, and its memory went back to the system",
              frames[which].size_bytes);
      frames.erase(frames.begin() + static_cast<std::ptrdiff_t>(which));
      continue;
    }
    frames.emplace_back(16 * (1 + run.random(4)), static_cast<unsigned char>(round + 1));
    const std::size_t bytes = rounded(frames.back().size_bytes);
    most[bytes] = std::max(most[bytes], ++in_use[bytes]);
    seen[bytes].insert(frames.back().memory);
    require(seen[bytes].size() <= most[bytes],
            "at most {} frames of {} bytes were in use at once, and they have stood in {} places",
            most[bytes], bytes, seen[bytes].size());
  }
  for (const Frame& frame : frames) frame.free();
}

PERCORE_CHECK("slabs", no_memory_is_no_frame, "F4",
              "where the system gives no memory allocate_frame() throws std::bad_alloc, and frames "
              "come again when it does",
              free_lists, .seeds = 1, .faults = false) {
  percore::sim::Options options = run.options();
  options.failed_allocations_percent = 50;
  run.restart(options);
  constexpr std::size_t size = 992;
  std::vector<Frame> frames;
  InUse in_use;
  {
    const percore::sim::ReliableMemory reliable;
    frames.reserve(1000);
  }
  unsigned failed = 0;
  for (unsigned i = 0; i < 400; ++i) {
    void* memory = nullptr;
    try {
      memory = allocate_frame(size);
    } catch (const std::bad_alloc&) {
      ++failed;
      continue;
    }
    const percore::sim::ReliableMemory reliable;
    require(memory != nullptr, "allocate_frame() gave a null pointer where it throws");
    free_frame(memory, size);
    frames.emplace_back(size, static_cast<unsigned char>(i));
    in_use.add(frames.back());
  }
  for (const Frame& frame : frames) frame.free();
}
