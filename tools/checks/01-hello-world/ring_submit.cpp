// 01.4 ring, step submit: entries, and how they reach the kernel. Nothing here relies on the
// harvest.

#include <algorithm>

#include "assertions.hpp"
#include "ring_support.hpp"

using namespace checks;

PERCORE_CHECK("submit", an_entry_is_named_and_counted, "R1",
              "entry() hands out a free entry, named by its operation", the_submission, .seeds = 20,
              .faults = false) {
  Ring& ring = ring_left_open(run, run.options(), 8);
  const unsigned count = run.size(1, 8);
  std::vector<io_uring_sqe*> handed_out;
  const auto all = operations(count);
  for (unsigned i = 0; i < count; ++i) {
    run.operation(i);
    io_uring_sqe& sqe = ring.entry(*all[i]);
    require(enters() == 0,
            "entry() entered the kernel with the entry that it handed out: it was submitted before "
            "the caller had prepared it. An entry only fills the queue, the turn submits");
    const auto begin = ring.native().sq.sqes;
    require(&sqe >= begin && &sqe < begin + ring.native().sq.ring_entries,
            "entry() handed out something that is not in the submission queue; io_uring_get_sqe() "
            "gives "
            "the next free entry");
    require(std::find(handed_out.begin(), handed_out.end(), &sqe) == handed_out.end(),
            "entry() handed out the same place for operations {} and {}", i,
            std::find(handed_out.begin(), handed_out.end(), &sqe) - handed_out.begin());
    handed_out.push_back(&sqe);
    io_uring_prep_nop(&sqe);
    require(sqe.user_data == reinterpret_cast<std::uintptr_t>(all[i]),
            "the entry of operation {} does not carry its address as user_data: its completion "
            "could not "
            "be told from others",
            i);
    require(all[i]->in_flight(),
            "operation {} has an entry and does not say in_flight(): mark_in_flight()", i);
    require(ring.unsubmitted() == i + 1, "{} entries wait for a submit, and unsubmitted() says {}",
            i + 1, ring.unsubmitted());
    require(ring.in_flight() == i + 1, "{} operations have entries, and in_flight() says {}", i + 1,
            ring.in_flight());
  }
}

PERCORE_CHECK("submit", the_next_turn_submits_all, "R1",
              "every entry handed out is submitted by the next turn", the_submission, .seeds = 50,
              .faults = false) {
  Ring& ring = ring_left_open(run, run.options(), 8, 64);
  const unsigned rounds = run.size(1, 5);
  const auto all = operations(8 * rounds);
  std::size_t submitted = 0;
  for (unsigned round = 0; round < rounds; ++round) {
    const auto count = 1 + static_cast<unsigned>(run.random(8));
    const auto enters_before = enters();
    for (unsigned i = 0; i < count; ++i) nop(ring, *all[submitted + i]);
    ring.turn(Wait::no);
    require(ring.unsubmitted() == 0, "after a turn {} of {} entries are still in the queue",
            ring.unsubmitted(), count);
    require(enters() == enters_before + 1,
            "a turn with {} entries made {} enters, and one carries them all", count,
            enters() - enters_before);
    const auto names = names_submitted();
    require(names.size() == submitted + count, "the kernel got {} entries, and {} were handed out",
            names.size(), submitted + count);
    for (unsigned i = 0; i < count; ++i) {
      require(names[submitted + i] == reinterpret_cast<std::uintptr_t>(all[submitted + i]),
              "entry {} reached the kernel out of order or with another name", submitted + i);
    }
    submitted += count;
    require(ring.counts().submitted == submitted,
            "the kernel took {} entries, and counts().submitted says {}", submitted,
            ring.counts().submitted);
  }
}

