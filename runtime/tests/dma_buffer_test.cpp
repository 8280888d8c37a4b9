#include "death.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <ostream>
#include <percore/dma_buffer.hpp>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace percore;

namespace {

constexpr std::size_t granule = dma_granule_bytes;

Task<> blocks_are_aligned_and_apart() {
  DmaArena arena({.bytes = 8 * granule});
  CHECK(arena.size_bytes() == 8 * granule);
  CHECK(arena.free_bytes() == 8 * granule);
  std::vector<DmaBuffer> buffers;
  for (const std::size_t size : {std::size_t{1}, granule, granule + 1, 3 * granule}) {
    Result<DmaBuffer> buffer = co_await arena.allocate(size);
    REQUIRE(buffer);
    CHECK(buffer->size() == size);
    CHECK(reinterpret_cast<std::uintptr_t>(buffer->data()) % granule == 0);
    CHECK(arena.contains(buffer->bytes()));
    std::memset(buffer->data(), static_cast<int>(buffers.size() + 1), size);
    buffers.push_back(std::move(*buffer));
  }
  CHECK(arena.free_bytes() == granule);
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    CHECK(std::ranges::all_of(buffers[i].bytes(),
                              [&](std::byte byte) { return byte == std::byte(i + 1); }));
  }
  std::byte outside;
  CHECK_FALSE(arena.contains({&outside, 1}));
  CHECK_FALSE(arena.contains({buffers[0].data(), arena.size_bytes() + 1}));
  buffers.clear();
  CHECK(arena.free_bytes() == 8 * granule);
}

Task<> a_block_goes_with_its_last_buffer() {
  DmaArena arena({.bytes = 4 * granule});
  Result<DmaBuffer> whole = co_await arena.allocate(2 * granule);
  REQUIRE(whole);
  DmaBuffer tail = whole->slice(granule, 10);
  CHECK(tail.data() == whole->data() + granule);
  CHECK(tail.size() == 10);
  DmaBuffer tail_of_tail = tail.slice(9, 1);
  CHECK(whole->slice(5, 0).empty());
  *whole = DmaBuffer();
  CHECK(whole->empty());
  CHECK(arena.free_bytes() == 2 * granule);
  tail = std::move(tail_of_tail);
  CHECK(tail.size() == 1);
  CHECK(tail_of_tail.empty());
  CHECK(arena.free_bytes() == 2 * granule);
  tail = DmaBuffer();
  CHECK(arena.free_bytes() == 4 * granule);
}

Task<> what_never_fits_is_refused() {
  DmaArena arena({.bytes = 2 * granule});
  const Result<DmaBuffer> too_much = co_await arena.allocate(2 * granule + 1);
  REQUIRE_FALSE(too_much);
  CHECK(too_much.error().value() == ENOBUFS);
  CHECK_FALSE(arena.try_allocate(2 * granule + 1));
  CHECK(arena.try_allocate(2 * granule));
  CHECK(arena.try_allocate(0));
}

Task<> takes(DmaArena& arena, std::size_t bytes, char name, std::string& order) {
  const Result<DmaBuffer> buffer = co_await arena.allocate(bytes);
  CHECK(buffer);
  order += name;
  co_await yield();
}

Task<> first_come_first_served() {
  DmaArena arena({.bytes = 4 * granule});
  std::string order;
  std::optional<DmaBuffer> one = arena.try_allocate(granule), two = arena.try_allocate(2 * granule);
  REQUIRE(one);
  REQUIRE(two);
  std::vector<JoinHandle<void>> handles;
  handles.push_back(spawn(takes(arena, 4 * granule, 'a', order)));
  handles.push_back(spawn(takes(arena, granule, 'b', order)));
  handles.push_back(spawn(takes(arena, granule, 'c', order)));
  co_await yield();
  CHECK(arena.waiting() == 3);
  CHECK_FALSE(arena.try_allocate(granule));  // there is one, and somebody waits
  two.reset();
  co_await yield();
  CHECK(order.empty());  // there are three, and who wants four is first
  one.reset();
  for (auto& handle : handles) co_await handle;
  CHECK(order == "abc");
  CHECK(arena.waiting() == 0);
  CHECK(arena.free_bytes() == arena.size_bytes());
}

Task<> random_blocks() {
  constexpr std::size_t granules = 130;  // more than two words of bits, the last one not full
  DmaArena arena({.bytes = granules * granule});
  std::mt19937 random(11);
  struct Held {
    DmaBuffer buffer;
    unsigned char byte;
  };
  std::vector<Held> held;
  std::size_t taken = 0, refused = 0;
  for (int i = 0; i < 5000; ++i) {
    if (random() % 5 < 3) {
      const std::size_t size = 1 + random() % (random() % 10 == 0 ? 70 : 9);
      std::optional<DmaBuffer> buffer = arena.try_allocate(size * granule - random() % granule);
      if (!buffer) {
        ++refused;
        continue;
      }
      taken += size;
      const auto byte = static_cast<unsigned char>(random());
      std::memset(buffer->data(), byte, buffer->size());
      held.push_back({std::move(*buffer), byte});
    } else if (!held.empty()) {
      std::swap(held[random() % held.size()], held.back());
      const Held& gone = held.back();
      REQUIRE(std::ranges::all_of(gone.buffer.bytes(),
                                  [&](std::byte byte) { return byte == std::byte(gone.byte); }));
      taken -= (gone.buffer.size() + granule - 1) / granule;
      held.pop_back();
    }
    REQUIRE(arena.free_bytes() == (granules - taken) * granule);
  }
  CHECK(refused > 10);
  held.clear();
  CHECK(arena.try_allocate(granules * granule));
  co_return;
}

