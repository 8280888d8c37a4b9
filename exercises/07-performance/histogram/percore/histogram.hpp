#pragma once

#include <cstddef>
#include <cstdint>
#include <percore/contract/histogram.hpp>
#include <string>
#include <vector>

// How often which value came, in three steps. The contract, <percore/contract/histogram.hpp>, has
// the invariants V1 to V5 and what each public function promises: keep it open beside this.
//
// - Step "places" (V1, V2, V3): from a value to its place and back, and the percentiles.
// - Step "figures" (V2, V5): what is exact, and what lies above the range.
// - Step "merge" (V4): two histograms, and the values that never came.
//
// This header needs no change, and what is missing is in histogram.cpp. histogram_text.cpp draws
// the plot from what the public functions say; it is done.

namespace percore {

/// How often which value came. See contract/histogram.hpp.
/// Throws   std::bad_alloc from the constructor. Thread   one.
/// Memory   8 bytes a place; 261 KiB for an hour in nanoseconds with three digits.
class Histogram {
 public:
  explicit Histogram(const HistogramOptions& options = {});

  void record(std::uint64_t value) noexcept { record_many(value, 1); }
  void record_many(std::uint64_t value, std::uint64_t times) noexcept;
  void record_with_interval(std::uint64_t value, std::uint64_t interval) noexcept;
  void merge(const Histogram& other) noexcept;
  void reset() noexcept;

  std::uint64_t count() const noexcept { return count_; }
  std::uint64_t above_range() const noexcept { return above_range_; }
  std::uint64_t min() const noexcept { return count_ == 0 ? 0 : min_; }
  std::uint64_t max() const noexcept { return max_; }
  double mean() const noexcept;
  std::uint64_t value_at(double percentile) const noexcept;
  const HistogramOptions& options() const noexcept { return options_; }
  std::size_t memory_bytes() const noexcept { return counts_.size() * sizeof(std::uint64_t); }
  std::string to_text(const HistogramPlot& plot = {}) const;

 private:
  std::size_t place_of(std::uint64_t value) const noexcept;
  std::uint64_t highest_value_of(std::size_t place) const noexcept;

  HistogramOptions options_;
  unsigned half_bits_;                 // each block has 2^half_bits_ places
  std::vector<std::uint64_t> counts_;  // of each place
  std::uint64_t count_ = 0;
  std::uint64_t above_range_ = 0;
  std::uint64_t min_ = UINT64_MAX;
  std::uint64_t max_ = 0;
  unsigned __int128 sum_ = 0;
};

}  // namespace percore
