#include <percore/histogram.hpp>

#include <algorithm>
#include <cmath>
#include <percore/assert.hpp>

namespace percore {
namespace {

std::uint64_t ten_to(unsigned significant_digits) {
  PERCORE_ASSERT(significant_digits >= 1 && significant_digits <= 5,
                 "a histogram has 1 to 5 significant digits");
  std::uint64_t power = 1;
  for (unsigned digit = 0; digit < significant_digits; ++digit) power *= 10;
  return power;
}

// As many places as let two neighbours differ by one part in 10^digits where they are furthest
// apart: at the beginning of a block, which has half of the places that its values would need.
unsigned half_bits_of(unsigned significant_digits) {
  return static_cast<unsigned>(std::bit_width(ten_to(significant_digits) - 1));
}

}  // namespace

Histogram::Histogram(const HistogramOptions& options)
    : options_(options),
      half_bits_(half_bits_of(options.significant_digits)),
      low_bits_((std::uint64_t{2} << half_bits_) - 1),
      places_(0) {
  PERCORE_ASSERT(options.value_max >= 2 * ten_to(options.significant_digits),
                 "a histogram's value_max is at least 2 * 10^significant_digits");
  places_ = place_of(options.value_max) + 1;
  counts_ = std::make_unique<std::uint64_t[]>(places_);
}

std::uint64_t Histogram::highest_value_of(std::size_t place) const noexcept {
  const std::size_t before_first_block = std::size_t{1} << half_bits_;
  if (place < before_first_block) return place;
  const std::size_t block = (place >> half_bits_) - 1;
  const std::uint64_t lowest = (place - (block << half_bits_)) << block;
  return lowest + ((std::uint64_t{1} << block) - 1);
}

void Histogram::record_with_interval(std::uint64_t value, std::uint64_t interval) noexcept {
  record(value);
  if (interval == 0) return;
  while (value >= interval && value - interval >= interval) record(value -= interval);
}

void Histogram::merge(const Histogram& other) noexcept {
  PERCORE_ASSERT(other.half_bits_ == half_bits_ && other.options_.value_max == options_.value_max,
                 "histograms that are merged have the same options");
  for (std::size_t place = 0; place < places_; ++place) counts_[place] += other.counts_[place];
  count_ += other.count_;
  above_range_ += other.above_range_;
  sum_ += other.sum_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

void Histogram::reset() noexcept {
  std::fill_n(counts_.get(), places_, 0);
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
  const std::uint64_t rank =
      std::clamp<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1, count_);
  if (rank == count_) return max_;
  const std::uint64_t* const counts = counts_.get();  // debug builds pay for each look through it
  std::uint64_t seen = 0;
  std::size_t place = 0;
  while ((seen += counts[place]) < rank) ++place;
  return std::min({highest_value_of(place), max_, options_.value_max});
}

}  // namespace percore
