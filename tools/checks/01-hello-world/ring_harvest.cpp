// 01.4 ring, step harvest: how completions reach their operations, and the end of the ring.

#include <algorithm>
#include <memory>

#include "assertions.hpp"
#include "ring_support.hpp"

using namespace checks;
using percore::sim::Event;

namespace {

/// What the kernel put into the completion queue, in order; NOPs, reads and writes only.
std::vector<Event> posted() {
  std::vector<Event> all;
  for (const Event& event : percore::sim::record()) {
    if (event.kind == Event::Kind::posted && event.opcode != IORING_OP_ASYNC_CANCEL)
      all.push_back(event);
  }
  return all;
}

/// What was handed over must be what the kernel posted: each once, in its order, with its result.
void compare_with_kernel(const std::vector<Recorded*>& order) {
  const auto kernel = posted();
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Recorded& operation = *order[i];
    require(operation.times == 1, "operation {} was completed {} times", operation.number,
            operation.times);
    require(i < kernel.size() && kernel[i].user_data == reinterpret_cast<std::uintptr_t>(order[i]),
            "completion {} in the order of the queue belongs to another operation than {}, to "
            "which it was "
            "handed",
            i, operation.number);
    require(kernel[i].result == operation.result,
            "the kernel answered operation {} with {}, and it was handed {}: the answer is in res",
            operation.number, kernel[i].result, operation.result);
  }
}

/// What a turn has handed over is no longer in the queue.
void expect_places_back(Ring& ring) {
  require(io_uring_cq_ready(&ring.native()) == 0,
          "after a turn {} places of the completion queue are still taken: io_uring_for_each_cqe() "
          "only looks, "
          "io_uring_cq_advance() gives back as many as were seen",
          io_uring_cq_ready(&ring.native()));
}

void settle(percore::check::Run& run, Ring& ring, const std::vector<Recorded*>& all,
            bool quiet = true) {
  run.waits_for("the completions of operations in flight");
  percore::sim::set_enter_budget(percore::sim::counts().enters + 50 * all.size() + 2000);
  while (ring.in_flight() != 0) {
    ring.turn(Wait::for_completion);
    if (quiet) expect_places_back(ring);
  }
  for (const Recorded* operation : all) {
    require(operation->times == 1,
            "operation {} was completed {} times, and in_flight() says that none is left",
            operation->number, operation->times);
    require(!operation->in_flight(),
            "operation {} has its last completion and still says in_flight()", operation->number);
  }
}

/// Prepares one of the ways to be answered: with 0, with a byte count, with an error.
void prepare_any(percore::check::Run& run, io_uring_sqe& sqe, Recorded& operation,
                 const Pipe& full) {
  switch (run.random(4)) {
    case 0:
      io_uring_prep_read(&sqe, full.reading_end(), &operation.byte, 1, 0);
      break;
    case 1:
      io_uring_prep_write(&sqe, full.ends[1], &operation.byte, 1, 0);
      break;
    case 2:
      io_uring_prep_write(&sqe, -1, &operation.byte, 1, 0);
      break;
    default:
      io_uring_prep_nop(&sqe);
  }
}

}  // namespace

PERCORE_CHECK(
    "harvest", each_completion_reaches_its_operation, "R3",
    "every completion reaches the operation it belongs to, once, in the order of the queue",
    the_harvest) {
  const Pipe full;
  for (int i = 0; i < 100; ++i) full.write_byte();
  std::vector<Recorded*> order;
  Recorded::order = &order;
  const unsigned count = run.size(1, 40);
  const auto all = operations(count);
  {
    Ring ring({.entries = 8});
    for (unsigned i = 0; i < count; ++i) {
      run.operation(i);
      prepare_any(run, ring.entry(*all[i]), *all[i], full);
      const bool wait = run.chance(30);
      const auto before = order.size();
      if (wait || run.chance(50)) {
        run.waits_for("a completion that is on its way");
        const unsigned told =
            ring.turn(wait && ring.in_flight() != 0 ? Wait::for_completion : Wait::no);
        require(told == order.size() - before, "a turn handed over {} completions and returned {}",
                order.size() - before, told);
        expect_places_back(ring);
      }
      require(ring.in_flight() == i + 1 - order.size(),
              "{} operations were given to entry() and {} are completed, and in_flight() says {}",
              i + 1, order.size(), ring.in_flight());
    }
    settle(run, ring, all);
    require(ring.counts().completions == count,
            "{} completions were handed over, and counts().completions says {}", count,
            ring.counts().completions);
    compare_with_kernel(order);
  }
}

