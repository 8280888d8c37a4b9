// 04.4 background_job: pieces that move the virtual clock, beside questions that come in time.

#include <percore/local_channel.hpp>
#include <percore/task_queue.hpp>
#include <percore/timer.hpp>
#include <stdexcept>
#include <vector>

#include <percore/check.hpp>
#include <percore/sim.hpp>

percore::Task<long> work_beside(percore::TaskQueue& background, unsigned pieces,
                                long (*piece)(unsigned), percore::TaskQueue& urgent,
                                percore::LocalChannel<int>& questions, void (*answer)(int));

using namespace percore;
using percore::check::fail_with;
using percore::check::require;
using percore::check::Run;
using percore::check::say;

namespace {

constexpr const char* queue_of_a_task = "Lesson 04, *The queue of a task*";
constexpr const char* giving_way = "Lesson 04, *Giving way*";
constexpr const char* the_join_handle = "Lesson 01, *The join handle*";
constexpr std::int64_t us = 1000;
constexpr Time bound{400 * us};

/// One run of the learner's program, as seen by what it calls.
struct Job {
  TaskQueues* queues = nullptr;
  TaskQueue* background = nullptr;
  TaskQueue* urgent = nullptr;
  std::int64_t piece_ns = 0;
  unsigned next_piece = 0;
  unsigned throws_at = UINT32_MAX;
  std::vector<Time> asked;
  unsigned answered = 0;
  std::int64_t wait_max = 0;
  std::uint64_t quanta = 0;
};
Job job;

long do_piece(unsigned number) {
  require(&job.queues->running() == job.background,
          "piece {} ran in the queue `{}`, and not in `background`", number,
          job.queues->running().name());
  require(number == job.next_piece, "piece {} ran when it was the turn of piece {}", number,
          job.next_piece);
  if (number != 0 && need_preempt())
    fail_with("Q5", giving_way,
              say("piece {} began although need_preempt() says yes: between two pieces the queue "
                  "gives way where that is needed, by yield_if_needed(); yield() lets only tasks "
                  "of the same queue go first",
                  number));
  ++job.next_piece;
  sim::advance(job.piece_ns);
  if (number == job.throws_at) throw std::runtime_error("this piece is bad");
  return 2 * static_cast<long>(number) + 1;
}

void do_answer(int question) {
  require(&job.queues->running() == job.urgent,
          "question {} was answered in the queue `{}`, and not in `urgent`", question,
          job.queues->running().name());
  require(job.answered < job.asked.size(),
          "a question was answered that nobody had asked: when the channel is closed and empty, "
          "receive() gives an optional without a value");
  require(static_cast<unsigned>(question) == job.answered, "question {} was answered as number {}",
          question, job.answered);
  const std::int64_t wait = (now() - job.asked[job.answered]).nanoseconds;
  job.wait_max = std::max(job.wait_max, wait);
  ++job.answered;
  sim::advance(us);
}

Task<> asks(LocalChannel<int>& questions, unsigned count, Time pause) {
  for (unsigned i = 0; i < count; ++i) {
    const auto slept = co_await sleep_for(pause);
    require(slept.has_value(), "a sleep was cancelled");
    job.asked.push_back(now());
    const auto sent = co_await questions.send(static_cast<int>(i));
    require(sent.has_value(), "a question could not be sent");
  }
  questions.close();
}

struct Outcome {
  long sum = 0;
  bool threw = false;
};

Task<> calls(unsigned pieces, LocalChannel<int>& questions, TaskQueue& home, Outcome& outcome) {
  try {
    outcome.sum =
        co_await work_beside(*job.background, pieces, do_piece, *job.urgent, questions, do_answer);
  } catch (const std::runtime_error&) {
    outcome.threw = true;
  }
  require(&job.queues->running() == &home,
          "work_beside() was called from a task of the queue `{}`, and that goes on in `{}`",
          home.name(), job.queues->running().name());
  require(job.next_piece == (outcome.threw ? job.throws_at + 1 : pieces),
          "work_beside() came back and {} of {} pieces were done", job.next_piece, pieces);
}

Task<> root(unsigned pieces, unsigned count, Time pause, TaskQueue& asking, TaskQueue& home,
            Outcome& outcome) {
  LocalChannel<int> questions(4);
  JoinHandle<void> asker = spawn_into(asking, asks(questions, count, pause));
  JoinHandle<void> caller = spawn_into(home, calls(pieces, questions, home, outcome));
  co_await caller;
  if (job.answered != count)
    fail_with("E5", the_join_handle,
              say("{}work_beside() came back and {} of {} questions were answered: it awaits the "
                  "task that answers, too",
                  outcome.threw ? "a piece threw, " : "", job.answered, count));
  co_await asker;
}

Outcome work(Run& run, unsigned pieces, unsigned count, Time pause, unsigned throws_at) {
  Executor executor({.ring = {.entries = 8}});
  TaskQueues queues(executor, {.quantum = Time{2000 * us}});
  job = Job{.queues = &queues, .throws_at = throws_at};
  job.background = &queues.add({.name = "background", .shares = 200});
  job.urgent = &queues.add({.name = "urgent", .shares = 1000, .latency = bound});
  TaskQueue& asking = queues.add({.name = "asking", .shares = 1000, .latency = bound});
  TaskQueue& home = queues.add({.name = "home", .shares = 500});
  job.piece_ns = us * (1 + static_cast<std::int64_t>(run.random(50)));
  Outcome outcome;
  run.waits_for("the pieces and the answers");
  executor.run(root(pieces, count, pause, asking, home, outcome));
  job.quanta = job.background->statistics().quanta;
  return outcome;
}

}  // namespace