PERCORE_CHECK("submit", a_full_queue_is_submitted_first, "R1",
              "when the queue is full, entry() submits what is in it, and never answers null",
              the_submission) {
  auto options = run.options();
  const bool calm = options.short_submits_percent == 0 && options.refused_enters_percent == 0;
  options.cq_entries_max = 0;
  options.sq_entries_max = 0;
  constexpr unsigned entries = 4;
  Ring& ring = ring_left_open(run, options, entries, 256);
  const unsigned count = run.size(entries + 1, 60);
  const auto all = operations(count);
  for (unsigned i = 0; i < count; ++i) {
    run.operation(i);
    io_uring_sqe& sqe = ring.entry(*all[i]);
    require(&sqe >= ring.native().sq.sqes && &sqe < ring.native().sq.sqes + entries,
            "entry() for operation {} is not in the queue of {}: a full queue answers with a null "
            "pointer",
            i, entries);
    io_uring_prep_nop(&sqe);
  }
  run.waits_for("the kernel to take the last entries");
  for (int i = 0; i < 1000 && ring.unsubmitted() != 0; ++i) ring.turn(Wait::no);
  const auto names = names_submitted();
  require(names.size() == count, "{} entries were handed out and the kernel got {}: {}", count,
          names.size(),
          names.size() < count ? "those that found the queue full are lost" : "some went twice");
  for (unsigned i = 0; i < count; ++i) {
    require(names[i] == reinterpret_cast<std::uintptr_t>(all[i]),
            "entry {} reached the kernel out of order or with another name", i);
  }
  const unsigned needed = (count + entries - 1) / entries;
  require(
      !calm || enters() <= needed + 1,
      "{} enters were made for {} entries in a queue of {}: submit when it is full, not for each",
      enters(), count, entries);
}

PERCORE_CHECK("submit", a_turn_makes_one_enter, "R2",
              "one turn makes at most one io_uring_enter, which submits, waits and collects",
              the_turn) {
  auto options = run.options();
  options.sq_entries_max = options.cq_entries_max = 0;
  Ring& ring = ring_left_open(run, options, 16, 1024);
  const unsigned turns = run.size(1, 30);
  for (unsigned i = 0; i < turns; ++i) {
    run.operation(i);
    const auto count = static_cast<unsigned>(run.random(5));
    const bool nothing = ring.unsubmitted() == 0 && io_uring_cq_ready(&ring.native()) == 0;
    for (auto* operation : operations(ring.unsubmitted() + count > 16 ? 0 : count))
      nop(ring, *operation);
    const auto queued = ring.unsubmitted();
    const auto before = enters();
    const auto taken_before = percore::sim::counts().submitted;
    const bool wait = !nothing && run.chance(50);
    run.waits_for("a completion that is on its way");
    ring.turn(wait ? Wait::for_completion : Wait::no);
    require(enters() - before <= 1, "turn {} made {} enters: one submits, waits and collects", i,
            enters() - before);
    const auto taken = percore::sim::counts().submitted - taken_before;
    require(ring.unsubmitted() == queued - taken,
            "turn {} had {} entries, the kernel took {}, and unsubmitted() says {}: what it did "
            "not take "
            "stays queued",
            i, queued, taken, ring.unsubmitted());
    require(ring.counts().enters == enters(), "{} enters were made, and counts().enters says {}",
            enters(), ring.counts().enters);
    require(ring.counts().submitted == percore::sim::counts().submitted,
            "the kernel took {} entries, and counts().submitted says {}: it may take fewer than it "
            "is given",
            percore::sim::counts().submitted, ring.counts().submitted);
  }
}

PERCORE_CHECK("submit", nothing_to_do_makes_no_enter, "R2",
              "a turn that has nothing to submit and may not sleep makes no system call", the_turn,
              .seeds = 1, .faults = false) {
  Ring& ring = ring_left_open(run, run.options(), 8);
  ring.turn(Wait::no);
  ring.turn(Wait::no);
  require(enters() == 0,
          "two turns without entries made {} enters: an executor that is busy makes many turns",
          enters());
  require(ring.counts().enters == 0, "no enter was made, and counts().enters says {}",
          ring.counts().enters);
}

