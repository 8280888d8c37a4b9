// 06.2 dma_buffer, step blocks: granules taken and free again, against a model of the arena.

#include "dma_buffer_support.hpp"

using namespace checks;

namespace {

struct Held {
  DmaBuffer buffer;
  std::size_t first = 0;
  std::size_t bytes = 0;
  unsigned char pattern = 0;
};

void fill(const Held& held) {
  std::memset(held.buffer.data(), held.pattern, granules_of(held.bytes) * granule);
}
void look(const Held& held) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(held.buffer.data());
  // A byte at a time only where one differs: a learner waits for this.
  if (held.bytes == 0) return;
  if (*bytes == held.pattern && std::memcmp(bytes, bytes + 1, held.bytes - 1) == 0) return;
  for (std::size_t i = 0; i < held.bytes; ++i)
    require(bytes[i] == held.pattern,
            "byte {} of a buffer was changed, and nobody but another buffer's owner wrote", i);
}

Task<> comes_and_goes(Run& run, std::size_t granules, unsigned rounds) {
  DmaArena arena({.bytes = granules * granule - run.random(granule)});
  require(arena.size_bytes() == granules * granule,
          "an arena was made of not quite {} granules, and size_bytes() says {}: it is rounded up",
          granules, arena.size_bytes());
  require(arena.free_bytes() == arena.size_bytes(), "a new arena is free, and free_bytes() says {}",
          arena.free_bytes());
  ArenaModel model(arena);
  model.compare("a block of everything has come and gone");
  std::vector<Held> held;
  for (unsigned round = 0; round < rounds; ++round) {
    run.operation(round);
    if (!held.empty() && run.chance(45)) {
      const std::size_t which = run.random(held.size());
      look(held[which]);
      model.freed(held[which].first, held[which].bytes);
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(which));
      model.compare("a buffer has gone");
      continue;
    }
    const std::size_t bytes = some_bytes(run, granules);
    const bool possible = model.has_gap(granules_of(bytes));
    std::optional<DmaBuffer> buffer = arena.try_allocate(bytes);
    if (!possible) {
      require(!buffer.has_value(),
              "a block of {} granules was handed out, and there is no gap so long (taken: {})",
              granules_of(bytes), model.map());
      continue;
    }
    require(buffer.has_value(),
            "there is a gap for {} granules, and a block of {} bytes was refused (taken: {})",
            granules_of(bytes), bytes, model.map());
    const std::size_t first = model.place_of(buffer->data());
    model.handed_out(*buffer, bytes);
    require(arena.contains({buffer->data(), buffer->size()}),
            "contains() says no to a block of the arena");
    model.compare("a block was handed out");
    held.push_back({.buffer = std::move(*buffer),
                    .first = first,
                    .bytes = bytes,
                    .pattern = static_cast<unsigned char>(round + 1)});
    fill(held.back());
  }
  for (const Held& one : held) look(one);
  held.clear();
  require(arena.free_bytes() == arena.size_bytes(),
          "all buffers have gone, and {} of {} bytes are free", arena.free_bytes(),
          arena.size_bytes());
  co_return;
}

Task<> asks_for_too_much(Run& run) {
  DmaArena arena({.bytes = 8 * granule});
  for (const std::size_t bytes :
       {8 * granule + 1, 9 * granule, ~std::size_t{0}, ~std::size_t{0} - granule,
        ~std::size_t{0} / 2 + 1 + run.random(granule)}) {
    const std::optional<DmaBuffer> buffer = arena.try_allocate(bytes);
    require(!buffer.has_value(), "an arena of 8 granules gave a block of {} bytes", bytes);
    require(arena.free_bytes() == arena.size_bytes(),
            "a block of {} bytes was refused, and {} of {} bytes are free", bytes,
            arena.free_bytes(), arena.size_bytes());
  }
  co_return;
}

DmaBuffer passed_on(DmaBuffer buffer) {
  return buffer;
}

Task<> moves(Run& run, unsigned times) {
  DmaArena arena({.bytes = 16 * granule});
  std::optional<DmaBuffer> buffer = arena.try_allocate(3 * granule);
  require(buffer.has_value(), "a block of 3 granules in an arena of 16 was refused");
  DmaBuffer holder = std::move(*buffer);
  require(buffer->empty() && buffer->data() == nullptr,
          "a buffer was moved from, and it still says {} bytes", buffer->size());
  std::byte* const data = holder.data();
  for (unsigned i = 0; i < times; ++i) {
    run.operation(i);
    if (run.chance(50)) {
      holder = passed_on(std::move(holder));
    } else {
      DmaBuffer other;
      other = std::move(holder);
      require(holder.empty(), "a buffer was moved from, and it still says {} bytes", holder.size());
      holder = std::move(other);
    }
    require(holder.data() == data && holder.size() == 3 * granule,
            "a buffer was moved, and it does not have the bytes that it had");
    require(arena.free_bytes() == 13 * granule,
            "a buffer of 3 of 16 granules was moved, and {} are free",
            arena.free_bytes() / granule);
  }
  std::optional<DmaBuffer> second = arena.try_allocate(5 * granule);
  require(second.has_value(), "a block of 5 granules was refused where 13 are free");
  holder = std::move(*second);
  require(arena.free_bytes() == 11 * granule,
          "a buffer of 3 granules was replaced by one of 5, in an arena of 16, and {} are free: "
          "what is assigned to lets go of what it had",
          arena.free_bytes() / granule);
  DmaBuffer& itself = holder;
  holder = std::move(itself);
  require(arena.free_bytes() == (holder.empty() ? 16 : 11) * granule,
          "a buffer of 5 of 16 granules was assigned to itself, says that it has {} bytes, and {} "
          "granules are free",
          holder.size(), arena.free_bytes() / granule);
  holder = DmaBuffer();
  require(arena.free_bytes() == 16 * granule,
          "a buffer was assigned an empty one, and {} of 16 granules are free",
          arena.free_bytes() / granule);
  co_return;
}

}  // namespace

PERCORE_CHECK("blocks", blocks_never_overlap, "B2",
              "blocks in use never overlap, and all lie in the arena", the_arena, .faults = false) {
  const std::size_t granules = run.size(1, run.chance(30) ? 200 : 12);
  run_on_executor(comes_and_goes(run, granules, run.size(1, 120)));
}

PERCORE_CHECK("blocks", what_the_arena_cannot_hold, "B5",
              "what the whole arena could not hold is refused at once", who_waits_for_memory,
              .seeds = 20, .faults = false) {
  run_on_executor(asks_for_too_much(run));
}

PERCORE_CHECK("blocks", a_buffer_moves, "B3", "a block is free again when its last buffer has gone",
              who_shares_a_block, .seeds = 50, .faults = false) {
  run_on_executor(moves(run, run.size(1, 10)));
}
