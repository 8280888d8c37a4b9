#pragma once

#include <algorithm>
#include <bit>
#include <percore/check.hpp>
#include <percore/histogram.hpp>
#include <vector>

// What the checks of histogram share: the values themselves, kept and sorted, as the model.
namespace checks {

using percore::Histogram;
using percore::HistogramOptions;
using percore::check::require;
using percore::check::Run;

inline constexpr const char* the_buckets = "Lesson 07, *The buckets*";
inline constexpr const char* the_ranks = "Lesson 07, *Percentiles*";
inline constexpr const char* merging = "Lesson 07, *Merging*";
inline constexpr const char* above_the_range = "Lesson 07, *Above the range*";
inline constexpr const char* omission = "Lesson 07, *Coordinated omission*";

inline std::uint64_t ten_to(unsigned digits) {
  std::uint64_t power = 1;
  for (unsigned i = 0; i < digits; ++i) power *= 10;
  return power;
}

/// A range that is as short as can be, or of any length, or all there is.
inline HistogramOptions any_options(Run& run, unsigned digits_max = 3) {
  const auto digits = static_cast<unsigned>(1 + run.random(digits_max));
  const std::uint64_t least = 2 * ten_to(digits);
  HistogramOptions options{.value_max = least, .significant_digits = digits};
  if (run.chance(20)) return options;
  if (run.chance(20)) return {.value_max = UINT64_MAX, .significant_digits = digits};
  const unsigned bits = static_cast<unsigned>(run.random(44));
  options.value_max = std::max(least, (std::uint64_t{1} << bits) + run.random(1000));
  return options;
}

/// Of every size alike, and often beside a power of two.
inline std::uint64_t any_value(Run& run, std::uint64_t value_max) {
  const unsigned bits = static_cast<unsigned>(run.random(std::bit_width(value_max) + 1));
  const std::uint64_t power = bits == 0 ? 0 : std::uint64_t{1} << (bits - 1);
  std::uint64_t value = power + (power == 0 ? 0 : run.random(power));
  if (run.chance(25)) value = power + run.random(3) - 1;
  return std::min(value, value_max);
}

/// All values, as they came.
struct Model {
  std::vector<std::uint64_t> values;
  unsigned __int128 sum = 0;

  void add(std::uint64_t value) {
    values.push_back(value);
    sum += value;
  }
  /// The percentile of which `rank` of all are not larger.
  std::uint64_t at_rank(std::size_t rank) const { return values[rank - 1]; }
  void sort() { std::ranges::sort(values); }
  double mean() const {
    return values.empty() ? 0 : static_cast<double>(sum) / static_cast<double>(values.size());
  }
};

/// Whether `said` is what V2 lets one say of `truth`.
inline bool is_near(std::uint64_t said, std::uint64_t truth, unsigned digits) {
  if (said < truth) return false;
  const auto above = static_cast<unsigned __int128>(said - truth) * ten_to(digits);
  return said == truth || above < truth;
}

/// The percentile whose rank is surely `rank` of `count`: the middle between it and the one before.
inline double percentile_of(std::size_t rank, std::size_t count) {
  return 100 * (static_cast<double>(rank) - 0.5) / static_cast<double>(count);
}

}  // namespace checks
