#include "death.hpp"
#include "on_executors.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <ostream>
#include <percore/doorbell.hpp>
#if __has_include(<percore/spin_budget.hpp>)
#include <percore/spin_budget.hpp>
#endif
#include <percore/io.hpp>
#include <percore/sync.hpp>
#include <percore/timer.hpp>
#include <vector>

using namespace percore;

namespace {

// Counts its looks, and wakes who waits for one.
class CountingInbox final : public Inbox {
 public:
  void look() noexcept override {
    ++looks;
    if (std::exchange(waits_, false)) runnable_.schedule();
  }

  class Next {
   public:
    explicit Next(CountingInbox& counter) noexcept : counter_(counter) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiting) noexcept {
      counter_.waits_ = true;
      counter_.runnable_ = Runnable::of(awaiting);
    }
    void await_resume() const noexcept {}

   private:
    CountingInbox& counter_;
  };
  Next next() noexcept { return Next(*this); }

  int looks = 0;

 private:
  bool waits_ = false;
  Runnable runnable_;
};

struct Done final : PutOff {
  void at_end_of_turn() noexcept override { ++times; }
  int times = 0;
};

Task<> put_off_once_a_turn() {
  Done one, other;
  Doorbell& bell = doorbell();
  bell.put_off(one);
  bell.put_off(one);
  bell.put_off(other);
  bell.take_back(other);
  CHECK(one.times == 0);
  const auto slept = co_await sleep_for(Time{1'000});  // W6: before the thread sleeps
  CHECK(slept.has_value());
  CHECK(one.times == 1);
  CHECK(other.times == 0);
}

Task<> looks_at_who_is_rung() {
  CountingInbox one, other;
  Doorbell& bell = doorbell();
  bell.attach(one);
  bell.attach(other);
  CHECK(one.number() != other.number());
  const std::shared_ptr<Bell> rung = bell.bell();
  rung->ring(one.number());
  rung->ring(one.number());  // several are one
  co_await one.next();
  CHECK(one.looks == 1);
  CHECK(other.looks == 0);
  bell.detach(one);
  rung->ring(one.number());  // nobody's any more
  rung->ring(other.number());
  co_await other.next();
  CHECK(other.looks == 1);
  CHECK(one.looks == 1);
  bell.detach(other);
}

// More inboxes than the word has bits: those that share one are looked at, the others are not.
Task<> many_inboxes() {
  std::vector<std::unique_ptr<CountingInbox>> inboxes;
  Doorbell& bell = doorbell();
  for (int i = 0; i < 200; ++i) {
    inboxes.push_back(std::make_unique<CountingInbox>());
    bell.attach(*inboxes.back());
  }
  bell.bell()->ring(inboxes[130]->number());
  co_await inboxes[130]->next();
  CHECK(inboxes[130]->looks == 1);
  int looks = 0;
  for (const auto& one : inboxes) looks += one->looks;
  CHECK(looks <= 4);
  for (const auto& one : inboxes) bell.detach(*one);
}

// An inbox that has something when it is told so.
class Filled final : public Inbox {
 public:
  bool came() noexcept override { return has_something; }
  void look() noexcept override { ++looks; }
  bool has_something = false;
  int looks = 0;
};

[[maybe_unused]] Task<> a_turn() {  // of a doorbell that can watch
  const auto slept = co_await sleep_for(Time{1'000'000});
  CHECK(slept.has_value());
}

// What is offered beyond the contract's demands.
template <typename OfDoorbell>
Task<> watches_one(OfDoorbell& bell) {
  if constexpr (requires(Inbox& inbox) { bell.watch(inbox); }) {
    Filled one, other;
    bell.attach(one);
    bell.attach(other);
    one.has_something = true;
    bell.watch(one);
    CHECK(one.looks == 0);
    co_await a_turn();
    CHECK(one.looks == 1);  // nobody has rung
    co_await a_turn();
    CHECK(one.looks == 1);  // and it is watched no more
    one.has_something = false;
    bell.watch(one);
    bell.watch(other);
    CHECK(one.looks == 2);  // it must say for itself that it waits
    co_await a_turn();
    CHECK(other.looks == 1);  // before the executor sleeps
    bell.watch(other);
    bell.detach(other);
    co_await a_turn();
    CHECK(other.looks == 1);
    bell.detach(one);
  }
}
Task<> watches() {
  co_await watches_one(doorbell());
}

// Sees, when the doorbell looks at it in a spin, how many entries wait to be submitted.
template <typename OfDoorbell>
class SpunFor final : public Inbox {
 public:
  explicit SpunFor(OfDoorbell& bell) noexcept : bell_(bell) {}
  bool came() noexcept override {
    if (bell_.counts().spins != spins_before)
      waited_for_spin += Executor::current().ring().unsubmitted();
    return false;
  }
  void look() noexcept override {}

  std::uint64_t spins_before = 0;
  unsigned waited_for_spin = 0;

 private:
  OfDoorbell& bell_;
};

template <typename OfDoorbell>
Task<> spins_behind_an_operation(OfDoorbell& bell) {
  if constexpr (requires(Inbox& inbox) {
                  bell.watch(inbox);
                  bell.counts().spins;
                }) {
    SpunFor<OfDoorbell> inbox(bell);
    bell.attach(inbox);
    bell.watch(inbox);
    inbox.spins_before = bell.counts().spins;
    co_await nop();
    CHECK(inbox.waited_for_spin == 0);
    bell.detach(inbox);
  }
}
Task<> submits_before_it_spins() {
  co_await spins_behind_an_operation(doorbell());
}

Task<> waits_for(CountingInbox& inbox, int times, std::atomic<int>& waited) {
  for (int i = 0; i < times; ++i) {
    co_await inbox.next();
    ++waited;
  }
}

Task<> nobody_rings(CountingInbox& inbox, std::atomic<int>& waited) {
  doorbell().attach(inbox);
  spawn(waits_for(inbox, 1, waited)).detach();
  co_await yield();
}

// What listens must not hide that nobody can come any more.
Task<> waits_for_nobody() {
  CountingInbox inbox;
  doorbell().attach(inbox);
  const auto slept = co_await sleep_for(Time{3'000'000});
  CHECK(slept.has_value());
  doorbell().detach(inbox);
  Event never;
  co_await never.wait();
}

#if PERCORE_ALL_OURS  // a learner's may listen in another way
struct RungOnce {
  std::atomic<bool> open = false;
  std::shared_ptr<Bell> bell;  // written before `open`
  unsigned number = 0;
};

// Rung in its sleep, then without an inbox, and then with one again: what was written at first must
// not end the last sleep.
Task<> sleeps_anew(RungOnce& story) {
  Doorbell& bell = doorbell();
  const Ring& ring = Executor::current().ring();
  CountingInbox first, second;
  bell.attach(first);
  story.bell = bell.bell();
  story.number = first.number();
  story.open = true;
  co_await first.next();
  bell.detach(first);
  while (ring.in_flight() != 0) {
    const auto alone = co_await sleep_for(Time{1'000'000});
    CHECK(alone.has_value());
  }
  bell.attach(second);
  const std::uint64_t before = ring.counts().completions;
  const auto slept = co_await sleep_for(Time{20'000'000});
  CHECK(slept.has_value());
  CHECK(ring.counts().completions == before);
  bell.detach(second);
}

Task<> rings_once(RungOnce& story) {
  while (!story.open) {
    const auto slept = co_await sleep_for(Time{1'000});
    CHECK(slept.has_value());
  }
  const auto slept = co_await sleep_for(Time{2'000'000});  // longer than anybody spins
  CHECK(slept.has_value());
  story.bell->ring(story.number);
}
#endif

// One executor waits to be rung, another rings and waits until that was seen.
struct Rung {
  static constexpr int times = 200;
  std::atomic<int> waited = 0;
  std::atomic<bool> open = false;
  std::shared_ptr<Bell> bell;  // written before `open`
  unsigned number = 0;
};

Task<> is_rung(Rung& rung) {
  CountingInbox inbox;
  doorbell().attach(inbox);
  rung.bell = doorbell().bell();
  rung.number = inbox.number();
  auto waits = spawn(waits_for(inbox, Rung::times, rung.waited));
  co_await yield();
  rung.open = true;
  co_await waits;
  doorbell().detach(inbox);
}

Task<> rings(Rung& rung) {
  while (!rung.open) {
    const auto slept = co_await sleep_for(Time{1'000});
    CHECK(slept.has_value());
  }
  for (int i = 0; i < Rung::times; ++i) {
    rung.bell->ring(rung.number);
    while (rung.waited <= i) {
      // Some rings find the owner asleep, some while it spins.
      const std::int64_t nanoseconds = i % 3 == 0 ? 30'000 : 100;
      const auto slept = co_await sleep_for(Time{nanoseconds});
      CHECK(slept.has_value());
    }
  }
}

// A doorbell is its thread's: what an earlier executor was rung for, and whether it spins, is still
// known there.
void run_on_a_thread_of_its_own(Task<> (*root)()) {
  std::jthread([root] { Executor().run(root()); }).join();
}

}  // namespace

TEST_CASE(
    "what is put off is done once, at the end of the turn, and before the thread sleeps (W6)") {
  run_on_a_thread_of_its_own(put_off_once_a_turn);
}

TEST_CASE("a ring makes the owner look at that inbox, and at no other (W3)") {
  run_on_a_thread_of_its_own(looks_at_who_is_rung);
  run_on_a_thread_of_its_own(many_inboxes);
}

TEST_CASE("one inbox is watched: looked at when it has something, and before the sleep") {
  run_on_a_thread_of_its_own(watches);
}

TEST_CASE("what waits to be submitted is submitted before a spin, not after it") {
  run_on_a_thread_of_its_own(submits_before_it_spins);
}

TEST_CASE("a bell outlives its owner (W5)") {
  std::shared_ptr<Bell> bell;
  std::jthread([&bell] {
    Executor executor;
    const auto take = [](std::shared_ptr<Bell>& out) -> Task<> {
      out = doorbell().bell();
      co_return;
    };
    executor.run(take(bell));
  }).join();
  bell->ring(0);
  bell->ring(7);
}

// Ours alone; other versions of the module have their own way to bound a spin.
#if __has_include(<percore/spin_budget.hpp>)
namespace {

/// One of two that send a message there and back: it spins and then sleeps until what is sent at
/// `sent` has come. Returns when it goes on.
std::int64_t waits(SpinBudget& budget, std::int64_t from, std::int64_t sent, std::int64_t wake_up,
                   unsigned& sleeps) {
  const std::int64_t fell_asleep = from + budget.next().nanoseconds;
  if (sent < fell_asleep) {
    budget.paid();
    return std::max(from, sent);
  }
  if (budget.next() != Time{}) budget.failed();
  ++sleeps;
  const std::int64_t went_on = sent + wake_up;
  budget.woken(Time{fell_asleep}, Time{sent}, Time{went_on});
  return went_on;
}

}  // namespace

TEST_CASE("two that have woken one another find back to spinning, however long waking takes (W4)") {
  for (const std::int64_t wake_up : {2'000, 15'000, 60'000, 95'000}) {
    CAPTURE(wake_up);
    SpinBudget here;
    SpinBudget there;
    for (int i = 0; i < 20; ++i) {
      here.failed();  // a long silence: neither spins any more
      there.failed();
    }
    unsigned sleeps = 0;
    unsigned late_sleeps = 0;
    std::int64_t sent = 0;
    std::int64_t there_since = -1'000'000;
    for (int trip = 0; trip < 200; ++trip) {
      unsigned& counted = trip < 100 ? sleeps : late_sleeps;
      const std::int64_t answered = waits(there, there_since, sent, wake_up, counted);
      there_since = answered;
      sent = waits(here, sent, answered, wake_up, counted);
    }
    CHECK(late_sleeps == 0);
  }
}

TEST_CASE(
    "who is rung at long intervals does not spin, and a wake-up that took long is forgotten") {
  SpinBudget budget;
  unsigned sleeps = 0;
  std::int64_t since = 0;
  for (int i = 0; i < 100; ++i) since = waits(budget, since, since + 1'000'000, 60'000, sleeps);
  CHECK(sleeps == 100);
  CHECK(budget.next() == Time{});

  budget.woken(Time{0}, Time{1}, Time{1'000'000'000});  // it had no CPU for a second
  CHECK(budget.next() < Time{110'000});
  for (int i = 0; i < 50; ++i) budget.woken(Time{0}, Time{1}, Time{5'001});
  CHECK(budget.next() == Time{20'000});
}
#endif

TEST_CASE("no ring is lost, whether the owner is awake, spins or sleeps (W1)") {
  Rung rung;
  on_executors(2, [&](std::size_t number) { return number == 0 ? is_rung(rung) : rings(rung); });
  CHECK(rung.waited == Rung::times);
}

TEST_CASE("who waits when the last inbox has gone is told that nobody can come") {
  const test::Death deadlock = test::death_of([] { Executor().run(waits_for_nobody()); });
  CHECK(deadlock.aborted);
  CHECK(deadlock.says("1 task waits for something that can no longer happen"));
}

#if PERCORE_ALL_OURS
TEST_CASE("a ring of before does not end a sleep") {
  RungOnce story;
  on_executors(
      2, [&](std::size_t number) { return number == 0 ? sleeps_anew(story) : rings_once(story); });
}
#endif

TEST_CASE("the end of an executor looks at every inbox, so that nobody waits for ever") {
  std::atomic<int> waited = 0;
  std::jthread([&waited] {
    CountingInbox inbox;
    Executor().run(nobody_rings(inbox, waited));
    CHECK(inbox.looks >= 1);
  }).join();
  CHECK(waited == 1);
}
