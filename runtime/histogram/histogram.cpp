#include <percore/histogram.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <percore/assert.hpp>

namespace percore {
namespace {

// As many places as let two neighbours differ by one part in 10^digits where they are furthest
// apart: at the beginning of a block, which has half of the places that its values would need.
unsigned half_bits_of(unsigned significant_digits) {
  PERCORE_ASSERT(significant_digits >= 1 && significant_digits <= 5,
                 "a histogram has 1 to 5 significant digits");
  std::uint64_t values = 1;
  for (unsigned digit = 0; digit < significant_digits; ++digit) values *= 10;
  return static_cast<unsigned>(std::bit_width(values - 1));
}

// 1234567 -> "1,234,567"
std::string with_commas(std::uint64_t value) {
  std::string digits = std::to_string(value);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string padded(const std::string& text, std::size_t width) {
  return std::string(width > text.size() ? width - text.size() : 0, ' ') + text;
}

// In eighths of a column, so that neighbours can be told apart.
std::string bar(std::uint64_t value, std::uint64_t longest, std::size_t columns) {
  constexpr std::array<const char*, 8> parts = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  if (longest == 0) return "";
  const double share = static_cast<double>(value) / static_cast<double>(longest);
  const auto eighths = static_cast<std::size_t>(share * static_cast<double>(8 * columns) + 0.5);
  std::string out;
  for (std::size_t i = 0; i < eighths / 8; ++i) out += "█";
  return out + parts[eighths % 8];
}

}  // namespace

Histogram::Histogram(const HistogramOptions& options)
    : options_(options),
      half_bits_(half_bits_of(options.significant_digits)),
      low_bits_((std::uint64_t{2} << half_bits_) - 1),
      places_(0) {
  PERCORE_ASSERT(options.value_max > low_bits_ / 2,
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
  std::uint64_t seen = 0;
  std::size_t place = 0;
  while ((seen += counts_[place]) < rank) ++place;
  return std::min({highest_value_of(place), max_, options_.value_max});
}

std::string Histogram::to_text(const HistogramPlot& plot) const {
  PERCORE_ASSERT(plot.columns >= 50, "a histogram's text needs at least 50 columns");
  constexpr std::array<const char*, 12> percentiles = {
      "0", "10", "25", "50", "75", "90", "95", "99", "99.9", "99.99", "99.999", "99.9999"};
  const std::string unit = plot.unit.empty() ? "" : " " + std::string(plot.unit);
  const std::size_t width = std::max<std::size_t>(with_commas(max_).size(), 5);
  const std::size_t before_bar = 13 + width + unit.size();
  const std::size_t bar_columns = plot.columns - std::min(plot.columns - 8, before_bar);
  std::string out = with_commas(count_) + (count_ == 1 ? " value" : " values");
  if (count_ == 0) return out + "\n";
  char mean_text[48];
  std::snprintf(mean_text, sizeof mean_text, "%.1f", mean());
  out += ", mean " + std::string(mean_text) + unit + "\n";
  const auto line = [&](const std::string& name, std::uint64_t value) {
    out += padded(name, 9) + "  " + padded(with_commas(value), width) + unit + "  " +
           bar(value, max_, bar_columns) + "\n";
  };
  line("min", min());
  for (const char* const percentile : percentiles) {
    const double number = std::strtod(percentile, nullptr);
    // Beyond this the percentile is the maximum by another name.
    if (number == 0 || (100 - number) * static_cast<double>(count_) < 99.99) continue;
    line("p" + std::string(percentile), value_at(number));
  }
  line("max", max_);
  if (above_range_ != 0) {
    out += "  " + with_commas(above_range_) + " of them above " + with_commas(options_.value_max) +
           unit + ", the end of the range: percentiles there are lower bounds\n";
  }
  return out;
}

}  // namespace percore
