// 04.3 fair_share, step charge: virtual time, and who is next by it.

#include "fair_share_support.hpp"

using namespace checks;

PERCORE_CHECK("charge", it_passes_as_the_shares_have_it, "F2",
              "virtual time is the time run, times 1000, divided by the shares", virtual_time,
              .ring = false) {
  Crowd crowd(run);
  const unsigned shares = run.seed() == 0 ? 100 : 1 + static_cast<unsigned>(run.random(1000));
  crowd.add(shares);
  crowd.wake(0);
  const std::int64_t ran = 1 + static_cast<std::int64_t>(run.random(1'000'000));
  crowd.charge(0, ran);
  const VirtualTime got = crowd.all[0].holder.virtual_time();
  const VirtualTime right = ran * 1000 / shares;
  require(got != ran * shares / 1000 || got == right,
          "a holder with {} shares ran for {} ns and its virtual time is {}: more shares must make "
          "it pass more slowly, so divide by them",
          shares, ran, plain(got));
  require(got == right, "a holder with {} shares ran for {} ns and its virtual time is {}, not {}",
          shares, ran, plain(got), plain(right));
}

PERCORE_CHECK("charge", no_fraction_is_lost, "F2",
              "no fraction is lost, in however small pieces a holder runs", virtual_time,
              .ring = false) {
  Crowd crowd(run);
  const unsigned shares = 1 + static_cast<unsigned>(run.random(1000));
  crowd.add(shares);
  crowd.wake(0);
  const unsigned pieces = run.size(1, 300);
  for (unsigned i = 0; i < pieces; ++i) {
    crowd.charge(0, 1 + static_cast<std::int64_t>(run.random(50)));
    const VirtualTime right = VirtualTime(crowd.all[0].ran) * 1000 / shares;
    require(crowd.all[0].holder.virtual_time() == right,
            "a holder with {} shares ran for {} ns in {} pieces and its virtual time is {}, not "
            "{}: keep what the division leaves over",
            shares, crowd.all[0].ran, i + 1, plain(crowd.all[0].holder.virtual_time()),
            plain(right));
  }
}

PERCORE_CHECK("charge", the_least_is_next, "F1",
              "the ready one with the least virtual time is next", who_is_next, .ring = false) {
  Crowd crowd(run);
  const unsigned count = run.size(2, 8);
  const bool alike = run.chance(50);  // equal shares and equal turns make equals
  const auto due = [&] {
    return run.chance(50) ? Time{static_cast<std::int64_t>(run.random(9))} : Time::never();
  };
  for (unsigned i = 0; i < count; ++i) {
    crowd.add(alike ? 100 : 1 + static_cast<unsigned>(run.random(1000)));
    crowd.wake(i, due());
  }
  const auto allocations = percore::sim::counts().allocations;
  for (unsigned turn = 0; turn < run.size(3, 200); ++turn) {
    run.operation(turn);
    const std::size_t at = crowd.pick();
    crowd.charge(at, alike ? 1000 : static_cast<std::int64_t>(run.random(5000)));
    if (run.chance(20)) {
      crowd.sleep(at);
      crowd.wake(at, due());
    }
  }
  require(percore::sim::counts().allocations == allocations, "charging allocated {} times",
          percore::sim::counts().allocations - allocations);
}

PERCORE_CHECK("charge", every_turn_costs_something, "F5",
              "every turn costs at least one nanosecond, so that the others' time comes",
              virtual_time, .seeds = 30, .ring = false) {
  Crowd crowd(run);
  crowd.add(1000);
  crowd.add(1000);
  crowd.wake(0);
  crowd.wake(1);
  const unsigned ahead = run.size(1, 50);
  crowd.charge(0, ahead);
  // The other one's turns are so short that the clock does not move.
  for (unsigned turn = 0; turn < ahead; ++turn) crowd.charge(crowd.pick(), 0);
  require(crowd.all[1].holder.virtual_time() == ahead,
          "a holder had {} turns in which the clock did not move, and its virtual time is {} ns: a "
          "turn that costs nothing may be had for ever",
          ahead, plain(crowd.all[1].holder.virtual_time()));
  require(crowd.pick() == 0, "a holder that waited for {} turns of no time is still not next",
          ahead);
}

