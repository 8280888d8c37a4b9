// 05.5 doorbell, step look: inboxes, the look each turn, and what is put off to its end.

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "doorbell_support.hpp"

using namespace checks;

PERCORE_ORACLE(sleeps_for_ever, "W1", "each ring is followed by a look at its inbox",
               "Lesson 05, *Who is looked at*");

namespace {

struct Inboxes {
  explicit Inboxes(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      all.push_back(std::make_unique<Counter>());
      doorbell().attach(*all.back());
    }
  }
  ~Inboxes() {
    for (const auto& one : all)
      if (one) doorbell().detach(*one);
  }
  Counter& operator[](std::size_t i) { return *all[i]; }

  std::vector<std::unique_ptr<Counter>> all;
};

Task<> rings_some(Run& run, unsigned count) {
  Inboxes inboxes(count);
  for (unsigned i = 0; i < count; ++i)
    require(inboxes[i].number() == i,
            "the inbox that came as number {} of a new doorbell has the number {}: give the lowest "
            "that is free",
            i, inboxes[i].number());
  std::vector<bool> rung(count);
  for (unsigned i = 0; i < count; ++i) rung[i] = run.chance(20);
  const auto last = static_cast<unsigned>(run.random(count));
  rung[last] = true;
  const std::shared_ptr<Bell> bell = doorbell().bell();
  for (unsigned i = 0; i < count; ++i)
    if (rung[i]) bell->ring(inboxes[i].number());
  co_await inboxes[last].next();
  std::vector<bool> may_look(BellWord::bits);
  for (unsigned i = 0; i < count; ++i)
    if (rung[i]) may_look[i % BellWord::bits] = true;
  for (unsigned i = 0; i < count; ++i) {
    require(!rung[i] || inboxes[i].looks == 1, "inbox {} of {} was rung for and looked {} times", i,
            count, inboxes[i].looks);
    require(may_look[i % BellWord::bits] || inboxes[i].looks == 0,
            "inbox {} of {} looked {} times, and nobody has rung for it, nor for one that shares "
            "its bit",
            i, count, inboxes[i].looks);
  }
}

Task<> goes_and_comes() {
  Inboxes inboxes(3);
  const std::shared_ptr<Bell> bell = doorbell().bell();
  const unsigned number = inboxes[1].number();
  std::unique_ptr<Counter> gone = std::move(inboxes.all[1]);
  doorbell().detach(*gone);
  bell->ring(number);  // nobody's any more
  bell->ring(inboxes[2].number());
  co_await inboxes[2].next();
  require(gone->looks == 0, "an inbox was detached, and looks {} times afterwards", gone->looks);
  inboxes.all[1] = std::make_unique<Counter>();
  doorbell().attach(inboxes[1]);
  require(inboxes[1].number() == number,
          "the number {} was free, and the next inbox was given {}: for ever new numbers share "
          "ever more bits",
          number, inboxes[1].number());
  bell->ring(number);
  co_await inboxes[1].next();
}

/// Attaches another one when it looks.
class Breeder final : public Inbox {
 public:
  void look() noexcept override {
    if (children.size() >= 64) return;
    children.push_back(std::make_unique<Counter>());
    doorbell().attach(*children.back());
  }
  std::vector<std::unique_ptr<Counter>> children;
};

Task<> attaches_in_its_look() {
  Breeder breeder;
  doorbell().attach(breeder);
  Counter last;
  doorbell().attach(last);
  for (int i = 0; i < 40; ++i) {
    doorbell().bell()->ring(breeder.number());
    doorbell().bell()->ring(last.number());
    co_await last.next();
  }
  require(breeder.children.size() == 40, "an inbox was rung for 40 times and looked {} times",
          breeder.children.size());
  for (const auto& child : breeder.children) doorbell().detach(*child);
  doorbell().detach(last);
  doorbell().detach(breeder);
}

/// Goes when it looks: those behind it look all the same.
class Leaver final : public Inbox {
 public:
  void look() noexcept override {
    ++looks;
    doorbell().detach(*this);
  }
  int looks = 0;
};

Task<> detaches_in_its_look() {
  Leaver leaver;
  doorbell().attach(leaver);
  Counter last;
  doorbell().attach(last);
  doorbell().bell()->ring(leaver.number());
  doorbell().bell()->ring(last.number());
  co_await last.next();
  require(leaver.looks == 1, "an inbox was rung for once and looked {} times", leaver.looks);
  doorbell().detach(last);
}

Task<> rings_one_and_then_another(unsigned times) {
  Inboxes inboxes(2);
  doorbell().bell()->ring(inboxes[0].number());
  co_await inboxes[0].next();
  for (unsigned i = 0; i < times; ++i) {
    doorbell().bell()->ring(inboxes[1].number());
    co_await inboxes[1].next();
  }
  require(BellWord::bits == 1 || inboxes[0].looks == 1,
          "an inbox was rung for once, then another one {} times, and the first looked {} times",
          times, inboxes[0].looks);
}

Task<> waits_for_a_look(Counter& inbox, bool& went_on) {
  co_await inbox.next();
  went_on = true;
}
Task<> leaves_one_waiting(std::vector<Counter>& inboxes, std::size_t which, bool& went_on) {
  for (Counter& inbox : inboxes) doorbell().attach(inbox);
  spawn(waits_for_a_look(inboxes[which], went_on)).detach();
  co_await yield();
}

/// By one executor after the other, on one thread.
Task<> is_rung_for(unsigned times) {
  Counter inbox;
  doorbell().attach(inbox);
  for (unsigned i = 0; i < times; ++i) {
    doorbell().bell()->ring(inbox.number());
    co_await inbox.next();
  }
  doorbell().detach(inbox);
}

struct Done final : PutOff {
  void at_end_of_turn() noexcept override { ++times; }
  int times = 0;
};

