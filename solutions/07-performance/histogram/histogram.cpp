#include <percore/histogram.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <percore/assert.hpp>

namespace percore {
namespace {

std::uint64_t ten_to(unsigned digits) {
  PERCORE_ASSERT(digits >= 1 && digits <= 5, "a histogram has 1 to 5 significant digits");
  std::uint64_t power = 1;
  for (unsigned digit = 0; digit < digits; ++digit) power *= 10;
  return power;
}

}  // namespace

// A block begins at a power of two and ends before the next: 2^half_bits_ places, so many that one
// is not wider than one part in 10^digits of the block's first value.
Histogram::Histogram(const HistogramOptions& options)
    : options_(options),
      half_bits_(static_cast<unsigned>(std::bit_width(ten_to(options.significant_digits) - 1))) {
  PERCORE_ASSERT(options.value_max >= 2 * ten_to(options.significant_digits),
                 "a histogram's value_max is at least 2 * 10^significant_digits");
  counts_.resize(place_of(options.value_max) + 1);
}

// Values below 2^half_bits_ are places themselves. A larger one is cut down to so many bits and its
// highest one; how many bits go, says its block.
std::size_t Histogram::place_of(std::uint64_t value) const noexcept {
  const std::uint64_t first_block = std::uint64_t{1} << half_bits_;
  if (value < first_block) return static_cast<std::size_t>(value);
  const unsigned block = static_cast<unsigned>(std::bit_width(value)) - 1 - half_bits_;
  const std::uint64_t within = (value >> block) - first_block;
  return static_cast<std::size_t>((block + 1) * first_block + within);
}

// The same backwards; the bits that were cut off are all ones.
std::uint64_t Histogram::highest_value_of(std::size_t place) const noexcept {
  const std::uint64_t first_block = std::uint64_t{1} << half_bits_;
  if (place < first_block) return place;
  const std::uint64_t block = place / first_block - 1;
  const std::uint64_t within = place % first_block;
  const std::uint64_t width = std::uint64_t{1} << block;
  return (first_block + within) * width + (width - 1);
}

void Histogram::record_many(std::uint64_t value, std::uint64_t times) noexcept {
  if (times == 0) return;
  counts_[place_of(std::min(value, options_.value_max))] += times;
  count_ += times;
  if (value > options_.value_max) above_range_ += times;
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
  sum_ += static_cast<unsigned __int128>(value) * times;
}

void Histogram::record_with_interval(std::uint64_t value, std::uint64_t interval) noexcept {
  record(value);
  if (interval == 0) return;
  while (value >= interval && value - interval >= interval) {
    value -= interval;
    record(value);
  }
}

void Histogram::merge(const Histogram& other) noexcept {
  PERCORE_ASSERT(other.options_.significant_digits == options_.significant_digits &&
                     other.options_.value_max == options_.value_max,
                 "histograms that are merged have the same options");
  for (std::size_t place = 0; place < counts_.size(); ++place)
    counts_[place] += other.counts_[place];
  count_ += other.count_;
  above_range_ += other.above_range_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

void Histogram::reset() noexcept {
  std::ranges::fill(counts_, 0);
  count_ = above_range_ = max_ = 0;
  min_ = UINT64_MAX;
  sum_ = 0;
}

double Histogram::mean() const noexcept {
  return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_);
}

std::uint64_t Histogram::value_at(double percentile) const noexcept {
  if (count_ == 0) return 0;
  // 99.9 is a little more than 99.9 in binary: rounded up, 999 of 1000 would become 1000.
  const double below = percentile > 0 ? std::min(std::nextafter(percentile, 0.0), 100.0) : 0;
  const double wanted = std::ceil(below * static_cast<double>(count_) / 100);
  const auto rank = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1, count_);
  if (rank == count_) return max_;
  std::size_t place = 0;
  for (std::uint64_t seen = counts_[0]; seen < rank; seen += counts_[place]) ++place;
  return std::min({highest_value_of(place), max_, options_.value_max});
}

}  // namespace percore
