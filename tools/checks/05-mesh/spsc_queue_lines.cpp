// 05.2 spsc_queue, step lines: which cache lines each end writes, seen from the queue's own bytes.

#include <percore/check.hpp>
#include <percore/spsc_queue.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <new>
#include <set>
#include <string>

using percore::cache_line_bytes;
using percore::SpscQueue;
using percore::check::require;

namespace {

constexpr const char* false_sharing = "Lesson 05, *False sharing*";

using Queue = SpscQueue<std::uint64_t>;
using Lines = std::set<std::size_t>;

/// The lines of the queue in which `action` changes a byte.
template <typename Action>
Lines changed_by(Queue& queue, Action action) {
  unsigned char before[sizeof(Queue)];
  std::memcpy(before, static_cast<const void*>(&queue), sizeof before);
  action();
  unsigned char after[sizeof(Queue)];
  std::memcpy(after, static_cast<const void*>(&queue), sizeof after);
  // By address: a queue that is not aligned shares its first line with whatever lies before it.
  const auto begin = reinterpret_cast<std::uintptr_t>(&queue);
  Lines out;
  for (std::size_t i = 0; i < sizeof before; ++i)
    if (before[i] != after[i]) out.insert((begin + i) / cache_line_bytes);
  return out;
}

/// The line that holds the address of the slots, which both ends read at each value.
Lines of_the_slots(Queue& queue, const std::uint64_t* first_slot) {
  Lines out;
  const auto begin = reinterpret_cast<std::uintptr_t>(&queue);
  for (std::size_t i = 0; i + sizeof(void*) <= sizeof(Queue); i += sizeof(void*)) {
    const void* word = nullptr;
    std::memcpy(&word, reinterpret_cast<const unsigned char*>(&queue) + i, sizeof word);
    if (word == first_slot) out.insert((begin + i) / cache_line_bytes);
  }
  return out;
}

/// What publish() or release() keeps for its own end may lie with what that end writes anyway; the
/// rest is for the other end.
Lines for_the_other(const Lines& written, const Lines& own) {
  Lines out;
  std::ranges::set_difference(written, own, std::inserter(out, out.end()));
  return out.empty() ? written : out;
}

void apart(const Lines& one, const char* first, const Lines& other, const char* second) {
  for (const std::size_t line : one)
    require(!other.contains(line),
            "{} and {} lie in one cache line: it goes to and fro between "
            "the cores at each value",
            first, second);
}

}  // namespace

PERCORE_CHECK("lines", each_end_in_lines_of_its_own, "B5",
              "what one end writes at each value lies in no cache line that the other end reads",
              false_sharing, .seeds = 1, .faults = false, .ring = false) {
  alignas(4096) unsigned char memory[sizeof(Queue) + cache_line_bytes];
  Queue& queue = *new (memory) Queue(4);
  std::uint64_t value = 1;
  const Lines stages = changed_by(queue, [&] { queue.stage(value); });
  const Lines publishes = changed_by(queue, [&] { queue.publish(); });
  const std::uint64_t* front = nullptr;
  Lines takes = changed_by(queue, [&] { front = queue.front(); });
  require(front != nullptr, "a value was staged and published, and front() is null");
  const Lines slots = of_the_slots(queue, front);
  const Lines pops = changed_by(queue, [&] { queue.pop(); });
  takes.insert(pops.begin(), pops.end());
  const Lines releases = changed_by(queue, [&] { queue.release(); });
  require(!stages.empty() && !publishes.empty() && !pops.empty() && !releases.empty(),
          "stage(), publish(), pop() and release() each count up something of the queue's own, and "
          "one of them changed none of its bytes");

  const Lines shown = for_the_other(publishes, stages);
  const Lines given_back = for_the_other(releases, takes);

  apart(stages, "what the producer writes at each value", takes,
        "what the consumer writes at each value");
  apart(stages, "what the producer writes at each value", shown,
        "the count that the consumer reads");
  apart(takes, "what the consumer writes at each value", given_back,
        "the count that the producer reads");
  apart(stages, "what the producer writes at each value", given_back,
        "the count that the consumer writes");
  apart(takes, "what the consumer writes at each value", shown,
        "the count that the producer writes");
  apart(shown, "the count that the producer publishes", given_back,
        "the one that the consumer releases");
  for (const Lines& written : {stages, takes, shown, given_back})
    apart(written, "a count", slots, "the address of the slots, which never changes");
  queue.~Queue();
}
