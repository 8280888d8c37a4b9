#include <algorithm>
#include <cstdint>
#include <deque>
#include <percore/check.hpp>
#include <percore/fair_share.hpp>

using percore::FairShare;
using percore::ShareHolder;
using percore::Time;
using percore::VirtualTime;
using percore::check::require;
using percore::check::Run;

namespace {

long long plain(VirtualTime time) {
  return static_cast<long long>(time);
}

/// Holders with drawn shares, all ready; they sleep at the end.
struct Crowd {
  Crowd(Run& run, unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      holders.emplace_back(1 + static_cast<unsigned>(run.random(1000)));
      fair.wake(holders.back());
    }
  }
  ~Crowd() {
    for (auto& holder : holders)
      if (holder.ready()) fair.sleep(holder);
  }
  FairShare fair;
  std::deque<ShareHolder> holders;
};

}  // namespace

PERCORE_CHECK("", the_least_is_next, "F1", "the one with the least virtual time is next",
              "Lesson 04, *Who is next*", .ring = false) {
  Crowd crowd(run, run.size(2, 6));
  for (unsigned turn = 0; turn < run.size(2, 100); ++turn) {
    ShareHolder* const next = crowd.fair.pick();
    require(next != nullptr, "all are ready and pick() says that none is");
    for (const auto& holder : crowd.holders)
      require(next->virtual_time() <= holder.virtual_time(), "pick() gave one at {}, not at {}",
              plain(next->virtual_time()), plain(holder.virtual_time()));
    crowd.fair.charge(*next, Time{1 + static_cast<std::int64_t>(run.random(5000))});
  }
}

PERCORE_CHECK("", of_equals_the_one_due_first, "F1", "of equals the one due first is next",
              "Lesson 04, *Who is next*", .ring = false) {
  FairShare fair;
  ShareHolder first(10);
  ShareHolder second(10);
  const Time late{1 + static_cast<std::int64_t>(run.random(9))};
  fair.wake(first, late);
  fair.wake(second, late);
  require(fair.pick() == &first, "two are due at the same time, and the later one is next");
  fair.sleep(second);
  fair.wake(second, Time{0});
  require(fair.pick() == &second, "the one that is due later is next");
  fair.sleep(first);
  fair.sleep(second);
}

PERCORE_CHECK("", virtual_time_is_exact, "F2", "virtual time is exact", "Lesson 04, *Virtual time*",
              .ring = false) {
  Crowd crowd(run, 1);
  ShareHolder& holder = crowd.holders.front();
  unsigned shares = holder.shares();
  VirtualTime before = 0;
  std::int64_t ran = 0;
  for (unsigned piece = 0; piece < run.size(2, 100); ++piece) {
    if (run.chance(10)) {  // F6
      before = holder.virtual_time();
      ran = 0;
      shares = 1 + static_cast<unsigned>(run.random(1000));
      holder.set_shares(shares);
    }
    const auto time = static_cast<std::int64_t>(1 + run.random(50));
    ran += time;
    crowd.fair.charge(holder, Time{time});
    require(holder.virtual_time() == before + ran * 1000 / shares,
            "{} ns with {} shares are {} of virtual time, not {}", ran, shares,
            plain(holder.virtual_time() - before), ran * 1000 / shares);
  }
}

PERCORE_CHECK("", fair_at_every_moment, "F3", "two depart by a turn of each at most",
              "Lesson 04, *Fairness*", .ring = false) {
  Crowd crowd(run, 2);
  double ran[2] = {0, 0};
  double turn_max[2] = {0, 0};
  double low = 0;
  double high = 0;
  for (unsigned turn = 0; turn < run.size(2, 200); ++turn) {
    ShareHolder* const next = crowd.fair.pick();
    const int at = next == &crowd.holders[0] ? 0 : 1;
    const auto time = static_cast<std::int64_t>(1 + run.random(at == 0 ? 100'000 : 1000));
    crowd.fair.charge(*next, Time{time});
    const double a_share = static_cast<double>(time) / next->shares();
    ran[at] += a_share;
    turn_max[at] = std::max(turn_max[at], a_share);
    low = std::min(low, ran[0] - ran[1]);
    high = std::max(high, ran[0] - ran[1]);
    require(high - low <= turn_max[0] + turn_max[1] + 1, "they depart by {:.1f} ns a share",
            high - low);
  }
}

PERCORE_CHECK("", sleep_earns_and_forgives_nothing, "F4", "sleeping earns and forgives nothing",
              "Lesson 04, *The sleeper*", .ring = false) {
  Crowd crowd(run, run.size(2, 4));
  ShareHolder& sleeper = crowd.holders.front();
  for (unsigned round = 0; round < run.size(2, 30); ++round) {
    if (run.chance(50))
      crowd.fair.charge(sleeper, Time{1 + static_cast<std::int64_t>(run.random(9000))});
    const VirtualTime own = sleeper.virtual_time();
    crowd.fair.sleep(sleeper);
    VirtualTime began = 0;
    for (unsigned turn = 0; turn < 1 + run.random(10); ++turn) {
      ShareHolder* const next = crowd.fair.pick();
      began = next->virtual_time();
      crowd.fair.charge(*next, Time{1 + static_cast<std::int64_t>(run.random(9000))});
    }
    crowd.fair.wake(sleeper);
    require(sleeper.virtual_time() == std::max(own, began), "a sleeper woke at {}, not at {}",
            plain(sleeper.virtual_time()), plain(std::max(own, began)));
  }
}

PERCORE_CHECK("", no_turn_is_free, "F5", "nobody starves", "Lesson 04, *Virtual time*",
              .ring = false) {
  FairShare fair;
  ShareHolder first(1000);
  ShareHolder second(1000);
  fair.wake(first);
  fair.wake(second);
  const unsigned ahead = run.size(1, 50);
  fair.charge(first, Time{ahead});
  for (unsigned turn = 0; turn < ahead; ++turn) fair.charge(*fair.pick(), Time{0});
  require(fair.pick() == &first, "after {} turns of no time the other is still not next", ahead);
  fair.sleep(first);
  fair.sleep(second);
}
