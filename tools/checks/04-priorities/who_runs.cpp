// 04.2 who_runs: the questions in order, each tried on our fair_share.

#include <percore/fair_share.hpp>

#include "01-hello-world/answers.hpp"

using checks::expect_answer;
using checks::Misconception;
using percore::FairShare;
using percore::ShareHolder;
using percore::Time;

namespace {

constexpr const char* virtual_time = "Lesson 04, *Virtual time*";
constexpr const char* fairness = "Lesson 04, *Fairness*";
constexpr const char* the_sleeper = "Lesson 04, *The sleeper*";
constexpr Time ms{1'000'000};

std::string in_ms(const ShareHolder& holder) {
  return std::to_string(static_cast<long long>(holder.virtual_time() / ms.nanoseconds));
}

std::string after_2_ms(unsigned shares) {
  FairShare fair;
  ShareHolder holder(shares);
  fair.wake(holder);
  fair.charge(holder, Time{2 * ms.nanoseconds});
  fair.sleep(holder);
  return in_ms(holder);
}

/// Two that are busy: their turns until `stop` says so, told before each turn.
template <typename Stop>
void both_busy(ShareHolder& first, Time first_turn, ShareHolder& second, Time second_turn,
               Stop stop) {
  FairShare fair;
  fair.wake(first);
  fair.wake(second);
  int turns[2] = {0, 0};
  for (;;) {
    ShareHolder* const next = fair.pick();
    const bool is_first = next == &first;
    if (stop(is_first, turns[0], turns[1])) break;
    ++turns[is_first ? 0 : 1];
    fair.charge(*next, is_first ? first_turn : second_turn);
  }
  fair.sleep(first);
  fair.sleep(second);
}

}  // namespace

PERCORE_CHECK("", thousand, "F2", "with 1000 shares virtual time passes as the clock does",
              virtual_time, .seeds = 1, .ring = false) {
  constexpr Misconception why[] = {
      {"2000", "a thousand shares are the whole measure: 2 ms times 1000, divided by 1000"}};
  expect_answer(run, "thousand", after_2_ms(1000), why,
                "virtual time is the time run, times 1000, divided by the shares");
}

PERCORE_CHECK("", hundred, "F2", "fewer shares: virtual time passes faster", virtual_time,
              .seeds = 1, .ring = false) {
  constexpr Misconception why[] = {
      {"0", "that is a tenth of it: who has fewer shares must be charged more, not less"},
      {"200", "it passes ten times as fast as with 1000 shares, not a hundred times"}};
  expect_answer(run, "hundred", after_2_ms(100), why,
                "virtual time is the time run, times 1000, divided by the shares");
}

PERCORE_CHECK("", turns, "F3", "turns of equal length come in the proportion of the shares",
              fairness, .seeds = 1, .ring = false) {
  ShareHolder first(1000);
  ShareHolder second(100);
  int seen = 0;
  both_busy(first, ms, second, ms, [&](bool is_first, int firsts, int seconds) {
    seen = firsts;
    return !is_first && seconds == 10;
  });
  constexpr Misconception why[] = {
      {"10", "they would take turns then, as if both had the same shares"},
      {"110", "that counts to the end of the 11th turn: when it begins both stand at 100 ms"},
      {"101", "at 100 ms both are equal, and the second has waited longer: it goes first"}};
  expect_answer(run, "turns", std::to_string(seen), why,
                "ten turns of the second are 100 ms of virtual time, and a turn of the first is 1");
}

PERCORE_CHECK("", long_turns, "F3", "it is time that is shared out, not turns", fairness,
              .seeds = 1, .ring = false) {
  ShareHolder first(500);
  ShareHolder second(500);
  int seen = 0;
  both_busy(first, ms, second, Time{3 * ms.nanoseconds}, [&](bool, int firsts, int seconds) {
    seen = seconds;
    return firsts == 30;
  });
  constexpr Misconception why[] = {
      {"30", "equal shares are equal time, not equal turns: 30 long turns are 90 ms against 30"},
      {"90", "the one with the long turns has fewer of them"}};
  expect_answer(run, "long_turns", std::to_string(seen), why,
                "30 turns of 1 ms and the other's turns of 3 ms come to the same time");
}