PERCORE_CHECK("harvest", places_are_given_back, "R3",
              "the places of completions are given back, once", the_harvest, .seeds = 50,
              .faults = false) {
  Ring ring({.entries = 4});
  const unsigned rounds = run.size(2, 40);
  for (unsigned round = 0; round < rounds; ++round) {
    run.operation(round);
    const auto all = operations(1 + static_cast<unsigned>(run.random(4)));
    for (auto* operation : all) nop(ring, *operation);
    settle(run, ring, all);
  }
}

PERCORE_CHECK("harvest", a_turn_takes_all_that_is_there, "R3",
              "a turn hands over every completion that is there", the_harvest, .seeds = 30,
              .faults = false) {
  Ring ring({.entries = 16});
  const unsigned count = run.size(2, 16);
  const auto all = operations(count);
  for (auto* operation : all) nop(ring, *operation);
  io_uring_submit_and_wait(&ring.native(), count);
  const unsigned there = io_uring_cq_ready(&ring.native());
  const auto before = enters();
  require(ring.has_completions(), "{} completions are in the queue and has_completions() says no",
          there);
  const unsigned told = ring.turn(Wait::for_completion);
  require(told == there, "{} completions were there and a turn handed over {}", there, told);
  require(enters() == before,
          "a turn made {} enters although all it wanted was in the queue already",
          enters() - before);
}

PERCORE_CHECK("harvest", overflowed_completions_are_fetched, "R3",
              "completions for which the queue had no room are fetched from the kernel",
              the_harvest) {
  auto options = run.options();
  options.cq_entries_max = 4;
  options.sq_entries_max = 4;
  options.busy_on_overflow = run.chance(50);
  run.restart(options);
  std::vector<Recorded*> order;
  Recorded::order = &order;
  Ring ring({.entries = 4, .completion_entries = 4});
  const unsigned count = run.size(5, 40);
  const auto all = operations(count);
  for (unsigned i = 0; i < count; ++i) {
    run.operation(i);
    nop(ring, *all[i]);
  }
  settle(run, ring, all);
}

PERCORE_CHECK(
    "harvest", has_completions_sees_what_the_kernel_holds, "R3",
    "has_completions(): completions are there, or the kernel holds some back until it is entered",
    the_harvest, .seeds = 100, .faults = false) {
  auto options = run.options();
  const bool overflow = run.seed() % 2 == 0;
  if (run.seed() % 4 >= 2) options.refused_setup_flags = IORING_SETUP_DEFER_TASKRUN;
  options.inline_percent = overflow ? 100 : 0;
  run.restart(options);
  Ring ring({.entries = 4, .completion_entries = 4});
  require(!ring.has_completions(),
          "nothing was asked for, and has_completions() says that there are some");
  require(enters() == 0,
          "has_completions() made an enter: it is asked in every turn and only looks");
  const auto all = operations(overflow ? 12 : 1);
  // Through liburing, so that nothing is harvested on the way.
  for (auto* operation : all) {
    nop(ring, *operation);
    io_uring_submit(&ring.native());
  }
  percore::sim::advance(1'000'000);  // everything has finished by now, and nobody has entered
  require(ring.has_completions(),
          "{}, and has_completions() says no: whoever believes it sleeps with work",
          overflow ? "12 operations have finished, the queue has room for 4, the kernel keeps the "
                     "others (CQ_OVERFLOW)"
                   : "the operation has finished, and its completion is there or waits for an "
                     "enter (TASKRUN)");
  if (overflow) ring.turn(Wait::no);
  require(!overflow || ring.has_completions() || ring.in_flight() == 0,
          "{} completions are still with the kernel, and has_completions() says no",
          ring.in_flight());
  settle(run, ring, all);
  require(!ring.has_completions(),
          "everything is harvested, and has_completions() says that there is more");
}

PERCORE_CHECK("harvest", a_turn_fetches_what_the_kernel_holds, "R3",
              "a turn fetches what the kernel holds back, also with nothing to submit", the_harvest,
              .seeds = 20, .faults = false) {
  auto options = run.options();
  options.inline_percent = 0;
  run.restart(options);
  Ring ring({.entries = 8});
  const unsigned count = run.size(1, 6);
  const auto all = operations(count);
  for (auto* operation : all) nop(ring, *operation);
  io_uring_submit(&ring.native());
  percore::sim::advance(1'000'000);  // all have finished; under DEFER_TASKRUN only a flag says so
  const unsigned turned = ring.turn(Wait::no);
  require(turned == count,
          "{} operations had finished and only the flag TASKRUN said so; a turn that may not sleep "
          "handed over {}: without an enter the kernel shows nothing",
          count, turned);
  settle(run, ring, all);
}

