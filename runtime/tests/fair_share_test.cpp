#include "death.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <ostream>
#include <percore/fair_share.hpp>
#include <random>
#include <vector>

using namespace percore;
using percore::test::death_of;

namespace {

constexpr Time us(std::int64_t microseconds) {
  return {microseconds * 1000};
}

void fall_asleep(FairShare& fair, std::initializer_list<ShareHolder*> holders) {
  for (ShareHolder* holder : holders)
    if (holder->ready()) fair.sleep(*holder);
}

}  // namespace

TEST_CASE("virtual time passes as the shares have it") {
  FairShare fair;
  ShareHolder all(1000), tenth(100);
  CHECK_FALSE(fair.anything_ready());
  CHECK(fair.pick() == nullptr);
  fair.wake(all);
  fair.wake(tenth);
  CHECK(fair.anything_ready());
  CHECK(fair.pick() == &all);  // equal: it has waited longer
  fair.charge(all, us(100));
  CHECK(all.virtual_time() == 100'000);
  CHECK(fair.pick() == &tenth);
  fair.charge(tenth, us(100));
  CHECK(tenth.virtual_time() == 1'000'000);
  for (int turn = 0; turn < 9; ++turn) {
    CHECK(fair.pick() == &all);
    fair.charge(all, us(100));
  }
  CHECK(fair.pick() == &tenth);  // equal again, and it has waited longer
  fall_asleep(fair, {&all, &tenth});
  CHECK_FALSE(fair.anything_ready());
}

TEST_CASE("no fraction is lost, and no turn is free") {
  for (const unsigned shares : {1U, 3U, 7U, 300U, 997U, 1000U}) {
    FairShare fair;
    ShareHolder small(shares), whole(shares);
    fair.wake(small);
    fair.wake(whole);
    for (unsigned piece = 0; piece < shares; ++piece) fair.charge(small, Time{1});
    fair.charge(whole, Time{shares});
    CHECK(small.virtual_time() == whole.virtual_time());
    CHECK(small.virtual_time() == 1000);
    fair.charge(small, Time{0});
    CHECK(small.virtual_time() >= whole.virtual_time());
    const VirtualTime before = small.virtual_time();
    for (unsigned piece = 0; piece < shares; ++piece) fair.charge(small, Time{0});
    CHECK(small.virtual_time() == before + 1000);
    fall_asleep(fair, {&small, &whole});
  }
}

TEST_CASE("who sleeps earns nothing, and owes what it owed") {
  FairShare fair;
  ShareHolder busy(1000), sleeper(1000);
  fair.wake(busy);
  fair.wake(sleeper);
  CHECK(fair.pick() == &busy);
  fair.charge(busy, us(50));
  CHECK(fair.pick() == &sleeper);
  fair.charge(sleeper, us(500));
  fair.sleep(sleeper);
  CHECK(fair.pick() == &busy);
  fair.charge(busy, us(50));
  fair.wake(sleeper);
  CHECK(sleeper.virtual_time() == 500'000);  // the debt stays
  fair.sleep(sleeper);
  while (busy.virtual_time() < 900'000) {
    fair.pick();
    fair.charge(busy, us(100));
  }
  CHECK(fair.pick() == &busy);
  fair.charge(busy, us(300));
  const VirtualTime began = busy.virtual_time() - 300'000;
  fair.wake(sleeper);
  CHECK(sleeper.virtual_time() == began);  // where the latest turn began
  fall_asleep(fair, {&busy, &sleeper});
}

TEST_CASE("of equals the one that is due first goes first, until it is charged") {
  FairShare fair;
  std::array<ShareHolder, 4> holders{ShareHolder(10), ShareHolder(10), ShareHolder(10),
                                     ShareHolder(10)};
  fair.wake(holders[0]);
  fair.wake(holders[1], us(20));
  fair.wake(holders[2], us(10));
  fair.wake(holders[3], us(20));
  for (const std::size_t next : {2, 1, 3, 0}) {
    CHECK(fair.pick() == &holders[next]);
    fair.charge(holders[next], Time{1});
  }
  CHECK(fair.pick() == &holders[2]);  // all owe the same and nobody is due: in the order of waiting
  for (ShareHolder& holder : holders) fair.sleep(holder);
}

TEST_CASE("shares may change; what was run before is not counted anew") {
  FairShare fair;
  ShareHolder holder(1000);
  fair.wake(holder);
  fair.charge(holder, us(1));
  holder.set_shares(1);
  CHECK(holder.virtual_time() == 1000);
  fair.charge(holder, us(1));
  CHECK(holder.virtual_time() == 1'001'000);
  fair.sleep(holder);
}

TEST_CASE("it goes on for centuries") {
  FairShare fair;
  ShareHolder small(1), other(1000);
  fair.wake(small);
  constexpr Time day{86'400'000'000'000};
  for (int days = 0; days < 365; ++days) fair.charge(small, day);
  fair.pick();
  fair.wake(other);
  CHECK(other.virtual_time() == VirtualTime(day.nanoseconds) * 365'000);
  fall_asleep(fair, {&small, &other});
}

TEST_CASE("any two that stay ready depart from their shares by a turn of each at most") {
  for (unsigned seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
    FairShare fair;
    std::deque<ShareHolder> holders;
    const unsigned count = 2 + below(6);
    const unsigned stays = 2 + below(count - 1);  // these never sleep
    for (unsigned i = 0; i < count; ++i) holders.emplace_back(1 + below(1000));
    for (ShareHolder& holder : holders) fair.wake(holder);
    std::vector<double> ran(count), turn_max(count);
    std::vector<std::vector<double>> low(count, std::vector<double>(count)), high = low;
    for (unsigned turn = 0; turn < 3000; ++turn) {
      ShareHolder* const next = fair.pick();
      REQUIRE(next != nullptr);
      for (const ShareHolder& holder : holders)
        if (holder.ready()) REQUIRE(holder.virtual_time() >= next->virtual_time());
      const auto at = static_cast<std::size_t>(
          std::find_if(holders.begin(), holders.end(), [&](auto& h) { return &h == next; }) -
          holders.begin());
      const std::int64_t time = 1 + below(500'000);
      const std::int64_t piece = below(static_cast<unsigned>(time));
      if (piece != 0) fair.charge(*next, Time{piece});
      if (time != piece) fair.charge(*next, Time{time - piece});
      const double share = static_cast<double>(time) / holders[at].shares();
      ran[at] += share;
      turn_max[at] = std::max(turn_max[at], share);
      for (unsigned i = 0; i < stays; ++i) {
        for (unsigned j = 0; j < stays; ++j) {
          low[i][j] = std::min(low[i][j], ran[i] - ran[j]);
          high[i][j] = std::max(high[i][j], ran[i] - ran[j]);
        }
      }
      for (unsigned i = stays; i < count; ++i) {
        if (below(4) != 0) continue;
        if (holders[i].ready())
          fair.sleep(holders[i]);
        else
          fair.wake(holders[i], below(2) == 0 ? Time::never() : Time{below(1000)});
      }
    }
    for (unsigned i = 0; i < stays; ++i)
      for (unsigned j = 0; j < stays; ++j)
        CHECK(high[i][j] - low[i][j] <= turn_max[i] + turn_max[j] + 1e-6);
    for (ShareHolder& holder : holders)
      if (holder.ready()) fair.sleep(holder);
  }
}

TEST_CASE("programmer's mistakes end the program with a sentence") {
  CHECK(death_of([] { ShareHolder none(0); }).has_a_sentence("shares are 1 to 1000"));
  CHECK(death_of([] { ShareHolder many(1001); }).has_a_sentence("shares are 1 to 1000"));
  CHECK(death_of([] {
          FairShare fair;
          ShareHolder holder(1);
          fair.wake(holder);
        }).has_a_sentence("destroyed while ready"));
}