Task<> puts_off(unsigned times) {
  Done one;
  Done taken_back;
  for (unsigned i = 0; i < times; ++i) doorbell().put_off(one);
  doorbell().put_off(taken_back);
  doorbell().take_back(taken_back);
  require(one.times == 0, "what is put off to the end of the turn was done at once");
  const auto slept = co_await sleep_for(Time{1'000});
  require(slept.has_value(), "a sleep was cancelled");
  require(one.times == 1,
          "something was put off {} times in a turn, and done {} times by the time the executor "
          "had slept",
          times, one.times);
  require(taken_back.times == 0, "what was taken back was done all the same");
}

Task<> puts_off_and_stays_awake() {
  Done one;
  doorbell().put_off(one);
  for (int i = 0; i < 2'000; ++i) {
    if (one.times != 0) break;
    co_await yield();
  }
  require(one.times == 1,
          "something was put off to the end of the turn, and 2,000 yields later it is not done: an "
          "executor that has work does not sleep, and its turns end all the same");
}

Task<> takes_the_bell(std::shared_ptr<Bell>& out) {
  out = doorbell().bell();
  co_return;
}

/// How many eventfds this process has open.
unsigned open_eventfds() {
  const std::string folder = "/proc/self/fd";
  DIR* const listed = opendir(folder.c_str());
  require(listed != nullptr, "{} cannot be read", folder);
  unsigned count = 0;
  while (const dirent* const entry = readdir(listed)) {
    char target[64] = {};
    const ssize_t length = readlinkat(dirfd(listed), entry->d_name, target, sizeof target - 1);
    if (length > 0 && std::string_view(target) == "anon_inode:[eventfd]") ++count;
  }
  closedir(listed);
  return count;
}

}  // namespace

PERCORE_CHECK("look", who_is_rung_for_looks, "W3",
              "inboxes that nobody rings cost the owner nothing", the_inboxes) {
  run.waits_for("the look at an inbox that was rung for");
  run_on_executor(rings_some(run, run.size(1, run.chance(30) ? 200 : 8)));
}

PERCORE_CHECK("look", a_number_is_given_again, "W3",
              "inboxes that nobody rings cost the owner nothing", the_inboxes, .seeds = 20) {
  run.waits_for("the look at an inbox that was rung for");
  run_on_executor(goes_and_comes());
}

PERCORE_CHECK("look", a_look_may_attach, "W1", "each ring is followed by a look at its inbox",
              the_inboxes, .seeds = 20) {
  run.waits_for("the look at an inbox that was rung for");
  run_on_executor(attaches_in_its_look());
}

PERCORE_CHECK("look", a_look_may_detach, "W1", "each ring is followed by a look at its inbox",
              the_inboxes, .seeds = 20) {
  run.waits_for("the look at an inbox that was rung for");
  run_on_executor(detaches_in_its_look());
}

PERCORE_CHECK("look", a_ring_is_for_one_look, "W3",
              "inboxes that nobody rings cost the owner nothing", the_inboxes, .seeds = 20) {
  run.waits_for("the look at an inbox that was rung for");
  run_on_executor(rings_one_and_then_another(run.size(1, 20)));
}

PERCORE_CHECK("look", the_next_executor_looks_too, "W1",
              "each ring is followed by a look, whichever executor of the thread runs", the_inboxes,
              .seeds = 20) {
  run.waits_for("the look at an inbox, on the second executor of a thread");
  stay_on_one_cpu();
  const unsigned times = run.size(1, 5);
  std::thread([times] {
    for (int i = 0; i < 3; ++i) {
      Executor executor({.ring = {.entries = 8}});
      executor.run(is_rung_for(times));
    }
  }).join();
}

PERCORE_CHECK("look", all_look_at_the_end, "W1", "nobody waits for ever", the_inboxes,
              .seeds = 20) {
  run.waits_for("the end of an executor on which a task waits for its inbox");
  bool went_on = false;
  std::vector<Counter> inboxes(run.size(1, 130));
  const std::size_t which = run.random(inboxes.size());
  run_on_executor(leaves_one_waiting(inboxes, which, went_on));
  for (std::size_t i = 0; i < inboxes.size(); ++i)
    require(
        inboxes[i].looks >= 1,
        "the executor has ended, and inbox {} of {} never looked: who waits there is never told", i,
        inboxes.size());
  require(went_on, "the executor has ended, and a task that waited for its inbox did not go on");
}

PERCORE_CHECK("look", once_a_turn, "W6",
              "what was put off to the end of the turn is done before the executor sleeps",
              end_of_a_turn) {
  run.waits_for("a sleep of a microsecond");
  run_on_executor(puts_off(run.size(1, 5)));
}

PERCORE_CHECK("look", a_busy_turn_ends_too, "W6",
              "what was put off is done at the end of each turn, whether a sleep follows or not",
              end_of_a_turn, .seeds = 5) {
  run_on_executor(puts_off_and_stays_awake());
}

PERCORE_CHECK("look", a_bell_outlives_its_owner, "W5",
              "a bell may be rung after its owner has ended", the_inboxes, .seeds = 20) {
  const unsigned before = open_eventfds();
  std::shared_ptr<Bell> bell;
  run_on_executor(takes_the_bell(bell));
  require(bell != nullptr, "bell() is null");
  // Whoever has seen that the owner sleeps may be about to write while the owner ends.
  require(open_eventfds() == before + 1,
          "an executor has ended, somebody still holds its bell, and its eventfd is closed: who "
          "rings now writes into whatever has been given that number since");
  bell->ring(0);
  bell->ring(7);
  bell.reset();
  require(open_eventfds() == before,
          "an executor has ended, nobody holds its bell any more, and its eventfd is still open");
}
