#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <ostream>
#include <percore/clock.hpp>
#include <percore/spsc_queue.hpp>
#include <random>
#include <set>
#include <thread>
#include <vector>

using namespace percore;

namespace {

bool push(SpscQueue<int>& queue, int value) {
  return queue.try_push(value);
}

}  // namespace

TEST_CASE("values come out in the order in which they were put in, for ever round the ring (B1)") {
  SpscQueue<int> queue(4);
  int in = 0, out = 0;
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i <= round % 4; ++i) CHECK(push(queue, in++));
    while (const auto value = queue.try_pop()) CHECK(*value == out++);
  }
  CHECK(in == out);
}

TEST_CASE("capacity is rounded up to a power of two, and full differs from empty (B3)") {
  CHECK(SpscQueue<int>(1).capacity() == 1);
  CHECK(SpscQueue<int>(5).capacity() == 8);
  SpscQueue<int> queue(2);
  CHECK_FALSE(queue.try_pop().has_value());
  CHECK(push(queue, 1));
  CHECK(push(queue, 2));
  CHECK_FALSE(queue.has_room());
  CHECK_FALSE(push(queue, 3));
  CHECK(queue.try_pop() == 1);
  CHECK(push(queue, 3));
  CHECK(queue.try_pop() == 2);
  CHECK(queue.try_pop() == 3);
  CHECK_FALSE(queue.try_pop().has_value());
}

TEST_CASE("what is staged is not seen before it is published; all at once then (B4)") {
  SpscQueue<int> queue(4);
  for (int i = 1; i <= 3; ++i) {
    int value = i;
    CHECK(queue.stage(value));
  }
  CHECK(queue.staged() == 3);
  CHECK(queue.front() == nullptr);
  queue.publish();
  CHECK(queue.staged() == 0);
  for (int i = 1; i <= 3; ++i) CHECK(queue.try_pop() == i);
}

TEST_CASE("a popped slot has room only after its release (B3, B4)") {
  SpscQueue<int> queue(2);
  CHECK(push(queue, 1));
  CHECK(push(queue, 2));
  REQUIRE(queue.front() != nullptr);
  queue.pop();
  REQUIRE(queue.front() != nullptr);
  CHECK(*queue.front() == 2);
  queue.pop();
  CHECK(queue.popped() == 2);
  CHECK_FALSE(queue.has_room());
  queue.release();
  CHECK(queue.popped() == 0);
  CHECK(push(queue, 3));
  CHECK(push(queue, 4));
}

namespace {

using Lines = std::set<std::size_t>;

// The lines of the queue in which `action` changes a byte, counted from its beginning.
template <typename Action>
Lines changed_by(SpscQueue<int>& queue, Action action) {
  std::array<unsigned char, sizeof queue> before, after;
  std::memcpy(before.data(), static_cast<const void*>(&queue), before.size());
  action();
  std::memcpy(after.data(), static_cast<const void*>(&queue), after.size());
  Lines lines;
  for (std::size_t i = 0; i < before.size(); ++i)
    if (before[i] != after[i]) lines.insert(i / cache_line_bytes);
  return lines;
}

// An end may keep a copy of what it tells the other where it writes anyway.
Lines beyond(const Lines& own, const Lines& told) {
  Lines lines;
  std::ranges::set_difference(told, own, std::inserter(lines, lines.end()));
  return lines;
}

}  // namespace

TEST_CASE("each end has cache lines of its own (B5)") {
  CHECK(alignof(SpscQueue<int>) >= cache_line_bytes);
  SpscQueue<int> queue(4);
  int value = 1;
  const int* front = nullptr;
  // Of the producer at each value, of what it tells, and the same of the consumer.
  const Lines staged = changed_by(queue, [&] { queue.stage(value); });
  const Lines published = beyond(staged, changed_by(queue, [&] { queue.publish(); }));
  Lines taken = changed_by(queue, [&] { front = queue.front(); });
  REQUIRE(front != nullptr);
  taken.merge(changed_by(queue, [&] { queue.pop(); }));
  const Lines released = beyond(taken, changed_by(queue, [&] { queue.release(); }));
  Lines all;
  std::size_t lines = 0;
  for (const Lines& written : {staged, published, taken, released}) {
    CHECK_FALSE(written.empty());
    lines += written.size();
    all.insert(written.begin(), written.end());
  }
  CHECK(all.size() == lines);  // none is in two of them
  // And what never changes, the address of the slots, which both ends read at each value.
  for (std::size_t i = 0; i + sizeof front <= sizeof queue; i += sizeof front) {
    const int* word = nullptr;
    std::memcpy(&word, reinterpret_cast<const unsigned char*>(&queue) + i, sizeof word);
    if (word == front) CHECK_FALSE(all.contains(i / cache_line_bytes));
  }
}

#if PERCORE_ALL_OURS
TEST_CASE("values of whole cache lines begin at one, and no capacity is too large to be told so") {
  struct Lines {
    std::array<std::byte, 2 * cache_line_bytes> bytes;
  };
  SpscQueue<Lines> queue(4);
  for (int i = 0; i < 3; ++i) {
    Lines value{};
    REQUIRE(queue.try_push(value));
    CHECK(reinterpret_cast<std::uintptr_t>(queue.front()) % cache_line_bytes == 0);
    queue.pop();
  }
  CHECK_THROWS_AS(SpscQueue<int>(~std::size_t{0}), std::bad_alloc);
}
#endif

TEST_CASE("a value that finds no room stays its owner's; what is left is destroyed once") {
  const auto counted = std::make_shared<int>(0);
  {
    SpscQueue<std::shared_ptr<int>> queue(2);
    for (int i = 0; i < 2; ++i) {
      auto copy = counted;
      CHECK(queue.try_push(copy));
      CHECK(copy == nullptr);
    }
    auto third = counted;
    CHECK_FALSE(queue.try_push(third));
    CHECK(third == counted);
    auto staged = counted;
    CHECK(queue.try_pop().has_value());
    CHECK(queue.stage(staged));  // never published
    CHECK(counted.use_count() == 4);
  }
  CHECK(counted.use_count() == 1);
}

TEST_CASE("two threads, in batches of any size: nothing is lost, doubled or out of order") {
  constexpr std::uint64_t values = 200'000;
  SpscQueue<std::uint64_t> queue(64);
  std::thread producer([&queue] {
    std::mt19937 random(1);
    for (std::uint64_t next = 0; next < values;) {
      for (std::uint64_t batch = random() % 100; batch != 0 && next < values; --batch) {
        std::uint64_t value = next;
        if (!queue.stage(value)) break;
        ++next;
      }
      queue.publish();
      if (!queue.has_room()) std::this_thread::yield();
    }
  });
  std::mt19937 random(2);
  std::uint64_t expected = 0;
  bool in_order = true;
  while (expected < values) {
    for (std::uint64_t batch = random() % 100; batch != 0; --batch) {
      const std::uint64_t* const value = queue.front();
      if (value == nullptr) break;
      in_order = in_order && *value == expected++;
      queue.pop();
    }
    queue.release();
    if (queue.front() == nullptr) std::this_thread::yield();
  }
  producer.join();
  CHECK(in_order);
  CHECK(queue.front() == nullptr);
}
