// A histogram as lines of text, from nothing but what it says of itself.
#include <percore/histogram.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <percore/assert.hpp>

namespace percore {
namespace {

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

std::string Histogram::to_text(const HistogramPlot& plot) const {
  PERCORE_ASSERT(plot.columns >= 50, "a histogram's text needs at least 50 columns");
  constexpr std::array<const char*, 12> percentiles = {
      "0", "10", "25", "50", "75", "90", "95", "99", "99.9", "99.99", "99.999", "99.9999"};
  const std::string unit = plot.unit.empty() ? "" : " " + std::string(plot.unit);
  const std::size_t width = std::max<std::size_t>(with_commas(max()).size(), 5);
  const std::size_t before_bar = 13 + width + unit.size();
  const std::size_t bar_columns = plot.columns - std::min(plot.columns - 8, before_bar);
  std::string out = with_commas(count()) + (count() == 1 ? " value" : " values");
  if (count() == 0) return out + "\n";
  char mean_text[48];
  std::snprintf(mean_text, sizeof mean_text, "%.1f", mean());
  out += ", mean " + std::string(mean_text) + unit + "\n";
  const auto line = [&](const std::string& name, std::uint64_t value) {
    out += padded(name, 9) + "  " + padded(with_commas(value), width) + unit + "  " +
           bar(value, max(), bar_columns) + "\n";
  };
  line("min", min());
  for (const char* const percentile : percentiles) {
    const double number = std::strtod(percentile, nullptr);
    // Beyond this the percentile is the maximum by another name.
    if (number == 0 || (100 - number) * static_cast<double>(count()) < 99.99) continue;
    line("p" + std::string(percentile), value_at(number));
  }
  line("max", max());
  if (above_range() != 0) {
    out += "  " + with_commas(above_range()) + " of them above " +
           with_commas(options().value_max) + unit +
           ", the end of the range: percentiles there are lower bounds\n";
  }
  return out;
}

}  // namespace percore
