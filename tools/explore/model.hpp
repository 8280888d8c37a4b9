#pragma once

/// The memory model: which values an atomic load may read, given what each thread has seen.
///
/// One execution is a graph that grows by an event at a time. It holds, as the C++ standard names
/// them ([intro.races], [atomics.order]):
///   sequenced before     the order of events within a thread
///   reads from           the store that a load took its value from
///   modification order   for each location, an order of all its stores
///   happens before       kept as vector clocks, one number for each thread
///   the order S          of sequentially consistent operations and fences (sc_order.hpp)
///
/// Invariants
/// 1. The graph is consistent after each event: coherence holds for each location, an update (a
///    read-modify-write) stands right after the store it read, and S has no cycle.
/// 2. Every consistent extension is offered: readable() lists all stores that a load may read,
///    places() all places in the modification order where a store may stand. A store may be placed
///    before others that are there already, so the order in which threads run implies nothing.
/// 3. A load reads what has been executed. Executions in which values come out of a cycle of reads
///    and program order (load buffering, "out of thin air") are not part of the model; see
///    docs/reference/schedule-explorer.md.

#include "sc_order.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <source_location>
#include <vector>

namespace percore::explore {

/// Thread 0 is the body of the check: what it does before the threads start and after they ended.
constexpr unsigned THREADS_MAX = 8;

/// What a thread knows: for each thread, the number of its last event that happened before; and the
/// sequentially consistent fences among all these.
struct View {
  std::array<std::uint32_t, THREADS_MAX> clock{};
  ScSet fences = 0;

  void join(const View& other) noexcept {
    for (unsigned i = 0; i < THREADS_MAX; ++i)
      if (other.clock[i] > clock[i]) clock[i] = other.clock[i];
    fences |= other.fences;
  }
  [[nodiscard]] bool has(unsigned thread, std::uint32_t event) const noexcept {
    return clock[thread] >= event;
  }
};

/// An event's name: unique, and the same however threads were interleaved.
struct EventId {
  std::uint32_t thread = 0;
  std::uint32_t number = 0;  ///< the thread's events count from 1
};

/// A store, an update, or the construction of an atomic.
struct Store {
  EventId id;
  std::uint64_t value = 0;
  std::memory_order order = std::memory_order_relaxed;
  bool update = false;   ///< reads the store right before it in the modification order
  bool updated = false;  ///< an update has read this store: nothing else may come between
  std::uint32_t place = 0;
  View released;  ///< what an acquire that reads this store learns
  ScEnds ends;
  std::source_location where;
};

struct Load {
  EventId id;
  std::uint32_t store = 0;
  ScEnds ends;
};

struct Location {
  std::uint64_t key = 0;  ///< its identity in the hash of states
  std::vector<Store> stores;
  std::vector<std::uint32_t> order;  ///< modification order: indices of stores
  std::vector<Load> loads;

  /// For each thread, which of the location's values its accesses saw. Never going back: coherence.
  struct Seen {
    std::uint32_t event;
    std::uint32_t store;
    bool loaded;
  };
  std::array<std::vector<Seen>, THREADS_MAX> seen;
  EventId made;

  void reset(std::uint64_t new_key) noexcept;
};

/// What a thread carries through an execution.
struct ThreadView {
  View now;            ///< all that happened before its next event
  View to_acquire;     ///< learned by relaxed loads, for the next acquire fence
  View release_fence;  ///< what later relaxed stores release
  View strongly;       ///< what strongly happened before its next event (orders S)
};

class Model {
 public:
  void begin();

  /// The next event of this thread.
  EventId tick(unsigned thread) noexcept;

  /// A new location whose initial value is a store by `thread`. key  see Location::key.
  std::uint32_t make_location(unsigned thread, std::uint64_t key, std::uint64_t value,
                              std::source_location where);
  [[nodiscard]] Location& location(std::uint32_t index) noexcept { return locations_[index]; }

  /// False when `thread` cannot know that the location was made: a data race.
  [[nodiscard]] bool was_made(unsigned thread, std::uint32_t location) const noexcept;

  /// The stores that a load of this order may read, newest first, as indices. For an update:
  /// those that nothing has updated yet.
  void readable(unsigned thread, std::uint32_t location, std::memory_order order, bool update,
                std::vector<std::uint32_t>& out);
  /// Where a store may stand in the modification order, last place first.
  void places(unsigned thread, std::uint32_t location, std::memory_order order,
              std::vector<std::uint32_t>& out);

  /// Executes. The caller has called tick() and chosen from readable() or places().
  void load(unsigned thread, std::uint32_t location, std::memory_order order, std::uint32_t store);
  std::uint32_t store(unsigned thread, std::uint32_t location, std::memory_order order,
                      std::uint64_t value, std::uint32_t place, std::source_location where);
  std::uint32_t update(unsigned thread, std::uint32_t location, std::memory_order order,
                       std::uint32_t read, std::uint64_t value, std::source_location where);
  void fence(unsigned thread, std::memory_order order);

  void start_thread(unsigned thread, unsigned by) noexcept;
  void join_thread(unsigned thread, unsigned by) noexcept;

  [[nodiscard]] const ThreadView& view(unsigned thread) const noexcept { return threads_[thread]; }
  [[nodiscard]] unsigned sc_events() const noexcept { return sc_.size(); }

  /// Two hashes of the graph, equal for equal graphs however they came about.
  struct Hash {
    std::uint64_t low = 0, high = 0;
  };
  [[nodiscard]] Hash hash() const noexcept { return hash_; }
  /// Adds what is not in the graph but belongs to the state, as a thread's number of yields.
  void add_to_hash(std::uint64_t a, std::uint64_t b) noexcept;
  void remove_from_hash(std::uint64_t a, std::uint64_t b) noexcept;

 private:
  struct Bound {
    std::uint32_t place;
    bool loaded;
  };
  [[nodiscard]] Bound oldest(const Location& at, const View& view) const noexcept;
  [[nodiscard]] View after_acquire(unsigned thread, const Store& from,
                                   std::memory_order order) const noexcept;
  [[nodiscard]] bool sc_allows(unsigned thread, const Location& at, std::memory_order order,
                               std::uint32_t stores_before, std::uint32_t loads_before,
                               const View& view) const noexcept;
  ScEnds sc_add(unsigned thread, const Location& at, std::memory_order order, ScSet strongly,
                std::uint32_t stores_before, std::uint32_t loads_before);
  [[nodiscard]] ScSet strongly_before(unsigned thread) const noexcept;
  void acquire(unsigned thread, const Store& from, std::memory_order order) noexcept;
  [[nodiscard]] View released_by(unsigned thread, std::memory_order order) const noexcept;
  std::uint32_t insert(Location& at, Store store, std::uint32_t place);

  std::array<ThreadView, THREADS_MAX> threads_;
  std::vector<Location> locations_;  ///< a pool: the first used_ are this execution's
  std::uint32_t used_ = 0;
  ScOrder sc_;
  Hash hash_;
};

constexpr bool acquires(std::memory_order order) noexcept {
  return order == std::memory_order_acquire || order == std::memory_order_consume ||
         order == std::memory_order_acq_rel || order == std::memory_order_seq_cst;
}
constexpr bool releases(std::memory_order order) noexcept {
  return order == std::memory_order_release || order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst;
}

}  // namespace percore::explore