PERCORE_CHECK(
    "submit", errors_that_pass_leave_the_entries_queued, "R1",
    "EINTR, EAGAIN, EBUSY and a short submit end the turn early: what is left stays queued",
    the_submission, .seeds = 60, .faults = false) {
  constexpr int errors[] = {0, -EINTR, -EAGAIN, -EBUSY};
  const int error = errors[run.seed() % 4];
  const bool wait = run.seed() / 4 % 2 == 1;
  Ring& ring = ring_left_open(run, run.options(), 8, 64);
  const unsigned count = run.size(2, 8);
  const auto all = operations(count);
  for (auto* operation : all) nop(ring, *operation);
  percore::sim::script(error == 0 ? percore::sim::Fault{.enter = 1, .entries_max = 1}
                                  : percore::sim::Fault{.enter = 1, .result = error});
  ring.turn(wait ? Wait::for_completion : Wait::no);
  const auto taken = static_cast<unsigned>(percore::sim::counts().submitted);
  require(ring.unsubmitted() == count - taken,
          "the kernel took {} of {} entries ({}), and unsubmitted() says {} instead of {}", taken,
          count, error == 0 ? "a short submit" : strerrorname_np(-error), ring.unsubmitted(),
          count - taken);
  require(ring.counts().submitted == taken,
          "the kernel took {} entries ({}), and counts().submitted says {}", taken,
          error == 0 ? "a short submit" : strerrorname_np(-error), ring.counts().submitted);
  for (int i = 0; i < 3; ++i) ring.turn(Wait::no);
  const auto names = names_submitted();
  require(names.size() == count, "after {} and three more turns the kernel has {} of {} entries",
          error == 0 ? "a short submit" : strerrorname_np(-error), names.size(), count);
}