PERCORE_CHECK("charge", two_depart_by_a_turn_of_each_at_most, "F3",
              "what two that stay ready have run, divided by their shares, differs by a turn of "
              "each at most",
              fairness, .ring = false) {
  Crowd crowd(run);
  const unsigned count = run.size(2, 6);
  for (unsigned i = 0; i < count; ++i) {
    crowd.add(1 + static_cast<unsigned>(run.random(1000)));
    crowd.wake(i);
  }
  const std::int64_t turn_max = 1 + static_cast<std::int64_t>(run.random(500'000));
  std::array<std::array<double, 6>, 6> low{};
  std::array<std::array<double, 6>, 6> high{};
  for (unsigned turn = 0; turn < run.size(10, 400); ++turn) {
    run.operation(turn);
    ShareHolder* const picked = crowd.fair.pick();
    require(picked != nullptr, "{} holders are ready and pick() says that none is", count);
    Watched& its = crowd.all[crowd.number_of(picked)];
    // Who has more shares may well have short turns: it is time that counts, not turns.
    std::int64_t time =
        1 + static_cast<std::int64_t>(run.random(static_cast<std::uint64_t>(turn_max)));
    if (crowd.number_of(picked) % 2 == 0) time = 1 + time / 10;
    crowd.charge(crowd.number_of(picked), time);
    const double a_share = static_cast<double>(time) / its.holder.shares();
    its.ran_a_share += a_share;
    its.turn_a_share_max = std::max(its.turn_a_share_max, a_share);
    for (unsigned i = 0; i < count; ++i) {
      for (unsigned j = 0; j < i; ++j) {
        const Watched& one = crowd.all[i];
        const Watched& other = crowd.all[j];
        const double ahead = one.ran_a_share - other.ran_a_share;
        low[i][j] = std::min(low[i][j], ahead);
        high[i][j] = std::max(high[i][j], ahead);
        const double allowed = one.turn_a_share_max + other.turn_a_share_max;
        require(high[i][j] - low[i][j] <= allowed + 1,
                "holders {} ({} shares) and {} ({} shares) were ready all the time and have run "
                "for {} ns and {} ns: they depart from their shares by {:.1f} ns a share, and a "
                "turn of each is {:.1f}",
                i, one.holder.shares(), j, other.holder.shares(), one.ran, other.ran,
                high[i][j] - low[i][j], allowed);
      }
    }
  }
}

PERCORE_CHECK("charge", shares_may_change, "F6", "what was run before is not counted anew",
              virtual_time, .ring = false) {
  Crowd crowd(run);
  unsigned shares = 1 + static_cast<unsigned>(run.random(1000));
  crowd.add(shares);
  crowd.wake(0);
  VirtualTime before = 0;
  std::int64_t ran = 0;
  for (unsigned step = 0; step < run.size(2, 40); ++step) {
    run.operation(step);
    if (run.chance(40)) {
      before = crowd.all[0].holder.virtual_time();
      ran = 0;
      shares = 1 + static_cast<unsigned>(run.random(1000));
      crowd.all[0].holder.set_shares(shares);
      require(crowd.all[0].holder.shares() == shares, "shares were set to {} and are {}", shares,
              crowd.all[0].holder.shares());
      require(crowd.all[0].holder.virtual_time() == before,
              "new shares changed the virtual time from {} to {}", plain(before),
              plain(crowd.all[0].holder.virtual_time()));
    }
    const auto time = static_cast<std::int64_t>(1 + run.random(5000));
    ran += time;
    crowd.charge(0, time);
    require(crowd.all[0].holder.virtual_time() == before + ran * 1000 / shares,
            "since it has {} shares a holder ran for {} ns, and its virtual time grew by {}, not "
            "{}: new shares change nothing of what is past, and what the old ones left over is no "
            "part of it",
            shares, ran, plain(crowd.all[0].holder.virtual_time() - before), ran * 1000 / shares);
  }
}

PERCORE_CHECK("charge", it_goes_on_for_centuries, "F2", "virtual time is exact", virtual_time,
              .seeds = 1, .ring = false) {
  Crowd crowd(run);
  crowd.add(1);
  crowd.add(1000);
  crowd.wake(0);
  crowd.wake(1);
  constexpr std::int64_t day = 86'400'000'000'000;
  for (int i = 0; i < 200; ++i) crowd.charge(0, day);
  const VirtualTime got = crowd.all[0].holder.virtual_time();
  require(got == VirtualTime(day) * 200'000,
          "a holder with one share ran for 200 days, which are 200000 days of virtual time, and it "
          "is at {} days and {} ns: 64 bits are not enough",
          plain(got / day), plain(got % day));
  require(crowd.fair.pick() == &crowd.all[1].holder,
          "a holder with one share had 200 days, another nothing, and the other is not next");
}
