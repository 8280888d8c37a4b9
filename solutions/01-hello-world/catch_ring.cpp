#include <liburing.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <percore/check.hpp>
#include <percore/ring.hpp>
#include <percore/sim.hpp>
#include <vector>

using percore::Ring;
using percore::Wait;
using percore::check::require;

namespace {

/// Writes down what happens to it, and in which order among all others.
struct Noted final : percore::Operation {
  Noted() : Operation(&Noted::completed) {}
  static void completed(Operation& self, std::int32_t result, std::uint32_t) noexcept {
    auto& noted = static_cast<Noted&>(self);
    ++noted.seen;
    noted.result = result;
    if (order != nullptr) order->push_back(reinterpret_cast<std::uintptr_t>(&noted));
    if (noted.asks_for_more) noted.asks_for_more(noted);
  }
  int seen = 0;
  std::int32_t result = 1;
  char byte = 0;
  void (*asks_for_more)(Noted&) = nullptr;
  static inline std::vector<std::uintptr_t>* order = nullptr;
};

void settle(Ring& ring) {
  percore::sim::set_enter_budget(percore::sim::counts().enters + 10'000);
  while (ring.in_flight() != 0) ring.turn(Wait::for_completion);
}

}  // namespace

PERCORE_CHECK("", every_entry_reaches_the_kernel, "R1", "every entry handed out is submitted",
              "Lesson 01, *The submission*") {
  Ring ring({.entries = 4});
  std::vector<Noted> operations(run.size(1, 40));
  for (auto& operation : operations) io_uring_prep_nop(&ring.entry(operation));
  for (int turns = 0; turns < 100 && ring.unsubmitted() != 0; ++turns) ring.turn(Wait::no);
  require(ring.counts().submitted == operations.size(), "{} entries were handed out, {} went in",
          operations.size(), ring.counts().submitted);
  settle(ring);
}

PERCORE_CHECK("", one_enter_a_turn, "R2", "one turn makes at most one enter",
              "Lesson 01, *The turn*", .faults = false) {
  Ring ring({.entries = 8});
  std::vector<Noted> operations(run.size(1, 8));
  for (auto& operation : operations) io_uring_prep_nop(&ring.entry(operation));
  while (ring.in_flight() != 0) {
    const auto before = percore::sim::counts().enters;
    ring.turn(Wait::for_completion);
    const auto made = percore::sim::counts().enters - before;
    require(made <= 1, "a turn made {} enters", made);
  }
}

PERCORE_CHECK("", each_completes_once, "R3", "every completion reaches its operation, once",
              "Lesson 01, *The harvest*") {
  Ring ring({.entries = 8});
  std::vector<Noted> operations(run.size(1, 40));
  for (auto& operation : operations) {
    io_uring_prep_write(&ring.entry(operation), -1, &operation.byte, 1, 0);
    if (run.chance(30)) ring.turn(Wait::no);
  }
  settle(ring);
  for (const auto& operation : operations) {
    require(operation.seen == 1, "an operation was completed {} times", operation.seen);
    require(operation.result < 0, "a write to a descriptor that is not open gave {}",
            operation.result);
  }
}

PERCORE_CHECK("", in_the_order_of_the_queue, "R3", "completions come in the order of the queue",
              "Lesson 01, *The harvest*", .faults = false) {
  std::vector<std::uintptr_t> order;
  Noted::order = &order;
  Ring ring({.entries = 8});
  std::vector<Noted> operations(run.size(2, 8));
  for (auto& operation : operations) io_uring_prep_nop(&ring.entry(operation));
  settle(ring);
  std::size_t place = 0;
  for (const auto& event : percore::sim::record()) {
    if (event.kind != percore::sim::Event::Kind::posted) continue;
    require(place < order.size() && order[place] == event.user_data,
            "completion {} was handed over out of order", place);
    ++place;
  }
  Noted::order = nullptr;
}

PERCORE_CHECK("", cancelled_is_still_in_flight, "R4", "in flight until the last completion",
              "Lesson 01, *The end*", .faults = false) {
  int pipe_ends[2];
  require(pipe(pipe_ends) == 0, "no pipe");
  {
    Ring ring({.entries = 8});
    std::vector<Noted> operations(run.size(1, 8));
    for (auto& operation : operations) {
      io_uring_prep_read(&ring.entry(operation), pipe_ends[0], &operation.byte, 1, 0);
    }
    ring.cancel_all();
    unsigned completed = 0;
    for (const auto& operation : operations) completed += operation.seen;
    require(ring.in_flight() == operations.size() - completed,
            "{} of {} are completed, in_flight() says {}", completed, operations.size(),
            ring.in_flight());
    settle(ring);
  }
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

PERCORE_CHECK("", released_is_never_read, "R5", "a released completion is never read again",
              "Lesson 01, *The harvest*") {
  static Ring* current;
  static std::vector<std::unique_ptr<Noted>>* more;
  auto options = run.options();
  options.sq_entries_max = 0;
  run.restart(options);
  Ring ring({.entries = 4});
  std::vector<std::unique_ptr<Noted>> later;
  current = &ring;
  more = &later;
  std::vector<Noted> operations(run.size(1, 8));
  later.reserve(6 * operations.size());
  for (auto& operation : operations) {
    // Needs entries while completions are handed over: the ring takes a turn, and the kernel writes
    // over the places that it was given back.
    operation.asks_for_more = [](Noted& self) {
      require(self.seen == 1, "an operation was completed {} times", self.seen);
      for (int i = 0; i < 6; ++i) {
        more->push_back(std::make_unique<Noted>());
        io_uring_prep_nop(&current->entry(*more->back()));
      }
    };
    io_uring_prep_nop(&ring.entry(operation));
  }
  settle(ring);
  for (const auto& operation : later) {
    require(operation->seen == 1, "an operation was completed {} times", operation->seen);
  }
}

PERCORE_CHECK("", closes_when_nothing_is_in_flight, "R6",
              "the ring closes when nothing is in flight", "Lesson 01, *The end*") {
  std::vector<Noted> operations(run.size(1, 20));
  {
    Ring ring({.entries = 8});
    for (auto& operation : operations) io_uring_prep_nop(&ring.entry(operation));
    if (run.chance(50)) ring.turn(Wait::no);
  }
  for (const auto& operation : operations) {
    require(operation.seen == 1, "a ring was closed, an operation was completed {} times",
            operation.seen);
  }
}
