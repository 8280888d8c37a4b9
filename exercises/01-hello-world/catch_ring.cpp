#include <liburing.h>

#include <cstdint>
#include <memory>
#include <percore/check.hpp>
#include <percore/ring.hpp>
#include <percore/sim.hpp>
#include <vector>

// Exercise 01.8, kind: catch. Your checks are linked with our ring, which must pass all of them,
// and with rings that each have one thing wrong, which at least one check must reject.
//
//   run.size(low, high)   a number of operations, drawn from the seed
//   run.options()         how the simulated kernel behaves with this seed; run.restart(options)
//   begins anew
//                         with options that you changed, e.g. options.sq_entries_max = 4
//   percore::sim::counts()          .enters .submitted .completions: what the kernel saw
//   percore::sim::set_enter_budget(n)   more enters than this are a mistake
//   percore::check::require(held, "sentence with the numbers {}", number)
//
// Besides, the simulated ring watches by itself for sleep that nothing can end, buffers that die in
// flight, and completions that are read too late or never taken.

namespace {

/// A NOP that counts how often it is completed. More ideas: note the order, the results, the flags;
/// ask for another entry when completed; a read from a pipe that stays in flight.
struct Counted final : percore::Operation {
  Counted() : Operation(&Counted::completed) {}
  static void completed(Operation& self, std::int32_t, std::uint32_t) noexcept {
    ++static_cast<Counted&>(self).seen;
  }
  int seen = 0;
};

}  // namespace

PERCORE_CHECK("", one_operation_completes, "R3", "every completion reaches its operation, once",
              "Lesson 01, *The harvest*") {
  percore::Ring ring;
  Counted operation;
  io_uring_prep_nop(&ring.entry(operation));
  while (operation.in_flight()) ring.turn(percore::Wait::for_completion);
  percore::check::require(operation.seen == 1, "the operation was completed {} times",
                          operation.seen);
}

// TODO: one operation alone goes well with all of them. Write checks for R1 to R6.
