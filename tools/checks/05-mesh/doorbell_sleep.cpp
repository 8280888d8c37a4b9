// 05.5 doorbell, step sleep: executors on threads of their own, under the simulated ring.

#include <atomic>
#include <thread>

#include "counted_wakes.hpp"
#include "doorbell_support.hpp"

using namespace checks;

PERCORE_ORACLE(sleeps_for_ever, "W1",
               "each ring is followed by a look, also when the owner was just about to sleep",
               "Lesson 05, *The sleeping flag*");
PERCORE_ORACLE(lost_wakeup, "W1",
               "each ring is followed by a look, also when the owner was just about to sleep",
               "Lesson 05, *The sleeping flag*");
PERCORE_ORACLE(buffer_dead, "W5", "what the kernel writes into outlives the sleep",
               "Lesson 05, *The sleeping flag*");

namespace {

/// Between an executor that waits to be rung and one that rings and waits for the answer.
struct Line {
  std::shared_ptr<Bell> owner;  // written before it opens
  unsigned owner_number = 0;
  std::shared_ptr<Bell> ringer;  // written before the first ring
  unsigned ringer_number = 0;
};
struct Talk {
  explicit Talk(std::size_t ringers) : lines(ringers) {}
  std::vector<Line> lines;
  std::atomic<bool> open = false;
  unsigned rings = 0;   // on each line
  unsigned silent = 0;  // inboxes of the owner that come first, and for which nobody rings
  unsigned answered = 0;
  bool idles_at_the_end = false;
  std::vector<unsigned> pauses_ns;
};

Task<> answers(Talk& talk, Line& line, Counter& inbox) {
  for (unsigned i = 0; i < talk.rings; ++i) {
    co_await inbox.next();
    ++talk.answered;
    line.ringer->ring(line.ringer_number);
  }
}

/// Whoever was woken once sleeps as well as before.
Task<> sleeps_quietly() {
  static_cast<void>(co_await sleep_for(Time{1'000'000}));  // those who rang have ended
  const std::uint64_t before = sim::counts().enters;
  static_cast<void>(co_await sleep_for(Time{20'000'000}));
  const std::uint64_t enters = sim::counts().enters - before;
  require(enters <= 8,
          "an executor that had been woken before slept for 20 ms, nobody rang, and it entered the "
          "kernel {} times: what woke it once wakes it again and again",
          enters);
}

Task<> is_rung(Talk& talk) {
  std::vector<std::unique_ptr<Counter>> inboxes;
  std::vector<JoinHandle<void>> waiting;
  std::vector<Counter> silent(talk.silent);
  for (Counter& one : silent) doorbell().attach(one);
  for (Line& line : talk.lines) {
    inboxes.push_back(std::make_unique<Counter>());
    doorbell().attach(*inboxes.back());
    line.owner_number = inboxes.back()->number();
    line.owner = doorbell().bell();
    waiting.push_back(spawn(answers(talk, line, *inboxes.back())));
  }
  co_await yield();  // they wait now
  talk.open = true;
  talk.open.notify_all();
  for (auto& one : waiting) co_await one;
  if (talk.idles_at_the_end) co_await sleeps_quietly();
  for (const auto& one : inboxes) doorbell().detach(*one);
  for (Counter& one : silent) doorbell().detach(one);
}

Task<> rings(Talk& talk, Line& line) {
  Counter answer;
  doorbell().attach(answer);
  line.ringer = doorbell().bell();
  line.ringer_number = answer.number();
  talk.open.wait(false);
  for (unsigned i = 0; i < talk.rings; ++i) {
    const unsigned pause = talk.pauses_ns[i % talk.pauses_ns.size()];
    if (pause != 0) static_cast<void>(co_await sleep_for(Time{pause}));
    line.owner->ring(line.owner_number);
    co_await answer.next();
  }
  doorbell().detach(answer);
}

/// After some pauses the owner is still awake, after others it sleeps, or is about to.
void ring_and_answer(Run& run, Talk& talk) {
  talk.rings = run.size(1, 5);
  for (int i = 0; i < 3; ++i) talk.pauses_ns.push_back(static_cast<unsigned>(run.random(60'000)));
  if (run.chance(50)) talk.pauses_ns.assign(1, 0);
  stay_on_one_cpu();
  std::vector<std::thread> threads;
  const auto start = [&threads](Task<> root) {
    threads.emplace_back([task = std::move(root)]() mutable {
      Executor executor({.ring = {.entries = 8}});
      executor.run(std::move(task));
    });
  };
  start(is_rung(talk));
  for (Line& line : talk.lines) start(rings(talk, line));
  for (std::thread& one : threads) one.join();
}

/// Awaits operations that take a millisecond each, and nobody rings meanwhile.
Task<> idles(unsigned times) {
  Counter inbox;
  doorbell().attach(inbox);
  for (unsigned i = 0; i < times; ++i) static_cast<void>(co_await nop());
  doorbell().detach(inbox);
}

/// How long the idle executor was awake before each of its sleeps.
std::vector<std::int64_t> awake_before_sleeps(unsigned times) {
  // All operations are late; the read of the eventfd, which is among them, never ends anyway.
  for (unsigned i = 1; i <= times + 8; ++i)
    sim::script({.operation = i, .delay_nanoseconds = 1'000'000});
  run_on_executor(idles(times));
  std::vector<std::int64_t> out;
  std::int64_t woke = sim::record().front().time_nanoseconds;
  for (const auto& event : sim::record()) {
    if (event.kind == sim::Event::Kind::enter_returned) woke = event.time_nanoseconds;
    if (event.kind == sim::Event::Kind::slept) out.push_back(event.time_nanoseconds - woke);
  }
  require(out.size() >= times,
          "an executor that waits for {} operations, one after the other, slept "
          "{} times",
          times, out.size());
  return out;
}

Task<> rings_itself(unsigned times) {
  Counter inbox;
  doorbell().attach(inbox);
  for (unsigned i = 0; i < times; ++i) {
    doorbell().bell()->ring(inbox.number());
    co_await inbox.next();
  }
  doorbell().detach(inbox);
}

/// Rings when the doorbell has looked and the executor is not asleep yet: it is polled after it.
class RingsLate final : public Poller {
 public:
  explicit RingsLate(unsigned inbox) : inbox_(inbox) { Executor::current().add_poller(*this); }
  ~RingsLate() override { Executor::current().remove_poller(*this); }
  bool poll() override {
    if (std::exchange(armed, false)) doorbell().bell()->ring(inbox_);
    return false;
  }
  bool armed = false;

 private:
  unsigned inbox_;
};

Task<> idles_then_is_rung_for(unsigned sleeps, unsigned rings) {
  co_await idles(sleeps);
  Counter inbox;
  doorbell().attach(inbox);
  {
    RingsLate late(inbox.number());
    for (unsigned i = 0; i < rings; ++i) {
      late.armed = true;
      co_await inbox.next();
    }
  }
  doorbell().detach(inbox);
}

/// Puts something off when the doorbell has looked, and wakes nobody.
class PutsOffLate final : public Poller, PutOff {
 public:
  PutsOffLate() { Executor::current().add_poller(*this); }
  ~PutsOffLate() override { Executor::current().remove_poller(*this); }
  bool poll() override {
    if (std::exchange(armed, false)) doorbell().put_off(*this);
    return false;
  }
  void at_end_of_turn() noexcept override { done_at = now(); }

  bool armed = false;
  Time done_at = Time::never();
};

Task<> puts_off_before_a_sleep(std::int64_t sleep_ns) {
  Counter inbox;
  doorbell().attach(inbox);
  {
    PutsOffLate late;
    late.armed = true;
    const Time begin = now();
    const auto slept = co_await sleep_for(Time{sleep_ns});
    require(slept.has_value(), "a sleep was cancelled");
    // A sleep ends a little early, so that its end is no proof.
    require(
        late.done_at < begin + Time{sleep_ns / 2},
        "something was put off after the last look before a sleep of {} ns, and not done before "
        "it: what was sent in that turn waits as long",
        sleep_ns);
  }
  doorbell().detach(inbox);
}

Task<> detaches_the_last() {
  Counter first, last;
  doorbell().attach(first);
  doorbell().attach(last);
  const auto slept = co_await sleep_for(Time{1'000'000});  // the read is in flight now
  require(slept.has_value(), "a sleep was cancelled");
  doorbell().detach(first);
  doorbell().detach(last);
  // It may be ended by an operation, which takes its time.
  const auto slept_again = co_await sleep_for(Time{10'000'000});
  require(slept_again.has_value(), "a sleep was cancelled");
  require(Executor::current().ring().in_flight() == 0,
          "the last inbox has gone, and the doorbell's read of the eventfd is still in flight: an "
          "executor whose tasks all wait for nothing would sleep on, in place of saying so");
}

}  // namespace

PERCORE_CHECK("sleep", no_ring_is_lost, "W1",
              "each ring is followed by a look, also when the owner was just about to sleep",
              the_sleeping_flag) {
  run.waits_for("the look that follows a ring of another executor");
  Talk talk(run.size(1, 2));
  talk.silent = run.chance(30) ? 40 : 0;
  ring_and_answer(run, talk);
  const auto rings = talk.rings * talk.lines.size();
  require(talk.answered == rings, "{} rings were followed by {} looks", rings, talk.answered);
}

PERCORE_CHECK("sleep", who_was_woken_sleeps_again, "W4", "an idle executor uses no CPU",
              before_the_sleep, .seeds = 20, .faults = false) {
  run.waits_for("the look that follows a ring of another executor");
  Talk talk(1);
  talk.idles_at_the_end = true;
  ring_and_answer(run, talk);
}

PERCORE_CHECK("sleep", a_ring_before_the_sleep_is_seen, "W1",
              "a ring after the last look keeps the owner awake, also where it no longer spins",
              the_sleeping_flag, .seeds = 20) {
  run.waits_for("the look at an inbox that was rung for just before the sleep");
  // So many sleeps, each long, that a spin is not worth trying any more: no look is left but the
  // one that falls asleep.
  constexpr unsigned sleeps = 12;
  for (unsigned i = 1; i <= sleeps + 8; ++i)
    sim::script({.operation = i, .delay_nanoseconds = 1'000'000});
  // The first is seen by luck: the read that the doorbell began before it was left ends at once.
  run_on_executor(idles_then_is_rung_for(sleeps, run.size(2, 10)));
}

PERCORE_CHECK("sleep", who_is_awake_is_not_rung, "W2",
              "ring() makes a system call only when the owner sleeps", the_sleeping_flag,
              .seeds = 20) {
  run.waits_for("the look at an inbox that was rung for");
  wakes = 0;
  const unsigned times = run.size(1, 50);
  run_on_executor(rings_itself(times));
  require(wakes <= 1,
          "{} rings at an executor that was awake made {} system calls: who is awake looks anyway, "
          "and only one who sleeps is woken",
          times, wakes.load());
}

PERCORE_CHECK("sleep", a_sleeper_is_rung_once, "W2", "of many who ring at a sleeper one wakes it",
              the_sleeping_flag, .seeds = 60) {
  run.waits_for("the look that follows a ring of another executor");
  wakes = 0;
  Talk talk(1);
  ring_and_answer(run, talk);
  const unsigned rings = 2 * talk.rings;  // there and back
  require(wakes <= rings + 2,
          "{} rings made {} writes to eventfds: one wakes a sleeper, and that one ends the read "
          "too, so nobody need write again",
          rings, wakes.load());
}

PERCORE_CHECK("sleep", an_idle_one_does_not_spin, "W4",
              "an executor spins for a bounded time, and only while that has lately paid",
              before_the_sleep, .seeds = 20, .faults = false) {
  const auto awake = awake_before_sleeps(40);
  for (std::size_t i = 0; i < awake.size(); ++i) {
    require(awake[i] < 100'000, "an executor that nobody rings was awake for {} ns before it slept",
            awake[i]);
    require(i < 20 || awake[i] < 2'000,
            "nobody has rung for {} sleeps, and still it is awake for {} ns before the next", i,
            awake[i]);
  }
}

PERCORE_CHECK("sleep", it_spins_at_first, "W4",
              "before its thread sleeps an executor spins for a bounded time", before_the_sleep,
              .seeds = 20, .faults = false) {
  const auto awake = awake_before_sleeps(40);
  require(awake[1] >= awake.back() + 500,
          "an executor was awake for {} ns before its second sleep and {} ns before its last: it "
          "never spins, and each message after a pause costs a wake-up",
          awake[1], awake.back());
}

PERCORE_CHECK("sleep", put_off_before_the_sleep, "W6",
              "what was put off is done before the executor sleeps", end_of_a_turn, .seeds = 20,
              .faults = false) {
  run.waits_for("a sleep of some milliseconds");
  run_on_executor(puts_off_before_a_sleep(std::int64_t{1'000'000} * run.size(1, 9)));
}

PERCORE_CHECK("sleep", the_last_one_ends_the_read, "W5",
              "when the last inbox goes, the doorbell rings for itself", the_sleeping_flag,
              .seeds = 20, .faults = false) {
  run.waits_for("a sleep, after the last inbox was detached");
  run_on_executor(detaches_the_last());
}
