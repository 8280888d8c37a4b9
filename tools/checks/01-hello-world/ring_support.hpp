#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <percore/check.hpp>
#include <percore/ring.hpp>
#include <percore/sim.hpp>
#include <vector>

// What the checks of ring share: operations that write down what happens to them.
namespace checks {

using percore::Operation;
using percore::Ring;
using percore::RingOptions;
using percore::Time;
using percore::Wait;
using percore::check::require;

inline constexpr const char* the_submission = "Lesson 01, *The submission*";
inline constexpr const char* the_harvest = "Lesson 01, *The harvest*";
inline constexpr const char* the_turn = "Lesson 01, *The turn*";
inline constexpr const char* the_end = "Lesson 01, *The end*";

/// Writes down its completions, and in which order they came among all others.
struct Recorded final : Operation {
  Recorded() : Operation(&Recorded::record) {}
  static void record(Operation& self, std::int32_t result, std::uint32_t flags) noexcept {
    auto& operation = static_cast<Recorded&>(self);
    ++operation.times;
    operation.result = result;
    operation.flags = flags;
    operation.in_flight_inside = operation.in_flight();
    if (order != nullptr) order->push_back(&operation);
    if (operation.on_complete != nullptr) operation.on_complete(operation);
  }

  unsigned number = 0;
  unsigned times = 0;
  std::int32_t result = 4711;  // what no operation here gives
  std::uint32_t flags = 0;
  bool in_flight_inside = false;  // as seen by the completion itself
  void (*on_complete)(Recorded&) = nullptr;
  char byte = 'x';  // to be read or written

  static inline std::vector<Recorded*>* order = nullptr;
};

/// `count` operations that stay where they are. Never freed: after a failed check some are still in
/// flight.
inline std::vector<Recorded*> operations(unsigned count) {
  std::vector<Recorded*> made;
  for (unsigned i = 0; i < count; ++i) {
    made.push_back(new Recorded);
    made.back()->number = i;
  }
  return made;
}

/// A ring that is never closed: for the step in which nothing is harvested yet.
inline Ring& ring_left_open(percore::check::Run& run, percore::sim::Options options,
                            unsigned entries, unsigned completion_entries = 0) {
  options.allow_unfinished = true;
  run.restart(options);
  return *new Ring(RingOptions{.entries = entries, .completion_entries = completion_entries});
}

inline void nop(Ring& ring, Recorded& operation) {
  io_uring_prep_nop(&ring.entry(operation));
}

/// Operations in the order in which the kernel took their entries; cancels and the like are left
/// out.
inline std::vector<std::uint64_t> names_submitted() {
  std::vector<std::uint64_t> names;
  for (const auto& event : percore::sim::record()) {
    if (event.kind == percore::sim::Event::Kind::submitted) names.push_back(event.user_data);
  }
  return names;
}

inline std::uint64_t enters() {
  return percore::sim::counts().enters;
}

struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() {
    if (pipe2(ends, O_CLOEXEC) != 0)
      percore::check::fail("no pipe could be made; are all descriptors in use?");
  }
  ~Pipe() {
    close(ends[0]);
    close(ends[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int reading_end() const { return ends[0]; }
  void write_byte() const {
    if (write(ends[1], "!", 1) != 1) percore::check::fail("a byte could not be written to a pipe");
  }
};

}  // namespace checks