PERCORE_CHECK("submit", a_signal_ends_the_turn_early, "R2",
              "a signal that ends the sleep ends the turn, and nothing else", the_turn, .seeds = 4,
              .faults = false) {
  Ring& ring = ring_left_open(run, run.options(), 8);
  const Pipe quiet;
  Recorded* const reader = operations(1).front();
  io_uring_prep_read(&ring.entry(*reader), quiet.reading_end(), &reader->byte, 1, 0);
  ring.turn(Wait::no);
  percore::sim::script({.enter = enters() + 1, .result = run.seed() % 2 == 0 ? -EINTR : -ETIME});
  run.waits_for("a sleep that a signal ends");
  ring.turn(Wait::for_completion, percore::now() + Time{1'000'000'000});
  require(ring.counts().enters == enters(),
          "{} enters were made, one of them ended by a signal, and counts().enters says {}",
          enters(), ring.counts().enters);
}

PERCORE_CHECK("submit", other_errors_are_not_swallowed, "R1",
              "an error that cannot pass ends the program with a sentence", the_submission,
              .seeds = 3, .faults = false) {
  constexpr int errors[] = {-EEXIST, -EBADFD, -EINVAL};
  Ring& ring = ring_left_open(run, run.options(), 8);
  nop(ring, *operations(1).front());
  percore::sim::script({.enter = 1, .result = errors[run.seed() % std::size(errors)]});
  require(ends_the_program([&] { ring.turn(Wait::no); }),
          "enter failed with {}, which no repetition mends, and the turn went on as if nothing had "
          "happened; "
          "a negative result is the error, errno is not set",
          strerrorname_np(-errors[run.seed() % std::size(errors)]));
}

PERCORE_CHECK("submit", a_chain_stays_together, "R1",
              "reserve(n): the next n entries go in one submit", the_submission) {
  auto options = run.options();
  options.sq_entries_max = options.cq_entries_max = 0;
  Ring& ring = ring_left_open(run, options, 8, 256);
  const unsigned chains = run.size(1, 10);
  for (unsigned chain = 0; chain < chains; ++chain) {
    run.operation(chain);
    const auto before = static_cast<unsigned>(run.random(8));
    for (auto* operation : operations(before)) nop(ring, *operation);
    const auto length = 1 + static_cast<unsigned>(run.random(8));
    run.waits_for("room for a chain in the submission queue");
    ring.reserve(length);
    const auto enters_before = enters();
    require(
        io_uring_sq_space_left(&ring.native()) >= length,
        "after reserve({}) there is room for {} entries: the chain would be split over two submits",
        length, io_uring_sq_space_left(&ring.native()));
    for (auto* operation : operations(length)) nop(ring, *operation);
    require(enters() == enters_before,
            "an enter was made within a chain of {} that had been reserved", length);
  }
}

PERCORE_CHECK("submit", reserve_makes_no_needless_enter, "R2",
              "reserve(n) takes turns only when there is no room", the_submission, .seeds = 1,
              .faults = false) {
  Ring& ring = ring_left_open(run, run.options(), 8);
  ring.reserve(8);
  for (auto* operation : operations(4)) nop(ring, *operation);
  ring.reserve(4);
  require(enters() == 0, "reserve() made {} enters although there was room: the batch gets smaller",
          enters());
}

PERCORE_CHECK("submit", a_chain_longer_than_the_queue_is_a_mistake, "R1",
              "reserve(n) with more than the queue can ever hold ends the program with a sentence",
              the_submission, .seeds = 1, .faults = false) {
  Ring& ring = ring_left_open(run, run.options(), 8);
  ring.reserve(8);
  run.waits_for("nothing: to reserve more than the queue holds must end the program");
  require(ends_the_program([&] { ring.reserve(9); }),
          "reserve(9) with a queue of 8 came back: such a chain cannot be submitted at once, the "
          "caller must be "
          "told");
}

PERCORE_CHECK("submit", a_turn_sleeps_until_there_is_a_completion, "R2",
              "a turn sleeps when it is told to, until there is a completion", the_turn,
              .seeds = 50, .faults = false) {
  auto options = run.options();
  options.inline_percent = 0;
  Ring& ring = ring_left_open(run, options, 8);
  nop(ring, *operations(1).front());
  run.waits_for("the completion of a NOP");
  const bool with_deadline = run.chance(50);
  const Time deadline = with_deadline ? percore::now() + Time{1'000'000'000} : Time::never();
  ring.turn(Wait::for_completion, deadline);
  require(
      percore::now() < deadline,
      "one completion was there long before the deadline, and the turn slept until the deadline");
  bool posted = false;
  for (const auto& event : percore::sim::record())
    posted |= event.kind == percore::sim::Event::Kind::posted;
  require(posted, "turn(Wait::for_completion) came back before the completion was there");
  require(enters() == 1, "a turn that sleeps made {} enters: one submits and waits", enters());
}

PERCORE_CHECK("submit", a_turn_that_may_not_sleep_does_not, "R2",
              "a turn sleeps only when it is told to", the_turn, .seeds = 20, .faults = false) {
  Ring& ring = ring_left_open(run, run.options(), 8);
  for (auto* operation : operations(run.size(1, 8))) nop(ring, *operation);
  ring.turn(Wait::no);
  ring.turn(Wait::no);
  require(percore::sim::counts().sleeps == 0, "turn(Wait::no) slept {} times",
          percore::sim::counts().sleeps);
}

PERCORE_CHECK("submit", completions_that_are_there_keep_it_awake, "R2",
              "a turn does not sleep when completions are there", the_turn, .seeds = 20,
              .faults = false) {
  Ring& ring = ring_left_open(run, run.options(), 8);
  const Pipe quiet;
  auto reader = operations(1).front();
  // One completion is there, unseen by any turn; a read that nobody answers is in flight.
  io_uring_sqe* const sqe = io_uring_get_sqe(&ring.native());
  io_uring_prep_nop(sqe);
  io_uring_sqe_set_data(sqe, operations(1).front());
  io_uring_submit_and_wait(&ring.native(), 1);
  io_uring_prep_read(&ring.entry(*reader), quiet.reading_end(), &reader->byte, 1, 0);
  const auto slept = percore::sim::counts().sleeps;
  run.waits_for("nothing: a completion is in the queue already");
  ring.turn(Wait::for_completion, percore::now() + Time{5'000'000});
  require(percore::sim::counts().sleeps == slept,
          "a turn slept although a completion was in the queue");
}

PERCORE_CHECK("submit", a_deadline_ends_the_sleep, "R2",
              "a turn sleeps no longer than until its deadline, a moment of percore::now()",
              the_turn, .seeds = 50, .faults = false) {
  Ring& ring = ring_left_open(run, run.options(), 8);
  const Pipe quiet;
  Recorded* const reader = operations(1).front();
  io_uring_prep_read(&ring.entry(*reader), quiet.reading_end(), &reader->byte, 1, 0);
  ring.turn(Wait::no);
  const std::int64_t wait =
      run.seed() == 0 ? 1'500'000'000 : 1 + static_cast<std::int64_t>(run.random(3'000'000'000));
  percore::sim::advance(static_cast<std::int64_t>(run.random(5'000'000'000)));
  const Time deadline = percore::now() + Time{wait};
  const auto before = enters();
  run.waits_for("a deadline");
  ring.turn(Wait::for_completion, deadline);
  const std::int64_t late = (percore::now() - deadline).nanoseconds;
  require(late >= 0, "a turn with a deadline in {} ns came back {} ns early, without a completion",
          wait, -late);
  require(late < 1'000'000,
          "a turn with a deadline in {} ns came back {} ns late: the kernel is told how long "
          "to sleep from now, and the deadline is a moment",
          wait, late);
  require(enters() == before + 1, "a turn with a deadline made {} enters", enters() - before);
}

PERCORE_CHECK("submit", a_deadline_that_is_past_means_no_sleep, "R2",
              "a turn sleeps no longer than until its deadline, a moment of percore::now()",
              the_turn, .seeds = 10, .faults = false) {
  Ring& ring = ring_left_open(run, run.options(), 8);
  const Pipe quiet;
  Recorded* const reader = operations(1).front();
  io_uring_prep_read(&ring.entry(*reader), quiet.reading_end(), &reader->byte, 1, 0);
  percore::sim::advance(10'000'000'000);
  const Time before = percore::now();
  run.waits_for("nothing: the deadline was past");
  ring.turn(Wait::for_completion,
            before - Time{static_cast<std::int64_t>(run.random(8'000'000'000))});
  require((percore::now() - before).nanoseconds < 1'000'000,
          "a turn slept {} ns although its deadline was past",
          (percore::now() - before).nanoseconds);
  require(ring.unsubmitted() == 0, "a turn whose deadline was past did not submit its entry");
}

PERCORE_CHECK("submit", a_ring_that_cannot_be_opened_says_so, "R6",
              "no ring: the constructor throws RingUnavailable", the_end, .seeds = 1,
              .faults = false) {
  auto options = run.options();
  options.setup_result = -EPERM;
  run.restart(options);
  bool thrown = false;
  try {
    const Ring ring;
  } catch (const percore::RingUnavailable&) {
    thrown = true;
  }
  require(thrown, "the kernel refused a ring, and the constructor went on without one");
}

PERCORE_ORACLE(user_data_unset, "R1", "entry() hands out a free entry, named by its operation",
               "Lesson 01, *The submission*");
PERCORE_ORACLE(sleeps_for_ever, "R1", "every entry handed out is submitted",
               "Lesson 01, *The submission*");
PERCORE_ORACLE(head_past_tail, "R3", "the places of completions are given back, once",
               "Lesson 01, *The harvest*");
PERCORE_ORACLE(entry_changed, "R1",
               "an entry is written before it is submitted, and not touched after",
               "Lesson 01, *The submission*");
