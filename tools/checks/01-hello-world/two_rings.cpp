// 01.2 two_rings: the questions in order, each tried on a ring of four entries.

#include <liburing.h>

#include <cerrno>

#include <percore/sim.hpp>
#include "answers.hpp"

using checks::expect_answer;
using checks::Misconception;

namespace {

constexpr const char* the_picture = "Lesson 01, *The picture*";
constexpr const char* the_submission = "Lesson 01, *The submission*";
constexpr const char* the_harvest = "Lesson 01, *The harvest*";

/// The ring of the questions; each question goes on from the one before.
struct Story {
  Story() { io_uring_queue_init(4, &ring, 0); }
  ~Story() {
    while (io_uring_sq_ready(&ring) != 0) io_uring_submit(&ring);
    for (int turns = 0; turns < 8;
         ++turns) {  // what is still on its way, so that nothing is left behind
      percore::sim::advance(1'000'000);
      io_uring_get_events(&ring);
      io_uring_cq_advance(&ring, io_uring_cq_ready(&ring));
    }
    io_uring_queue_exit(&ring);
  }
  Story(const Story&) = delete;
  Story& operator=(const Story&) = delete;

  void fill(unsigned nops) {
    for (unsigned i = 0; i < nops; ++i) {
      io_uring_sqe* const sqe = io_uring_get_sqe(&ring);
      io_uring_prep_nop(sqe);
      io_uring_sqe_set_data64(sqe, ++named);
    }
  }
  void submit_three() {
    fill(3);
    io_uring_submit_and_wait(&ring, 3);
  }
  io_uring_cqe* first() {
    io_uring_cqe* cqe = nullptr;
    io_uring_peek_cqe(&ring, &cqe);
    return cqe;
  }

  io_uring ring{};
  unsigned named = 0;
};

}  // namespace

PERCORE_CHECK("", places, "I2",
              "the completion queue has twice as many places as the submission queue", the_picture,
              .seeds = 1, .faults = false) {
  Story story;
  static constexpr Misconception known[] = {
      {"4",
       "you took both queues for equally long; an operation in flight has left the submission "
       "queue, so more can "
       "complete than fit in there, and the kernel makes the completion queue twice as long"}};
  expect_answer(run, "places", std::to_string(story.ring.cq.ring_entries), known,
                "the kernel makes the completion queue twice as long as the submission queue");
}

PERCORE_CHECK("", tail, "I1", "an entry that is filled in is seen by nobody before the submit",
              the_picture, .seeds = 1, .faults = false) {
  Story story;
  story.fill(3);
  static constexpr Misconception known[] = {
      {"3",
       "io_uring_get_sqe() only moves a tail of its own, in liburing's memory; the shared tail "
       "moves at the submit"},
      {"1", "io_uring_get_sqe() moves no shared tail at all, for one entry or for three"},
      {"4", "three entries were filled in, and the shared tail does not move before the submit"}};
  expect_answer(run, "tail", std::to_string(*story.ring.sq.ktail), known,
                "the shared tail moves at the submit; until then the kernel sees what it saw at "
                "the beginning");
}

PERCORE_CHECK("", enters, "I6", "one enter carries everything there is to carry", the_submission,
              .seeds = 1, .faults = false) {
  Story story;
  story.submit_three();
  static constexpr Misconception known[] = {
      {"3",
       "you counted one for each entry; the queue is there so that one call carries all of them"},
      {"2", "you counted one to submit and one to wait; io_uring_enter does both in one call"},
      {"4",
       "you counted one for each entry and one to wait; io_uring_enter carries all and waits, in "
       "one call"},
      {"0",
       "without a kernel thread that polls the queue (SQPOLL), somebody has to enter the kernel "
       "once"}};
  expect_answer(
      run, "enters", std::to_string(percore::sim::counts().enters), known,
      "io_uring_submit_and_wait() submits all entries and waits, with one io_uring_enter");
}

PERCORE_CHECK("", head, "I2", "a completion stays in its place until it is given back", the_harvest,
              .seeds = 1, .faults = false) {
  Story story;
  story.submit_three();
  story.first();
  static constexpr Misconception known[] = {
      {"1",
       "looking does not take it out: io_uring_peek_cqe() leaves the head where it is, "
       "io_uring_cqe_seen() moves it"},
      {"3", "the head moves when you give places back; what moved by three is the tail"}};
  expect_answer(run, "head", std::to_string(*story.ring.cq.khead), known,
                "nobody has given a place back yet, so the head stands where it began");
}

