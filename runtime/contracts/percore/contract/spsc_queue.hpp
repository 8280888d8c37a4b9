#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <percore/assert.hpp>
#include <percore/atomic.hpp>
#include <type_traits>

/// Contract of the module `spsc_queue`, version 1. Ours, never swapped.
///
/// Invariants (lesson 05):
///   B1  Values come out in the order in which they were put in; each once, none is lost.
///   B2  What the producer wrote before publish() is there for the consumer that sees the value.
///   B3  A slot is written again only after the consumer has given it back: at most capacity()
///       values lie in the queue, and a full one is told from an empty one.
///   B4  One publish() makes all that was staged visible, and one release() gives all slots back
///       that were popped: the other core's cache line moves once for many values.
///   B5  What one end writes at each value lies in no cache line that the other end reads.
///   B6  No operation waits: each ends after a bounded number of its own steps.
namespace percore {

inline constexpr int spsc_queue_contract_version = 1;

/// What two cores that write beside each other must be apart: the line of x86-64 and most of arm64.
inline constexpr std::size_t cache_line_bytes = 64;

/// What they should be apart: a CPU that fetches a line may fetch its neighbour with it, and so
/// take it away from who writes there. Source   Intel 64 and IA-32 Architectures Optimization
/// Reference Manual, "Data Prefetching": the spatial prefetcher completes a line to its pair.
inline constexpr std::size_t line_pair_bytes = 2 * cache_line_bytes;

/// A bounded queue between two threads: one calls the producer's functions, one the consumer's.
/// T   nothrow-movable: a value on its way has nowhere to throw to.
template <typename Q, typename T>
concept SpscQueueContract = requires(Q queue, const Q const_queue, T value, std::size_t capacity) {
  // capacity   at least 1; rounded up to a power of two. The memory is taken here and nowhere else.
  // Throws     std::bad_alloc.
  Q(capacity);
  { const_queue.capacity() } noexcept -> std::same_as<std::size_t>;

  // The producer's. stage() puts the value behind the newest, where the consumer does not see it
  // yet; false when there is no room, the value then untouched.
  { queue.stage(value) } noexcept -> std::same_as<bool>;
  { queue.publish() } noexcept -> std::same_as<void>;
  // Whether stage() would find room.
  { queue.has_room() } noexcept -> std::same_as<bool>;
  // Staged and not yet published.
  { const_queue.staged() } noexcept -> std::same_as<std::size_t>;

  // The consumer's. The oldest published value, or null; it stays the queue's until pop(), which
  // destroys it. Its slot is the producer's again only after release().
  { queue.front() } noexcept -> std::same_as<T*>;
  { queue.pop() } noexcept -> std::same_as<void>;
  { queue.release() } noexcept -> std::same_as<void>;
  // Popped and not yet released.
  { const_queue.popped() } noexcept -> std::same_as<std::size_t>;

  // Both in one: stage and publish; front, pop and release.
  { queue.try_push(value) } noexcept -> std::same_as<bool>;
  { queue.try_pop() } noexcept -> std::same_as<std::optional<T>>;
};

}  // namespace percore
