// Sizes first: a run with fewer operations has fewer faults to look through. They are searched from
// below, because small runs are what is wanted and failing is not monotone in the size. Sets of
// faults and switches by delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating
// Failure-Inducing Input", 2002).

#include "shrink.hpp"

#include <percore/sim_ledger.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace percore::tutor {

namespace {

using Numbers = std::vector<std::uint64_t>;

template <typename Number>
std::string joined(const std::vector<Number>& numbers) {
  return numbers.empty() ? "none" : fmt::format("{}", fmt::join(numbers, ","));
}

class Shrinker {
 public:
  Shrinker(const Tried& found, const Try& attempt, unsigned budget)
      : tried_(1), best_run_(found), attempt_(attempt), budget_(budget) {}

  SmallCase shrink() {
    shrink_sizes();
    shrink_set(&SmallCase::faults, &Tried::faults);
    shrink_set(&SmallCase::switches, &Tried::switches);
    move_faults_forward();
    // With fewer faults, fewer operations may do: those that only made up for a fault.
    if (best_.faults || best_.switches) shrink_sizes();
    return std::move(best_);
  }

 private:
  bool fails(const SmallCase& smaller) {
    if (spent_ >= budget_ || std::ranges::count(tried_, smaller) != 0) return false;
    tried_.push_back(smaller);
    Tried tried = attempt_(smaller);
    spent_ += std::max(tried.cost, 1U);
    if (!tried.fails) return false;
    best_ = smaller;
    best_run_ = std::move(tried);
    return true;
  }

  bool fails_with_sizes(std::vector<std::uint32_t> limits) {
    SmallCase smaller = best_;
    smaller.size_limits = std::move(limits);
    return fails(smaller);
  }

  void shrink_sizes() {
    const auto& sizes = best_run_.sizes;
    if (sizes.empty()) return;
    const std::uint32_t largest = *std::ranges::max_element(sizes);
    // 0, 1, 2, 4, 8, ...; then what was stepped over, from below as well.
    std::uint32_t too_small = 0, limit = 0;
    for (; limit < largest && !fails_with_sizes({limit}); limit = limit == 0 ? 1 : limit * 2)
      too_small = limit + 1;
    for (std::uint32_t high = std::min(limit, largest); too_small < high;) {
      const std::uint32_t middle = too_small + (high - too_small) / 2;
      if (fails_with_sizes({middle}))
        high = middle;
      else
        too_small = middle + 1;
    }
    shrink_each_size();
  }

  // One limit for all sizes is as large as the largest that is needed: each on its own may be less.
  void shrink_each_size() {
    for (std::size_t i = 0; i < best_run_.sizes.size() && best_run_.sizes.size() > 1; ++i) {
      for (const std::uint32_t divisor : {0U, 2U}) {
        std::vector<std::uint32_t> limits = best_run_.sizes;
        if (limits[i] == 0) break;
        limits[i] = divisor == 0 ? 0 : limits[i] / divisor;
        if (fails_with_sizes(std::move(limits))) break;
      }
    }
  }

  void shrink_set(std::optional<Numbers> SmallCase::* wanted, Numbers Tried::* happened) {
    const auto fails_with = [&](Numbers numbers) {
      SmallCase smaller = best_;
      smaller.*wanted = std::move(numbers);
      if (fails(smaller)) return true;
      if (wanted != &SmallCase::faults) return false;
      // Without the others the run may be over before it gets there: at its beginning, then. The
      // first enter submits and hardly ever waits.
      const Numbers as_drawn = *smaller.faults;
      return std::ranges::any_of(std::initializer_list<std::uint64_t>{2, 1}, [&](auto first) {
        smaller.faults = moved(moved(as_drawn, false, first), true, 1);
        return fails(smaller);
      });
    };
    if ((best_run_.*happened).empty() || fails_with({})) return;
    for (std::size_t parts = 2;;) {
      const Numbers all = best_run_.*happened;
      if (all.size() < 2 || spent_ >= budget_) return;
      parts = std::min(parts, all.size());
      bool smaller = false;
      // Each part alone, unless all parts are single and that is what the complements leave.
      for (const bool complement : {false, true}) {
        if (complement && parts == 2) break;
        for (std::size_t i = 0; i < parts && !smaller; ++i) {
          Numbers kept;
          for (std::size_t at = 0; at < all.size(); ++at)
            if ((at * parts / all.size() == i) != complement) kept.push_back(all[at]);
          smaller = fails_with(std::move(kept));
        }
        if (smaller) {
          parts = complement ? std::max<std::size_t>(parts - 1, 2) : 2;
          break;
        }
      }
      if (smaller) continue;
      if (parts == all.size()) return;
      parts *= 2;
    }
  }

  // The places of a fault set, with all enters, or all operations, renumbered to follow one another
  // from `first` on, and as little let through as can be.
  static Numbers moved(const Numbers& places, bool operations, std::uint64_t first) {
    Numbers out;
    std::uint64_t before = 0, next = first - 1;
    for (const std::uint64_t place : places) {
      const std::uint64_t of = place / sim::FAULT_PLACE_DRAWS;
      if ((of % 2 == 1) != operations) {
        out.push_back(place);
        continue;
      }
      next += of != before ? 1 : 0;
      before = of;
      const std::uint64_t to = std::min(of, next * 2 + (operations ? 1 : 0));
      out.push_back(to * sim::FAULT_PLACE_DRAWS + place % sim::FAULT_PLACE_DRAWS);
      if (place % sim::FAULT_PLACE_DRAWS < sim::FAULT_PLACE_LEAST && to != 0)
        out.back() += sim::FAULT_PLACE_LEAST;
    }
    std::ranges::sort(out);
    out.erase(std::ranges::unique(out).begin(), out.end());
    return out;
  }

  // A fault at the 20th enter needs 19 enters before it, and one of operation 17 all before that.
  void move_faults_forward() {
    for (const bool operations : {true, false})
      for (const std::uint64_t first : {1U, 2U, 3U, 4U}) {
        if (best_run_.faults.empty()) return;
        SmallCase earlier = best_;
        earlier.faults = moved(best_run_.faults, operations, first);
        if (earlier.faults == best_run_.faults || fails(earlier)) break;
      }
  }

  std::vector<SmallCase> tried_;
  SmallCase best_;
  Tried best_run_;
  const Try& attempt_;
  unsigned budget_;
  unsigned spent_ = 0;
};

}  // namespace

std::vector<std::string> to_words(const SmallCase& small) {
  std::vector<std::string> out;
  if (!small.size_limits.empty())
    out.insert(out.end(), {"--size-limits", joined(small.size_limits)});
  if (small.faults) out.insert(out.end(), {"--only-faults", joined(*small.faults)});
  if (small.switches) out.insert(out.end(), {"--only-switches", joined(*small.switches)});
  return out;
}

SmallCase shrink(const Tried& found, const Try& attempt, unsigned budget) {
  return Shrinker(found, attempt, budget).shrink();
}

}  // namespace percore::tutor
