// 06.2 dma_buffer, step sharing: slices of a block, and the mistakes that end the program.

#include <thread>

#include "01-hello-world/assertions.hpp"
#include "dma_buffer_support.hpp"

using namespace checks;

namespace {

struct Share {
  DmaBuffer buffer;
  std::size_t block = 0;
};

/// Slices of slices, which go in any order.
Task<> slices(Run& run, unsigned rounds) {
  DmaArena arena({.bytes = 32 * granule});
  ArenaModel model(arena);
  struct Block {
    std::size_t first = 0;
    std::size_t bytes = 0;
    unsigned owners = 0;
  };
  std::vector<Block> blocks;
  std::vector<Share> shares;
  for (unsigned round = 0; round < rounds; ++round) {
    run.operation(round);
    const auto what = run.random(10);
    if (what < 2 || shares.empty()) {
      const std::size_t bytes = std::max<std::size_t>(some_bytes(run, 4), 1);
      std::optional<DmaBuffer> buffer = arena.try_allocate(bytes);
      if (!buffer) continue;
      blocks.push_back({.first = model.place_of(buffer->data()), .bytes = bytes, .owners = 1});
      model.handed_out(*buffer, bytes);
      shares.push_back({.buffer = std::move(*buffer), .block = blocks.size() - 1});
      continue;
    }
    const std::size_t which = run.random(shares.size());
    if (what < 6) {
      const DmaBuffer& whole = shares[which].buffer;
      const std::size_t begin = run.random(whole.size() + 1);
      const std::size_t size = run.random(whole.size() - begin + 1);
      DmaBuffer part = whole.slice(begin, size);
      require(part.size() == size, "a slice of {} bytes has {}", size, part.size());
      if (size == 0) continue;
      require(part.data() == whole.data() + begin,
              "a slice from byte {} on begins at byte {} of its buffer", begin,
              part.data() - whole.data());
      ++blocks[shares[which].block].owners;
      const std::size_t block = shares[which].block;
      shares.push_back({.buffer = std::move(part), .block = block});
    } else {
      Block& block = blocks[shares[which].block];
      if (--block.owners == 0) model.freed(block.first, block.bytes);
      shares.erase(shares.begin() + static_cast<std::ptrdiff_t>(which));
    }
    model.compare("a buffer was shared or has gone");
  }
  shares.clear();
  require(arena.free_bytes() == arena.size_bytes(),
          "all slices have gone, and {} of {} granules are free", arena.free_bytes() / granule,
          arena.size_bytes() / granule);
  co_return;
}

/// More than 16 bits count.
Task<> many_slices() {
  constexpr unsigned slices = 70'000;
  DmaArena arena({.bytes = granule});
  std::optional<DmaBuffer> whole = arena.try_allocate(granule);
  require(whole.has_value(), "an empty arena has no block");
  std::vector<DmaBuffer> parts;
  parts.reserve(slices);
  for (unsigned i = 0; i < slices; ++i) parts.push_back(whole->slice(i % granule, 1));
  whole.reset();
  while (!parts.empty()) {
    require(arena.free_bytes() == 0,
            "of {} slices of a block {} are left, and the block is free: how many share it is a "
            "count of any size",
            slices, parts.size());
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(parts.size() / 2), parts.end());
  }
  require(arena.free_bytes() == granule, "all slices of a block have gone, and it is not free");
  co_return;
}

Task<> an_empty_slice() {
  DmaArena arena({.bytes = 4 * granule});
  std::optional<DmaBuffer> whole = arena.try_allocate(granule);
  require(whole.has_value(), "a block of a granule was refused in an empty arena");
  const DmaBuffer none = whole->slice(100, 0);
  const DmaBuffer of_none = none.slice(0, 0);
  require(none.empty() && of_none.empty(), "a slice of 0 bytes has {}", none.size());
  whole.reset();
  require(arena.free_bytes() == 4 * granule,
          "an empty slice is all that is left of a buffer, and its block is not free");
  co_return;
}

Task<> slices_too_far(std::size_t begin, std::size_t size, bool& ended) {
  DmaArena arena({.bytes = 4 * granule});
  const std::optional<DmaBuffer> whole = arena.try_allocate(3000);
  ended = ends_the_program([&] { static_cast<void>(whole->slice(begin, size)); });
  co_return;
}

Task<> arena_goes_first(bool& ended) {
  auto* const arena = new DmaArena({.bytes = 4 * granule});
  new std::optional<DmaBuffer>(arena->try_allocate(1));
  ended = ends_the_program([&] { delete arena; });
  co_return;
}

// A signal handler's jump stays on its thread: so the arena is made on the other one.
Task<> makes(std::optional<DmaArena>& arena, std::optional<DmaBuffer>& buffer) {
  arena.emplace(DmaArenaOptions{.bytes = 4 * granule});
  buffer = arena->try_allocate(1);
  co_return;
}

}  // namespace

PERCORE_CHECK("sharing", a_block_goes_with_its_last_buffer, "B3",
              "a block is free again when the last buffer that shares it has gone, and not before",
              who_shares_a_block, .faults = false) {
  run_on_executor(slices(run, run.size(1, 150)));
}

PERCORE_CHECK("sharing", a_block_has_any_number_of_slices, "B3",
              "a block is free again when the last buffer that shares it has gone, and not before",
              who_shares_a_block, .seeds = 1, .faults = false) {
  run_on_executor(many_slices());
}

PERCORE_CHECK("sharing", an_empty_slice_holds_nothing, "B3", "an empty slice holds no block",
              who_shares_a_block, .seeds = 1, .faults = false) {
  run_on_executor(an_empty_slice());
}

PERCORE_CHECK("sharing", a_slice_lies_within, "B7",
              "a slice beyond its buffer is a programmer's mistake and ends the program",
              who_shares_a_block, .seeds = 20, .faults = false) {
  leave_open(run);
  constexpr std::size_t most = ~std::size_t{0};
  const std::pair<std::size_t, std::size_t> wrong[] = {{0, 3001}, {3001, 0}, {2000, 1001},
                                                       {most, 1}, {1, most}, {most - 100, 200}};
  for (const auto& [begin, size] : wrong) {
    bool ended = false;
    run_and_leave(slices_too_far(begin, size, ended));
    require(ended, "a slice of {} bytes from byte {} on, of a buffer of 3000, was made", size,
            begin);
  }
}

PERCORE_CHECK("sharing", buffers_go_before_their_arena, "B7",
              "a buffer goes before its arena: else it ends the program", who_shares_a_block,
              .seeds = 1, .faults = false) {
  leave_open(run);
  bool ended = false;
  run_and_leave(arena_goes_first(ended));
  require(ended,
          "an arena was destroyed while a buffer still shares its memory, and nothing said "
          "so");
}

PERCORE_CHECK("sharing", a_buffer_stays_on_its_thread, "B7",
              "a buffer goes on the thread that made it: else it ends the program",
              who_shares_a_block, .seeds = 1, .faults = false) {
  leave_open(run);
  static std::optional<DmaArena> arena;
  static std::optional<DmaBuffer> buffer;
  std::thread([] { run_and_leave(makes(arena, buffer)); }).join();
  require(ends_the_program([] { buffer.reset(); }),
          "a buffer went on another thread than its arena's, and nothing said so");
  require(ends_the_program([] { static_cast<void>(arena->try_allocate(1)); }),
          "an arena was asked for a block on another thread than its own, and nothing said so");
}