PERCORE_CHECK("", each_in_its_queue, "Q1", "a task and what it waits for go on in its own queue",
              queue_of_a_task, .faults = false) {
  const unsigned pieces = run.size(0, 60);
  const Outcome outcome = work(run, pieces, run.size(0, 6), Time{100 * us}, UINT32_MAX);
  require(!outcome.threw, "work_beside() threw, and no piece had");
  if (outcome.sum != static_cast<long>(pieces) * pieces)
    fail_with("E5", the_join_handle,
              say("the pieces gave {} in all, and work_beside() returned {}",
                  static_cast<long>(pieces) * pieces, outcome.sum));
}

PERCORE_CHECK("", questions_need_not_wait_for_the_job, "Q5",
              "a task that computes gives way where that is needed", giving_way, .faults = false) {
  const unsigned count = run.size(1, 10);
  work(run, run.size(100, 400), count, Time{200 * us}, UINT32_MAX);
  require(job.wait_max <= bound.nanoseconds,
          "a question waited {} us for its answer beside a job of {} pieces of {} us: the bound of "
          "`urgent` is {} us",
          job.wait_max / us, job.next_piece, job.piece_ns / us, bound.nanoseconds / us);
}

PERCORE_CHECK("", it_gives_way_only_where_needed, "Q5",
              "yield_if_needed() does nothing while there is no need", giving_way, .seeds = 20,
              .faults = false) {
  const unsigned pieces = run.size(1, 100);
  work(run, pieces, 0, Time{0}, UINT32_MAX);
  const auto needed = 4 + static_cast<std::uint64_t>(pieces * job.piece_ns / bound.nanoseconds * 4);
  require(job.quanta <= needed,
          "{} pieces of {} us, and nobody else had anything to do: `background` had {} quanta, and "
          "at most {} were needed",
          pieces, job.piece_ns / us, job.quanta, needed);
}

PERCORE_CHECK("", what_a_piece_throws_arrives, "E5",
              "a JoinHandle brings the value or the exception", the_join_handle, .seeds = 50,
              .faults = false) {
  const unsigned pieces = run.size(1, 20);
  const auto throws_at = static_cast<unsigned>(run.random(pieces));
  const Outcome outcome = work(run, pieces, run.size(0, 6), Time{300 * us}, throws_at);
  require(outcome.threw, "piece {} threw, and the caller saw nothing of it", throws_at);
}