PERCORE_CHECK("harvest", more_to_come_is_still_in_flight, "R4",
              "an operation is in flight until its last completion (no IORING_CQE_F_MORE)",
              the_harvest, .seeds = 30, .faults = false) {
  Ring ring({.entries = 8});
  const unsigned times = run.size(2, 6);
  Recorded* const operation = operations(1).front();
  for (unsigned i = 0; i < times; ++i) {
    run.operation(i);
    // What a multishot operation looks like: several completions with one name, all but the last
    // with F_MORE.
    io_uring_sqe* const sqe = i == 0 ? &ring.entry(*operation) : io_uring_get_sqe(&ring.native());
    io_uring_prep_nop(sqe);
    io_uring_sqe_set_data(sqe, operation);
    io_uring_submit_and_wait(&ring.native(), 1);
    const bool last = i + 1 == times;
    io_uring& native = ring.native();
    if (!last) native.cq.cqes[*native.cq.khead & native.cq.ring_mask].flags |= IORING_CQE_F_MORE;
    ring.turn(Wait::no);
    require(operation->times == i + 1,
            "completion {} of an operation that gives several was handed over {} times", i + 1,
            operation->times - i);
    require((operation->flags & IORING_CQE_F_MORE) == (last ? 0u : IORING_CQE_F_MORE),
            "completion {} was handed over with other flags than the kernel gave", i + 1);
    require(ring.in_flight() == (last ? 0u : 1u), "{} and in_flight() says {}",
            last ? "the last completion has come" : "the kernel promised more completions (F_MORE)",
            ring.in_flight());
    require(operation->in_flight() == !last,
            "the operation says in_flight() = {} after completion {} of {}", operation->in_flight(),
            i + 1, times);
  }
}

PERCORE_CHECK("harvest", a_completion_may_ask_for_an_entry, "R3",
              "a completion that needs an entry of a full queue makes nobody complete twice",
              the_harvest) {
  auto options = run.options();
  options.sq_entries_max = 0;
  run.restart(options);
  struct Next {
    Ring* ring;
    std::vector<Recorded*> waiting;
  };
  static Next next;
  Ring ring({.entries = 4});
  const unsigned count = run.size(1, 8);
  auto all = operations(count);
  next = {&ring, operations(6 * count)};
  for (auto* more : next.waiting) more->number += count, all.push_back(more);
  for (unsigned i = 0; i < count; ++i) {
    all[i]->on_complete = [](Recorded& self) {
      require(self.times == 1,
              "operation {} was handed its completion {} times: asking for an entry of a full "
              "queue took a "
              "turn, and the completions that were being handed over were handed over again",
              self.number, self.times);
      for (int more = 0; more < 6; ++more) {
        require(!next.waiting.empty(),
                "more completions were handed over than operations were asked for: asking for an "
                "entry of a full queue took a turn, and it handed over what was being handed over");
        // Taken out first: entry() may take a turn, and come back here.
        Recorded* const fresh = next.waiting.back();
        next.waiting.pop_back();
        nop(*next.ring, *fresh);
      }
    };
    nop(ring, *all[i]);
  }
  settle(run, ring, all, false);  // more may have come while a turn handed over what was there
  require(next.waiting.empty(), "{} completions did not come to run", next.waiting.size() / 6);
}

PERCORE_CHECK("harvest", an_operation_may_be_used_again_when_completed, "R4",
              "at its last completion an operation is no longer in flight", the_harvest,
              .seeds = 30, .faults = false) {
  static Ring* again;
  static unsigned left;
  Ring ring({.entries = 4});
  again = &ring;
  left = run.size(1, 20);
  const unsigned times = left + 1;
  Recorded* const operation = operations(1).front();
  operation->on_complete = [](Recorded& self) {
    require(!self.in_flight_inside,
            "inside its last completion the operation still says in_flight()");
    require(again->in_flight() == 0,
            "inside the last completion of the only operation in_flight() says {}",
            again->in_flight());
    if (left != 0) --left, nop(*again, self);
  };
  nop(ring, *operation);
  run.waits_for("an operation that asks again in its completion");
  for (unsigned turns = 0; operation->times < times; ++turns) {
    require(turns < 4 * times + 10,
            "an operation that asks again at each completion was completed {} times of {}",
            operation->times, times);
    ring.turn(Wait::for_completion);
  }
}

