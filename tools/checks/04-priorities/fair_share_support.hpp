#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <percore/check.hpp>
#include <percore/fair_share.hpp>
#include <percore/sim.hpp>

// What the checks of fair_share share.
namespace checks {

using percore::FairShare;
using percore::ShareHolder;
using percore::Time;
using percore::VirtualTime;
using percore::check::require;
using percore::check::Run;

inline constexpr const char* who_is_next = "Lesson 04, *Who is next*";
inline constexpr const char* virtual_time = "Lesson 04, *Virtual time*";
inline constexpr const char* the_sleeper = "Lesson 04, *The sleeper*";
inline constexpr const char* fairness = "Lesson 04, *Fairness*";

inline long long plain(VirtualTime time) {
  return static_cast<long long>(time);
}

/// A holder and what is known of it from outside.
struct Watched {
  explicit Watched(unsigned shares) : holder(shares) {}
  ShareHolder holder;
  bool ready = false;
  Time due = Time::never();
  std::uint64_t waits_since = 0;
  std::int64_t ran = 0;
  double ran_a_share = 0;
  double turn_a_share_max = 0;
};

/// Several of them, in a FairShare of their own.
struct Crowd {
  explicit Crowd(Run& its_run) : run(its_run) {}
  ~Crowd() {
    for (auto& one : all)
      if (one.holder.ready()) fair.sleep(one.holder);
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  void add(unsigned shares) { all.emplace_back(shares); }
  void wake(std::size_t at, Time due = Time::never()) {
    Watched& one = all[at];
    one.ready = true;
    one.due = due;
    one.waits_since = ++moment;
    fair.wake(one.holder, due);
  }
  void sleep(std::size_t at) {
    all[at].ready = false;
    fair.sleep(all[at].holder);
  }
  void charge(std::size_t at, std::int64_t nanoseconds) {
    Watched& one = all[at];
    one.due = Time::never();
    one.waits_since = ++moment;
    one.ran += std::max<std::int64_t>(nanoseconds, 1);
    fair.charge(one.holder, Time{nanoseconds});
  }
  std::size_t number_of(const ShareHolder* holder) const {
    for (std::size_t i = 0; i < all.size(); ++i)
      if (&all[i].holder == holder) return i;
    return all.size();
  }
  std::size_t ready() const {
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [](const Watched& one) { return one.ready; }));
  }

  /// Picks, and looks whether it is the one that F1 names by what the holders say of themselves.
  std::size_t pick() {
    ShareHolder* const picked = fair.pick();
    require(picked != nullptr, "{} holders are ready and pick() says that none is", ready());
    const std::size_t at = number_of(picked);
    require(at < all.size(), "pick() gave a holder that nobody ever woke");
    require(all[at].ready, "pick() gave holder {}, which is not ready", at);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!all[i].ready || i == at) continue;
      const VirtualTime least = all[i].holder.virtual_time();
      const VirtualTime its = picked->virtual_time();
      require(its <= least,
              "pick() gave holder {} at virtual time {} while holder {} is ready at {}: the one "
              "with the least is next",
              at, plain(its), i, plain(least));
      if (its != least) continue;
      require(all[at].due <= all[i].due,
              "holders {} and {} are equal, and pick() gave {} although {} is due earlier", at, i,
              at, i);
      require(all[at].due != all[i].due || all[at].waits_since < all[i].waits_since,
              "holders {} and {} are equal and due at the same time, and pick() gave {} although "
              "{} has waited longer",
              at, i, at, i);
    }
    return at;
  }

  Run& run;
  FairShare fair;
  std::deque<Watched> all;
  std::uint64_t moment = 0;
};

}  // namespace checks
