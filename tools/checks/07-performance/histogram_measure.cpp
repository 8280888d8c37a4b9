// What a value and a percentile cost with the learner's histogram, beside ours. Shown after a pass.

#include "histogram_support.hpp"

using namespace checks;

namespace {

void fill(Histogram& histogram) {
  for (std::uint64_t i = 0; i < 10'000; ++i) histogram.record(20'000 + i * 7 % 5'000);
}

}  // namespace

PERCORE_MEASURE(a_value, "record()", 1000) {
  Histogram histogram;
  run.count_from_here();
  for (std::uint64_t i = 0; i < 1000; ++i) histogram.record(i * 977);
  run.count_to_here();
}
// One of each: they go through thousands of places, and whoever waits for the figures waits for
// every instruction.
PERCORE_MEASURE(a_percentile, "value_at(99.9), of values near 20,000", 1) {
  Histogram histogram;
  fill(histogram);
  run.count_from_here();
  const std::uint64_t said = histogram.value_at(99.9);
  run.count_to_here();
  require(said != 0, "value_at() says 0");
}
PERCORE_MEASURE(a_merge, "merge() of 4,600 places", 1) {
  const HistogramOptions two_digits{.significant_digits = 2};
  Histogram histogram(two_digits);
  Histogram other(two_digits);
  fill(other);
  run.count_from_here();
  histogram.merge(other);
  run.count_to_here();
}
