// 01.1 lost_completion: rounds of NOPs, each round collected by the learner's collect().

#include <liburing.h>

#include <array>
#include <percore/check.hpp>
#include <percore/sim.hpp>
#include <span>
#include <vector>

unsigned collect(io_uring& ring, std::span<int> results);

namespace {

using percore::check::fail_with;
using percore::check::require;

constexpr unsigned entries = 4;
constexpr int no_answer = 4711;  // no NOP has this result

/// Submits `count` NOPs, named from `first` on, and waits until all their completions are there.
void round(io_uring& ring, unsigned first, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    io_uring_sqe* const sqe = io_uring_get_sqe(&ring);
    io_uring_prep_nop(sqe);
    io_uring_sqe_set_data64(sqe, first + i);
  }
  io_uring_submit_and_wait(&ring, io_uring_cq_ready(&ring) + count);
}

}  // namespace

PERCORE_ORACLE(head_past_tail, "I2", "a completion is collected once, and only once",
               "Lesson 01, *The harvest*");
PERCORE_ORACLE(never_harvested, "I2", "a completion is collected once, and only once",
               "Lesson 01, *The harvest*");
PERCORE_ORACLE(completion_released, "I2", "a completion is collected once, and only once",
               "Lesson 01, *The harvest*");

PERCORE_CHECK("", each_completion_is_collected_once, "I2",
              "a completion is collected once, and only once", "Lesson 01, *The harvest*",
              .faults = false) {
  io_uring ring;
  io_uring_queue_init(entries, &ring, 0);
  const unsigned rounds = run.size(2, 12);
  std::vector<int> results(rounds * entries, no_answer);
  unsigned operations = 0;
  for (unsigned i = 0; i < rounds; ++i) {
    const unsigned in_round = 1 + static_cast<unsigned>(run.random(entries));
    run.operation(operations);
    round(ring, operations, in_round);
    const unsigned there = io_uring_cq_ready(&ring);
    const auto enters = percore::sim::counts().enters;
    std::span<int> fresh(results);
    const unsigned collected = collect(ring, fresh);
    require(percore::sim::counts().enters == enters,
            "collect() made a system call, although all completions were there");
    for (unsigned n = operations; n < operations + in_round; ++n) {
      require(results[n] != no_answer,
              "operation {} of round {} got no answer, although its completion was in the queue", n,
              i + 1);
      require(results[n] == 0, "operation {} got the result {} and the kernel had said 0", n,
              results[n]);
    }
    operations += in_round;
    require(collected == in_round,
            "in round {} there were {} new completions, and collect() counted {}: those of earlier "
            "rounds were still in the queue",
            i + 1, in_round, collected);
    const unsigned left = io_uring_cq_ready(&ring);
    require(left <= there,
            "after round {} more places were given back than there were completions: {} too many",
            i + 1, 0u - left);
    require(
        left == there - in_round,
        "after round {} the queue still holds {} completions that collect() has looked at: their "
        "places were not given back",
        i + 1, left);
  }
  io_uring_queue_exit(&ring);
}

PERCORE_CHECK("", an_empty_queue_is_no_completion, "I2", "from an empty queue nothing is collected",
              "Lesson 01, *The harvest*", .seeds = 1, .faults = false) {
  io_uring ring;
  io_uring_queue_init(entries, &ring, 0);
  std::array<int, 2> results{no_answer, no_answer};
  require(collect(ring, results) == 0, "collect() counted completions in an empty queue");
  require(results[0] == no_answer && results[1] == no_answer,
          "collect() noted a result although no operation had completed");
  round(ring, 1, 1);
  require(collect(ring, results) == 1,
          "one operation had completed, and collect() counted another number");
  require(results[0] == no_answer, "operation 0 was never submitted and got a result");
  io_uring_queue_exit(&ring);
}