PERCORE_CHECK("", ready, "I2", "each completion is taken once", the_harvest, .seeds = 1,
              .faults = false) {
  Story story;
  story.submit_three();
  io_uring_cqe_seen(&story.ring, story.first());
  static constexpr Misconception known[] = {
      {"3", "io_uring_cqe_seen() gives the place back: one of the three is no longer there"},
      {"0", "io_uring_cqe_seen() gives back one place, not all of them"},
      {"1",
       "you counted those that are given back; io_uring_cq_ready() counts those between head and "
       "tail"}};
  expect_answer(run, "ready", std::to_string(io_uring_cq_ready(&story.ring)), known,
                "three completions were there and one place was given back");
}

PERCORE_CHECK("", fifth, "I4", "a full submission queue answers with a null pointer",
              the_submission, .seeds = 1, .faults = false) {
  Story story;
  story.submit_three();
  io_uring_cq_advance(&story.ring, 3);
  story.fill(4);
  const bool null = io_uring_get_sqe(&story.ring) == nullptr;
  static constexpr Misconception known[] = {
      {"5",
       "the queue has four places and all are filled in: it does not grow, and it overwrites "
       "nothing"},
      {"4",
       "the queue has four places and all are filled in: it does not grow, and it overwrites "
       "nothing"},
      {"0", "it is a pointer: write null"},
      {"nullptr", "write null"},
      {"no", "the queue has four places and all are filled in; the answer is a pointer, or null"},
      {"yes", "the queue has four places and all are filled in; the answer is a pointer, or null"}};
  expect_answer(
      run, "fifth", null ? "null" : "a pointer", known,
      "four entries wait for a submit and the queue has four places: there is none for a fifth");
  io_uring_submit_and_wait(&story.ring, 4);
}

PERCORE_CHECK("", res, "I5", "the answer is in res; errno is not set", the_harvest, .seeds = 1,
              .faults = false) {
  Story story;
  io_uring_sqe* const sqe = io_uring_get_sqe(&story.ring);
  io_uring_prep_write(sqe, -1, "hello, world\n", 13, 0);
  io_uring_sqe_set_data64(sqe, 1);
  errno = 0;
  io_uring_submit_and_wait(&story.ring, 1);
  static constexpr Misconception known[] = {
      {"9", "an error is negative in res, so that it is not taken for a number of bytes"},
      {"-1",
       "-1 with errno is what write(2) gives; a ring writes the error itself into res, and errno "
       "stays as it was"},
      {"13", "nothing was written: the descriptor is not open"},
      {"0", "res is 0 when nothing was to be done or at the end of a file; here there is an error"},
      {"-13", "res is no count of bytes when it is negative: it is the error"},
      {"ebadf", "write it as a number"},
      {"-ebadf", "write it as a number"}};
  expect_answer(run, "res", std::to_string(story.first()->res), known,
                "res is the negative error, here EBADF");
}

PERCORE_CHECK("", order, "I5", "completions come in any order", the_harvest, .seeds = 1,
              .faults = false) {
  static constexpr Misconception known[] = {
      {"yes",
       "the kernel starts them in order and each ends when it is done: a slower disk, a page that "
       "is not in memory. "
       "Only a link or a drain makes one wait for the other"}};
  bool always = true;
  for (std::uint64_t seed = 0; seed < 64 && always; ++seed) {
    auto options = run.options();
    options.seed = seed;
    run.restart(options);
    Story story;
    for (std::uint64_t i = 1; i <= 2; ++i) {
      io_uring_sqe* const sqe = io_uring_get_sqe(&story.ring);
      io_uring_prep_write(sqe, -1, "x", 1, 0);
      io_uring_prep_nop(sqe);
      sqe->flags |= IOSQE_ASYNC;
      io_uring_sqe_set_data64(sqe, i);
    }
    io_uring_submit_and_wait(&story.ring, 2);
    always = io_uring_cqe_get_data64(story.first()) == 1;
  }
  expect_answer(run, "order", checks::yes_or_no(always), known, "answer yes or no");
}

PERCORE_CHECK("", lost, "I2", "a completion for which the queue has no room is kept by the kernel",
              the_harvest, .seeds = 1, .faults = false) {
  Story story;
  for (const unsigned nops : {4u, 4u, 1u}) {
    story.fill(nops);
    io_uring_submit(&story.ring);
  }
  unsigned collected = 0;
  for (int tries = 0; tries < 100 && collected < 9; ++tries) {
    percore::sim::advance(1'000'000);
    const unsigned there = io_uring_cq_ready(&story.ring);
    io_uring_cq_advance(&story.ring, there);
    collected += there;
    io_uring_get_events(&story.ring);
  }
  static constexpr Misconception known[] = {
      {"yes",
       "eight fit; the ninth is kept aside by the kernel, which raises IORING_SQ_CQ_OVERFLOW and "
       "hands it over at the "
       "next enter. Only before Linux 5.5 it was dropped"}};
  expect_answer(run, "lost", checks::yes_or_no(collected != 9), known, "answer yes or no");
}
