// 07.4 histogram, step merge: two histograms made one, and the values that never came.

#include "01-hello-world/assertions.hpp"
#include "histogram_support.hpp"

using namespace checks;

namespace {

void demand_same(const Histogram& got, const Histogram& wanted, const char* what) {
  require(got.count() == wanted.count(),
          "{}: count() is {}, and {} in a histogram that saw them all", what, got.count(),
          wanted.count());
  require(got.min() == wanted.min(), "{}: min() is {}, and {} in a histogram that saw them all",
          what, got.min(), wanted.min());
  require(got.max() == wanted.max(), "{}: max() is {}, and {} in a histogram that saw them all",
          what, got.max(), wanted.max());
  require(got.mean() == wanted.mean(), "{}: mean() is {}, and {} in a histogram that saw them all",
          what, got.mean(), wanted.mean());
  require(got.above_range() == wanted.above_range(),
          "{}: above_range() is {}, and {} in a histogram that saw them all", what,
          got.above_range(), wanted.above_range());
  for (const double percentile :
       {0.0, 1.0, 10.0, 25.0, 40.0, 50.0, 60.0, 75.0, 90.0, 99.0, 100.0}) {
    require(got.value_at(percentile) == wanted.value_at(percentile),
            "{}: value_at({}) is {}, and {} in a histogram that saw them all", what, percentile,
            got.value_at(percentile), wanted.value_at(percentile));
  }
}

}  // namespace

PERCORE_CHECK("merge", merged_is_as_recorded, "V4",
              "merged histograms are the same as one in which all their values were recorded",
              merging, .ring = false) {
  HistogramOptions options = any_options(run, 2);
  options.value_max = std::min<std::uint64_t>(options.value_max, UINT64_MAX / 4);
  Histogram whole(options);
  std::vector<Histogram> parts;
  const unsigned count = run.size(1, 4);
  for (unsigned i = 0; i < count; ++i) parts.emplace_back(options);
  const unsigned values = run.size(0, 60);
  for (unsigned i = 0; i < values; ++i) {
    const std::uint64_t value = any_value(run, 2 * options.value_max);
    const std::uint64_t times = 1 + run.random(3);
    whole.record_many(value, times);
    parts[run.random(count)].record_many(value, times);
  }
  Histogram merged(options);
  for (const Histogram& part : parts) merged.merge(part);
  demand_same(merged, whole, "parts were merged into an empty histogram");
  merged.merge(Histogram(options));
  demand_same(merged, whole, "an empty histogram was merged");
  for (unsigned i = 1; i < count; ++i) parts[0].merge(parts[i]);
  demand_same(parts[0], whole, "parts were merged into the first of them");
  whole.record(3);
  merged.record(3);
  demand_same(merged, whole, "a value was recorded after a merge");
}

PERCORE_CHECK("merge", only_alike_ones_are_merged, "V4",
              "to merge histograms of other options is a programmer's mistake and ends the program",
              merging, .seeds = 1, .ring = false) {
  const HistogramOptions options{.value_max = 10'000, .significant_digits = 2};
  for (const HistogramOptions& others :
       {HistogramOptions{10'000, 1}, HistogramOptions{10'001, 2}, HistogramOptions{1'000'000, 2}}) {
    Histogram one(options);
    const Histogram other(others);
    require(ends_the_program([&] { one.merge(other); }),
            "a histogram of {} digits up to {} was merged with one of {} digits up to {}, and "
            "nothing said so",
            options.significant_digits, options.value_max, others.significant_digits,
            others.value_max);
  }
}

PERCORE_CHECK("merge", what_could_not_come_is_recorded_too, "V1",
              "record_with_interval() records what those would have seen that could not come: "
              "value - interval, value - 2 * interval, ... down to the interval itself",
              omission, .ring = false) {
  const HistogramOptions options = any_options(run, 2);
  Histogram histogram(options);
  Histogram wanted(options);
  const unsigned count = run.size(1, 12);
  for (unsigned i = 0; i < count; ++i) {
    run.operation(i);
    std::uint64_t value = any_value(run, options.value_max);
    std::uint64_t interval = value / (1 + run.random(40));
    if (run.chance(15)) interval = 0;
    if (run.chance(15)) interval = value + run.random(3);
    if (run.chance(15)) interval = value / 2 + run.random(2);
    if (run.chance(15)) value = interval * run.random(5);
    if (interval != 0 && value / interval > 1000) interval = value / 1000;
    histogram.record_with_interval(value, interval);
    wanted.record(value);
    const std::uint64_t all = interval == 0 ? 1 : std::max<std::uint64_t>(value / interval, 1);
    for (std::uint64_t n = 1; n < all; ++n) wanted.record(value - n * interval);
    require(histogram.count() == wanted.count(),
            "{} was recorded with an interval of {}: that is {} values, and count() went up to {} "
            "where {} is right",
            value, interval, all, histogram.count(), wanted.count());
  }
  // Twice the interval is more than 64 bits hold, and what is left of it less than the value.
  const std::uint64_t value = any_value(run, options.value_max);
  const std::uint64_t interval = (std::uint64_t{1} << 63U) + value / 8 + 1;
  histogram.record_with_interval(value, interval);
  wanted.record(value);
  require(histogram.count() == wanted.count(),
          "{} was recorded with an interval of {}: that is one value, and count() went up to {} "
          "where {} is right",
          value, interval, histogram.count(), wanted.count());
  demand_same(histogram, wanted, "values were recorded with an interval");
}