PERCORE_CHECK("harvest", cancel_all_only_asks, "R4",
              "cancel_all() asks the kernel to cancel; each operation still has its own completion",
              the_end) {
  auto options = run.options();
  options.cq_entries_max = 0;
  run.restart(options);
  const Pipe quiet;
  Ring ring({.entries = 8});
  const unsigned count = run.size(1, 20);
  const auto all = operations(count);
  for (unsigned i = 0; i < count; ++i) {
    run.operation(i);
    io_uring_prep_read(&ring.entry(*all[i]), quiet.reading_end(), &all[i]->byte, 1, 0);
    if (run.chance(30)) ring.turn(Wait::no);
  }
  run.waits_for("cancel_all(), and the completions of what it cancels");
  percore::sim::set_enter_budget(percore::sim::counts().enters + 4000);
  ring.cancel_all();
  unsigned completed = 0;
  for (const auto* operation : all) completed += operation->times;
  require(ring.in_flight() == count - completed,
          "after cancel_all() {} of {} operations have their completion, and in_flight() says {}{}",
          completed, count, ring.in_flight(),
          ring.in_flight() == count - completed + 1
              ? ": the cancel itself is still counted; cancel_all() takes turns until its own "
                "request is answered"
              : "");
  settle(run, ring, all);
  for (const auto* operation : all) {
    require(operation->result == -ECANCELED || operation->result == -EAGAIN ||
                operation->result == -EINTR,
            "operation {}, a read that nobody answered, ended with {}", operation->number,
            operation->result);
  }
}

PERCORE_CHECK("harvest", cancel_all_with_nothing_in_flight_does_nothing, "R4",
              "cancel_all() with nothing in flight asks for nothing", the_end, .seeds = 1,
              .faults = false) {
  Ring ring({.entries = 8});
  ring.cancel_all();
  ring.drain();
  require(enters() == 0, "cancel_all() and drain() made {} enters although nothing was in flight",
          enters());
}

PERCORE_CHECK("harvest", drain_sleeps_between_completions, "R6",
              "drain() takes turns until nothing is in flight", the_end) {
  Ring ring({.entries = 8});
  const unsigned count = run.size(1, 30);
  const auto all = operations(count);
  for (auto* operation : all) nop(ring, *operation);
  run.waits_for("drain()");
  percore::sim::set_enter_budget(percore::sim::counts().enters + 40 * count + 200);
  const auto enters_before = enters();
  const bool calm = run.options().interrupted_waits_percent + run.options().refused_enters_percent +
                        run.options().short_submits_percent + run.options().cq_entries_max ==
                    0;
  ring.drain();
  require(ring.in_flight() == 0, "drain() came back with {} operations in flight",
          ring.in_flight());
  require(
      !calm || enters() - enters_before <= count + 2,
      "drain() made {} enters for {} completions: it looks again and again where it could sleep",
      enters() - enters_before, count);
  settle(run, ring, all);
}

PERCORE_CHECK("harvest", the_ring_closes_when_nothing_is_in_flight, "R6",
              "the ring closes only when nothing is in flight", the_end) {
  const Pipe quiet;
  const unsigned count = run.size(1, 20);
  const auto all = operations(count);
  percore::sim::set_enter_budget(4000);
  {
    auto ring = std::make_unique<Ring>(RingOptions{.entries = 8});
    for (unsigned i = 0; i < count; ++i) {
      run.operation(i);
      io_uring_sqe& sqe = ring->entry(*all[i]);
      if (run.chance(50)) {
        io_uring_prep_nop(&sqe);
      } else {
        io_uring_prep_read(&sqe, quiet.reading_end(), &all[i]->byte, 1, 0);
      }
      if (run.chance(20)) ring->turn(Wait::no);
    }
    // The plain case first: all of it is with the kernel, and some of it waits for ever.
    if (run.seed() < 4) ring->turn(Wait::no);
    run.waits_for("the destructor of the ring, which cancels and drains");
  }
  for (const auto* operation : all) {
    require(operation->times == 1,
            "the ring was closed and operation {} had {} completions: its caller, and the owner of "
            "its buffer, would "
            "never hear of it",
            operation->number, operation->times);
  }
}

PERCORE_ORACLE(head_past_tail, "R3", "the places of completions are given back, once",
               "Lesson 01, *The harvest*");
PERCORE_ORACLE(never_harvested, "R6", "the ring closes only when nothing is in flight",
               "Lesson 01, *The end*");
PERCORE_ORACLE(never_completed, "R6", "the ring closes only when nothing is in flight",
               "Lesson 01, *The end*");
PERCORE_ORACLE(never_submitted, "R6", "the ring closes only when nothing is in flight",
               "Lesson 01, *The end*");
PERCORE_ORACLE(ring_left_open, "R6", "the ring is closed by its destructor",
               "Lesson 01, *The end*");
PERCORE_ORACLE(completion_released, "R5", "a released completion is never read again",
               "Lesson 01, *The harvest*");
PERCORE_ORACLE(record_freed, "R4", "the record of an operation lives until its last completion",
               "Lesson 01, *The end*");
PERCORE_ORACLE(user_data_unset, "R1", "entry() hands out a free entry, named by its operation",
               "Lesson 01, *The submission*");
PERCORE_ORACLE(entry_changed, "R1",
               "an entry is written before it is submitted, and not touched after",
               "Lesson 01, *The submission*");