Task<> registered_or_says_why() {
  {
    DmaArena arena({.bytes = 16 * granule});
    CHECK(arena.registered() == arena.why_not_registered().empty());
    if (arena.registered()) {
      DmaArena second({.bytes = granule});
      CHECK_FALSE(second.registered());
      CHECK_FALSE(second.why_not_registered().empty());
      CHECK(second.try_allocate(granule));
    }
    const DmaArena unasked({.bytes = granule, .registered = false});
    CHECK_FALSE(unasked.registered());
  }
  // It gave the registration back, so that the next one has it.
  DmaArena next({.bytes = granule}), reference({.bytes = granule, .registered = false});
  iovec memory{.iov_base = &memory, .iov_len = 1};
  CHECK((io_uring_register_buffers(&Executor::current().ring().native(), &memory, 1) == -EBUSY) ==
        next.registered());
  co_return;
}

}  // namespace

TEST_CASE("blocks are aligned, apart, and go back") {
  Executor().run(blocks_are_aligned_and_apart());
}
TEST_CASE("a block goes back with the last buffer that shares it") {
  Executor().run(a_block_goes_with_its_last_buffer());
}
TEST_CASE("what the whole arena could not hold is refused") {
  Executor().run(what_never_fits_is_refused());
}
TEST_CASE("who waits for memory is served in order") {
  Executor().run(first_come_first_served());
}
TEST_CASE("random blocks never overlap and leave no hole behind") {
  Executor().run(random_blocks());
}
TEST_CASE("the memory is registered, or the arena says why not") {
  Executor().run(registered_or_says_why());
}

namespace {

Task<> arena_before_its_buffer() {
  DmaBuffer late;
  DmaArena arena({.bytes = granule});
  late = *arena.try_allocate(granule);
  co_return;
}

Task<> buffer_on_another_thread() {
  DmaArena arena({.bytes = granule});
  std::optional<DmaBuffer> buffer = arena.try_allocate(granule);
  std::thread([&] { buffer.reset(); }).join();
  co_return;
}

[[maybe_unused]] Task<> slice_on_another_thread() {
  DmaArena arena({.bytes = granule});
  const std::optional<DmaBuffer> buffer = arena.try_allocate(100);
  std::thread([&] { static_cast<void>(buffer->slice(0, 1)); }).join();
  co_return;
}

Task<> slice_beyond_the_end() {
  DmaArena arena({.bytes = granule});
  const std::optional<DmaBuffer> buffer = arena.try_allocate(100);
  static_cast<void>(buffer->slice(50, 51));
  co_return;
}

}  // namespace

TEST_CASE("mistakes with buffers end the program") {
  CHECK(test::death_of([] {
          Executor().run(arena_before_its_buffer());
        }).has_a_sentence("before its buffers"));
  CHECK(test::death_of([] {
          Executor().run(buffer_on_another_thread());
        }).has_a_sentence("on another thread"));
  CHECK(test::death_of([] {
          Executor().run(slice_beyond_the_end());
        }).has_a_sentence("beyond its buffer"));
}

#if PERCORE_ALL_OURS

TEST_CASE("a slice is its arena's thread's as well") {
  CHECK(test::death_of([] {
          Executor().run(slice_on_another_thread());
        }).has_a_sentence("sliced on another thread"));
}

namespace {

Task<> makes(std::optional<DmaArena>& arena) {
  arena.emplace(DmaArenaOptions{.bytes = granule});
  co_return;
}

Task<> drops_the_old_one(std::optional<DmaArena>& old, bool& fresh_was_registered) {
  const DmaArena fresh({.bytes = granule});
  fresh_was_registered = fresh.registered();
  old.reset();
  // Else the ring has room for this one.
  const DmaArena another({.bytes = granule});
  CHECK_FALSE(another.registered());
  co_return;
}

}  // namespace

TEST_CASE("an arena that goes between two runs gives its registration back (B6)") {
  Executor executor;
  std::optional<DmaArena> arena;
  executor.run(makes(arena));
  const bool registered = arena->registered();
  arena.reset();
  executor.run(makes(arena));
  CHECK(arena->registered() == registered);
}

TEST_CASE("an arena that outlives its executor leaves the next one's alone (B6)") {
  std::optional<Executor> executor(std::in_place);
  std::optional<DmaArena> old;
  executor->run(makes(old));
  executor.reset();
  executor.emplace();  // at the same address
  bool fresh_was_registered = false;
  executor->run(drops_the_old_one(old, fresh_was_registered));
  CHECK_FALSE(old.has_value());
}

#endif