PERCORE_CHECK("", sleeper, "F4", "sleeping earns nothing", the_sleeper, .seeds = 1, .ring = false) {
  FairShare fair;
  ShareHolder sleeping(1000);
  ShareHolder busy(1000);
  fair.wake(sleeping);
  fair.charge(sleeping, Time{7 * ms.nanoseconds});
  fair.sleep(sleeping);
  fair.wake(busy);
  fair.charge(busy, Time{1000 * ms.nanoseconds});
  fair.pick();
  fair.wake(sleeping);
  const std::string seen = in_ms(sleeping);
  fair.sleep(sleeping);
  fair.sleep(busy);
  constexpr Misconception why[] = {
      {"7", "it would then have the thread to itself for 993 ms: that is the credit for sleeping"},
      {"0", "a sleep does not begin a new life"},
      {"1001", "the beginning of the turn counts, not its end: the turn is still under way"}};
  expect_answer(run, "sleeper", seen, why,
                "it goes on where the latest turn began, since its own time lies behind that");
}

PERCORE_CHECK("", debtor, "F4", "sleeping forgives nothing", the_sleeper, .seeds = 1,
              .ring = false) {
  FairShare fair;
  ShareHolder debtor(1000);
  ShareHolder busy(1000);
  fair.wake(debtor);
  fair.charge(debtor, Time{1200 * ms.nanoseconds});
  fair.sleep(debtor);
  fair.wake(busy);
  fair.charge(busy, Time{1001 * ms.nanoseconds});
  fair.pick();
  fair.wake(debtor);
  const std::string seen = in_ms(debtor);
  fair.sleep(debtor);
  fair.sleep(busy);
  constexpr Misconception why[] = {
      {"1001", "then a short sleep would wipe out the 199 ms by which it is ahead"}};
  expect_answer(run, "debtor", seen, why, "its own time is later, so it goes on there");
}

PERCORE_CHECK("", alone, "F1", "who is alone is always next", fairness, .seeds = 1, .ring = false) {
  FairShare fair;
  ShareHolder only(1);
  ShareHolder asleep(1000);
  fair.wake(only);
  int turns = 0;
  for (int i = 0; i < 100; ++i) {
    turns += fair.pick() == &only ? 1 : 0;
    fair.charge(only, ms);
  }
  fair.sleep(only);
  constexpr Misconception why[] = {
      {"0", "shares are a proportion among those that are ready, no limit"},
      {"1", "shares are a proportion among those that are ready, no percentage of the thread"}};
  expect_answer(run, "alone", std::to_string(turns), why,
                "shares are a proportion among those that are ready");
}

PERCORE_CHECK("", bound, "F1", "a bound changes when a queue runs, not how much", fairness,
              .seeds = 1, .ring = false) {
  FairShare fair;
  ShareHolder bounded(500);
  ShareHolder plain(500);
  fair.wake(bounded, ms);
  fair.wake(plain);
  int of_bounded = 0;
  for (int i = 0; i < 100; ++i) {
    ShareHolder* const next = fair.pick();
    of_bounded += next == &bounded ? 1 : 0;
    fair.charge(*next, ms);
    if (next == &bounded) {  // wakes again at once, and is due again
      fair.sleep(bounded);
      fair.wake(bounded, ms);
    }
  }
  fair.sleep(bounded);
  fair.sleep(plain);
  constexpr Misconception why[] = {
      {"yes", "it goes first among equals, and is charged for it like everybody else"}};
  expect_answer(run, "bound", checks::yes_or_no(of_bounded > 51), why, "answer yes or no");
}
