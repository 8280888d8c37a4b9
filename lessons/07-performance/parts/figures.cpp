#include "figures.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

namespace lesson {

Figure figure_of(std::vector<double> values) {
  std::ranges::sort(values);
  const auto at = [&](double share) {
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
  };
  return {.median = at(0.5), .low = at(0.25), .high = at(0.75)};
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::string as_text(const Figure& figure) {
  const int decimals = figure.median < 1000 ? 1 : 0;
  return fmt::format(
      "{:>9.{}f}  {:<20}", figure.median, decimals,
      fmt::format("({:.{}f} to {:.{}f})", figure.low, decimals, figure.high, decimals));
}

std::string with_commas(unsigned long long value) {
  std::string digits = std::to_string(value);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

bool told_apart(const Figure& one, const Figure& other) {
  return one.high < other.low || other.high < one.low;
}

}  // namespace lesson
