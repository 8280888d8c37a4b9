#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// Contract of the module `histogram`, version 1. Ours, never swapped.
///
/// How often which value came, in memory that does not grow: latencies above all. The places are
/// those of Gil Tene's HdrHistogram: values below twice 10^digits have a place each, and above that
/// places get twice as wide each time the value doubles. So the error is a share of the value and
/// not a size.
///
/// Invariants (lesson 07):
///   V1  Each recorded value is counted once: count() is the sum of all places.
///   V2  value_at(p) is not below the true percentile, and above it by less than one part in
///       10^digits of it. min(), max(), count() and mean() are exact.
///   V3  All memory is taken by the constructor. record() allocates nothing, never fails, and does
///       the same few instructions for every value.
///   V4  Merged histograms are the same as one in which all their values were recorded.
///   V5  A value above value_max is counted in the topmost place, and above_range() says how many
///       there were. A percentile among them is at least what value_at() says: value_max, or max()
///       for the last one.
namespace percore {

inline constexpr int histogram_contract_version = 1;

/// value_max            the largest value that has a place of its own: an hour in nanoseconds.
/// significant_digits   1 to 5: three say 1,234 and 12,340 where 1,234 and 12,345 came.
struct HistogramOptions {
  std::uint64_t value_max = 3'600'000'000'000;
  unsigned significant_digits = 3;
};

/// unit      stands behind values, such as "ns".
/// columns   the longest line, at least 50.
struct HistogramPlot {
  std::string_view unit = {};
  std::size_t columns = 80;
};

/// What the module must offer. Thread: one; one for each executor, merged by whoever reports.
template <typename H>
concept HistogramContract = requires(H histogram, const H const_histogram, HistogramOptions options,
                                     std::uint64_t value, double percentile, HistogramPlot plot) {
  // Throws std::bad_alloc. Digits that are not 1 to 5, and a value_max below 2 * 10^digits, are a
  // programmer's mistake.
  H(options);
  { histogram.record(value) } noexcept -> std::same_as<void>;
  // As often as the third says.
  { histogram.record_many(value, value) } noexcept -> std::same_as<void>;
  // Of a load that should come each `interval` and waited instead: also what those that could not
  // come would have seen, value - interval, value - 2 * interval, ... down to the interval itself.
  // An interval of 0 adds nothing. Cost: one record() for each.
  { histogram.record_with_interval(value, value) } noexcept -> std::same_as<void>;
  // V4. Of other options: a programmer's mistake.
  { histogram.merge(const_histogram) } noexcept -> std::same_as<void>;
  { histogram.reset() } noexcept -> std::same_as<void>;
  // V1: how many values were recorded, those above the range too; how many were above it (V5).
  { const_histogram.count() } noexcept -> std::same_as<std::uint64_t>;
  { const_histogram.above_range() } noexcept -> std::same_as<std::uint64_t>;
  // Of an empty one all are 0.
  { const_histogram.min() } noexcept -> std::same_as<std::uint64_t>;
  { const_histogram.max() } noexcept -> std::same_as<std::uint64_t>;
  { const_histogram.mean() } noexcept -> std::same_as<double>;
  // V2: the value that `percentile` of a hundred do not exceed; 0 to 100, what is outside is taken
  // as the nearest of these. The percentile of so many values is the one that stands at place
  // ceil(percentile / 100 * count()) when they are sorted, the first at the least. That a double
  // holds a little more than 99.9 does not count: of 1,000 values p99.9 is the 999th.
  { const_histogram.value_at(percentile) } noexcept -> std::same_as<std::uint64_t>;
  // What it was made with, and the bytes that its places take (V3).
  { const_histogram.options() } noexcept -> std::same_as<const HistogramOptions&>;
  { const_histogram.memory_bytes() } noexcept -> std::same_as<std::size_t>;
  // The spectrum of percentiles with a bar for each, as lines of text. Throws std::bad_alloc.
  { const_histogram.to_text(plot) } -> std::same_as<std::string>;
};

}  // namespace percore
