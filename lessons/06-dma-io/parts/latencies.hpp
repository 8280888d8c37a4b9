#pragma once

#include <string>
#include <vector>

namespace lesson {

/// What reads took that were made with so many at once.
struct AtDepth {
  unsigned depth = 0;
  double reads_per_second = 0;
  double p50_us = 0, p90_us = 0, p99_us = 0, p999_us = 0;
};

/// The smallest of `sorted` that so many per cent of them do not exceed.
double percentile(const std::vector<double>& sorted, double percent);

/// A line for each depth: the range from p50 to p99.9 on a scale that doubles.
std::string as_plot(const std::vector<AtDepth>& all);
/// Latency over depth, both on scales that double, and throughput beside it.
std::string as_svg(const std::vector<AtDepth>& all);

}  // namespace lesson
