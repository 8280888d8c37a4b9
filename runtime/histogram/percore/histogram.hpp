#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <percore/contract/histogram.hpp>
#include <string>

namespace percore {

/// How often which value came. See contract/histogram.hpp.
/// Throws   std::bad_alloc from the constructor and from to_text(), which makes a string.
/// Thread   one.
/// Memory   8 bytes a place; 261 KiB for an hour in nanoseconds with three digits.
/// Source   the layout of HdrHistogram (Gil Tene), with a smallest value of 1.
class Histogram {
 public:
  explicit Histogram(const HistogramOptions& options = {});

  /// Cost     no branch but the one that holds the value within the range.
  void record(std::uint64_t value) noexcept { record_many(value, 1); }

  void record_many(std::uint64_t value, std::uint64_t times) noexcept {
    if (times == 0) return;
    const bool above = value > options_.value_max;
    counts_[place_of(above ? options_.value_max : value)] += times;
    above_range_ += above ? times : 0;
    count_ += times;
    sum_ += static_cast<unsigned __int128>(value) * times;
    min_ = value < min_ ? value : min_;
    max_ = value > max_ ? value : max_;
  }

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
  std::size_t memory_bytes() const noexcept { return places_ * sizeof(std::uint64_t); }
  std::string to_text(const HistogramPlot& plot = {}) const;

 private:
  // Block b holds the values whose highest bit is bit b + half_bits_, in 2^half_bits_ places that
  // are 2^b wide. What lies below block 0 has places of width one in front of it. So the places of
  // block b begin at (b + 1) << half_bits_, with the value's highest bit cut off.
  std::size_t place_of(std::uint64_t value) const noexcept {
    const auto highest = static_cast<unsigned>(std::bit_width(value | low_bits_)) - 1;
    const unsigned block = highest - half_bits_;
    return (static_cast<std::size_t>(block) << half_bits_) +
           static_cast<std::size_t>(value >> block);
  }
  std::uint64_t highest_value_of(std::size_t place) const noexcept;

  HistogramOptions options_;
  unsigned half_bits_;
  std::uint64_t low_bits_;  // those of the values that are before block 1
  std::size_t places_;
  std::unique_ptr<std::uint64_t[]> counts_;
  std::uint64_t count_ = 0;
  std::uint64_t above_range_ = 0;
  std::uint64_t min_ = UINT64_MAX;
  std::uint64_t max_ = 0;
  unsigned __int128 sum_ = 0;
};

}  // namespace percore
