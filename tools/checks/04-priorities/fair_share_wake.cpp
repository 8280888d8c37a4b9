// 04.3 fair_share, step wake: what sleeping is worth.

#include "fair_share_support.hpp"

using namespace checks;

PERCORE_CHECK("wake", sleeping_earns_nothing, "F4",
              "who wakes goes on at the virtual time at which the latest turn began", the_sleeper,
              .ring = false) {
  Crowd crowd(run);
  crowd.add(1 + static_cast<unsigned>(run.random(1000)));
  crowd.add(1 + static_cast<unsigned>(run.random(1000)));
  crowd.wake(0);
  const unsigned turns = run.size(1, 20);
  VirtualTime began = 0;
  for (unsigned i = 0; i < turns; ++i) {
    const std::size_t at = crowd.pick();
    began = crowd.all[at].holder.virtual_time();
    crowd.charge(at, 1000 + static_cast<std::int64_t>(run.random(500'000)));
  }
  crowd.wake(1);
  const VirtualTime its = crowd.all[1].holder.virtual_time();
  require(its != 0 || began == 0,
          "a holder slept while another ran for {} ns, woke, and is at virtual time 0: it would "
          "have the thread to itself until it has caught up",
          crowd.all[0].ran);
  require(its == began,
          "a holder woke at virtual time {}; the latest turn began at {}, and ended at {}",
          plain(its), plain(began), plain(crowd.all[0].holder.virtual_time()));
  require(crowd.fair.pick() == &crowd.all[1].holder,
          "a holder woke during another's turn and is not next");
}

PERCORE_CHECK("wake", sleeping_forgives_nothing, "F4",
              "who wakes goes on at its own virtual time where that is later", the_sleeper,
              .ring = false) {
  Crowd crowd(run);
  crowd.add(1000);
  crowd.add(1 + static_cast<unsigned>(run.random(10)));
  crowd.wake(0);
  crowd.wake(1);
  crowd.charge(crowd.pick(), 1000);
  const std::size_t spender = crowd.pick();
  crowd.charge(spender, 100'000 + static_cast<std::int64_t>(run.random(100'000)));
  const VirtualTime owed = crowd.all[spender].holder.virtual_time();
  for (unsigned i = 0; i < run.size(1, 10); ++i) {
    crowd.sleep(spender);
    crowd.charge(crowd.pick(), 1000);
    crowd.wake(spender);
    require(crowd.all[spender].holder.virtual_time() == owed,
            "a holder ran for {} ns, slept for a moment and woke at virtual time {} instead of {}: "
            "a short sleep must not wipe out what it owes",
            crowd.all[spender].ran, plain(crowd.all[spender].holder.virtual_time()), plain(owed));
  }
}

PERCORE_CHECK("wake", a_sleep_keeps_what_was_left_over, "F2",
              "no fraction is lost, in however small pieces a holder runs", virtual_time,
              .seeds = 60, .ring = false) {
  Crowd crowd(run);
  const unsigned shares = 1 + static_cast<unsigned>(run.random(1000));
  crowd.add(shares);
  for (unsigned i = 0; i < run.size(2, 100); ++i) {
    crowd.wake(0);
    crowd.charge(0, 1 + static_cast<std::int64_t>(run.random(50)));
    crowd.sleep(0);
    const VirtualTime right = VirtualTime(crowd.all[0].ran) * 1000 / shares;
    require(crowd.all[0].holder.virtual_time() == right,
            "a holder with {} shares ran for {} ns and slept after each of {} pieces, and its "
            "virtual time is {}, not {}: keep what the division leaves over, also while it sleeps",
            shares, crowd.all[0].ran, i + 1, plain(crowd.all[0].holder.virtual_time()),
            plain(right));
  }
}

PERCORE_CHECK("wake", waking_keeps_what_was_left_over, "F2",
              "what a division leaves over stays where waking raises the virtual time",
              virtual_time, .seeds = 60, .ring = false) {
  Crowd crowd(run);
  const unsigned shares = 2 + static_cast<unsigned>(run.random(999));
  crowd.add(shares);
  crowd.add(1);
  crowd.wake(0);
  crowd.wake(1);
  const auto before = static_cast<std::int64_t>(1 + run.random(50));
  crowd.charge(0, before);
  crowd.sleep(0);
  crowd.charge(1, 1'000'000);
  crowd.pick();  // a turn begins at a virtual time that is far beyond
  crowd.wake(0);
  const VirtualTime raised = crowd.all[0].holder.virtual_time();
  const auto after = static_cast<std::int64_t>(1 + run.random(50));
  crowd.charge(0, after);
  const VirtualTime right =
      raised + (VirtualTime(before) * 1000 % shares + VirtualTime(after) * 1000) / shares;
  require(crowd.all[0].holder.virtual_time() == right,
          "a holder with {} shares ran for {} ns, slept, woke at virtual time {}, to which it was "
          "raised, and ran for {} ns: its virtual time is {}, not {}: keep what the division left "
          "over, also where waking raises",
          shares, before, plain(raised), after, plain(crowd.all[0].holder.virtual_time()),
          plain(right));
}

PERCORE_CHECK("wake", naps_change_nothing, "F3",
              "whose work comes in small pieces has its share like one whose work never ends",
              fairness, .ring = false) {
  Crowd crowd(run);
  const unsigned count = run.size(2, 5);
  for (unsigned i = 0; i < count; ++i) {
    crowd.add(1 + static_cast<unsigned>(run.random(1000)));
    crowd.wake(i);
  }
  const std::int64_t turn_max = 1000 + static_cast<std::int64_t>(run.random(50'000));
  for (unsigned turn = 0; turn < run.size(20, 400); ++turn) {
    run.operation(turn);
    const std::size_t at = crowd.pick();
    const auto time =
        static_cast<std::int64_t>(1 + run.random(static_cast<std::uint64_t>(turn_max)));
    crowd.charge(at, time);
    Watched& its = crowd.all[at];
    const double a_share = static_cast<double>(time) / its.holder.shares();
    its.ran_a_share += a_share;
    its.turn_a_share_max = std::max(its.turn_a_share_max, a_share);
    if (at != 0) {  // its queue is empty, and fills before anybody else has had a turn
      crowd.sleep(at);
      crowd.wake(at);
    }
  }
  for (std::size_t i = 1; i < count; ++i) {
    const Watched& one = crowd.all[i];
    const Watched& busy = crowd.all[0];
    const double allowed = one.turn_a_share_max + busy.turn_a_share_max;
    const double ahead = one.ran_a_share - busy.ran_a_share;
    require(ahead <= allowed + 1 && -ahead <= allowed + 1,
            "holder {} ({} shares), which sleeps for a moment after each turn, has run for {} ns, "
            "and one that never sleeps ({} shares) for {} ns: they depart by {:.1f} ns a share, "
            "and a turn of each is {:.1f}",
            i, one.holder.shares(), one.ran, busy.holder.shares(), busy.ran, ahead, allowed);
  }
}

PERCORE_CHECK("wake", who_sleeps_and_who_stays, "F3",
              "sleepers come and go, and two that stay depart by a turn of each at most", fairness,
              .ring = false) {
  Crowd crowd(run);
  const unsigned count = run.size(2, 7);
  for (unsigned i = 0; i < count; ++i) {
    crowd.add(1 + static_cast<unsigned>(run.random(1000)));
    crowd.wake(i);
  }
  double low = 0;
  double high = 0;
  for (unsigned turn = 0; turn < run.size(20, 300); ++turn) {
    run.operation(turn);
    const std::size_t at = crowd.pick();
    const auto time = static_cast<std::int64_t>(1 + run.random(100'000));
    crowd.charge(at, time);
    Watched& its = crowd.all[at];
    const double a_share = static_cast<double>(time) / its.holder.shares();
    its.ran_a_share += a_share;
    its.turn_a_share_max = std::max(its.turn_a_share_max, a_share);
    const double ahead = crowd.all[0].ran_a_share - crowd.all[1].ran_a_share;
    low = std::min(low, ahead);
    high = std::max(high, ahead);
    const double allowed = crowd.all[0].turn_a_share_max + crowd.all[1].turn_a_share_max;
    require(high - low <= allowed + 1,
            "holders 0 and 1 stayed ready while others came and went, and depart by {:.1f} ns a "
            "share; a turn of each is {:.1f}",
            high - low, allowed);
    for (std::size_t i = 2; i < count; ++i) {
      if (!run.chance(30)) continue;
      if (crowd.all[i].ready)
        crowd.sleep(i);
      else
        crowd.wake(i,
                   run.chance(50) ? Time{static_cast<std::int64_t>(run.random(9))} : Time::never());
    }
  }
}
