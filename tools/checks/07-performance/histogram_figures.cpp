// 07.4 histogram, step figures: what is exact, and what lies above the range.

#include <percore/sim.hpp>

#include "histogram_support.hpp"

using namespace checks;

namespace {

void look(const Histogram& histogram, const Model& model) {
  const std::size_t count = model.values.size();
  const std::uint64_t least = count == 0 ? 0 : std::ranges::min(model.values);
  const std::uint64_t most = count == 0 ? 0 : std::ranges::max(model.values);
  require(histogram.count() == count, "{} values were recorded, and count() says {}", count,
          histogram.count());
  require(histogram.min() == least, "the smallest of {} values was {}, and min() says {}", count,
          least, histogram.min());
  require(histogram.max() == most, "the largest of {} values was {}, and max() says {}", count,
          most, histogram.max());
  require(histogram.mean() == model.mean(),
          "the mean of {} values between {} and {} is {}, and mean() says {}", count, least, most,
          model.mean(), histogram.mean());
}

}  // namespace

PERCORE_CHECK("figures", count_min_max_and_mean_are_exact, "V2",
              "min(), max(), count() and mean() are exact, whatever the places", the_buckets,
              .ring = false) {
  const HistogramOptions options = any_options(run);
  Histogram histogram(options);
  Model model;
  look(histogram, model);
  const unsigned count = run.size(1, 50);
  for (unsigned i = 0; i < count; ++i) {
    run.operation(i);
    const std::uint64_t value = any_value(run, options.value_max);
    const std::uint64_t times = run.random(4);
    histogram.record_many(value, times);
    for (std::uint64_t n = 0; n < times; ++n) model.add(value);
    look(histogram, model);
  }
}

PERCORE_CHECK("figures", a_sum_beyond_64_bits, "V2",
              "the mean is exact where the sum has more than 64 bits", the_buckets, .seeds = 20,
              .ring = false) {
  Histogram histogram({.value_max = UINT64_MAX, .significant_digits = 1});
  Model model;
  for (unsigned i = 0; i < 20; ++i) {
    const std::uint64_t value = UINT64_MAX - run.random(1'000'000'000'000'000'000);
    histogram.record(value);
    model.add(value);
  }
  look(histogram, model);
  Histogram many({.value_max = UINT64_MAX, .significant_digits = 1});
  const std::uint64_t value = (std::uint64_t{1} << 40) + run.random(1000);
  many.record_many(value, std::uint64_t{1} << 40);
  require(many.mean() == static_cast<double>(value), "{} came 2^40 times, and mean() says {}",
          value, many.mean());
}

PERCORE_CHECK("figures", what_is_above_the_range_is_counted, "V5",
              "a value above value_max is counted in the topmost place, and above_range() says how "
              "many there were",
              above_the_range, .ring = false) {
  HistogramOptions options = any_options(run);
  options.value_max = std::min<std::uint64_t>(options.value_max, UINT64_MAX / 2);
  Histogram histogram(options);
  Model model;
  std::uint64_t above = 0;
  const unsigned count = run.size(1, 40);
  for (unsigned i = 0; i < count; ++i) {
    run.operation(i);
    std::uint64_t value = any_value(run, options.value_max);
    if (run.chance(15)) value = options.value_max;
    if (run.chance(20)) value = options.value_max + 1 + run.random(3);
    if (run.chance(10)) value = UINT64_MAX - run.random(2);
    const std::uint64_t times = 1 + run.random(3);
    histogram.record_many(value, times);
    above += value > options.value_max ? times : 0;
    for (std::uint64_t n = 0; n < times; ++n) model.add(value);
    require(histogram.above_range() == above,
            "{} of {} values were above {}, the last one was {}, and above_range() says {}", above,
            model.values.size(), options.value_max, value, histogram.above_range());
  }
  look(histogram, model);
  model.sort();
  const std::size_t all = model.values.size();
  for (std::size_t rank = 1; rank <= all; ++rank) {
    const std::uint64_t truth = model.at_rank(rank);
    const std::uint64_t said = histogram.value_at(percentile_of(rank, all));
    if (rank == all) {
      require(said == truth,
              "the last of {} values is {}, which is known exactly, and value_at() "
              "says {}",
              all, truth, said);
    } else if (truth > options.value_max) {
      require(
          said == options.value_max,
          "the value at place {} of {} is above {}, and value_at() says {}: in the topmost place "
          "it says value_max, which it surely is",
          rank, all, options.value_max, said);
    } else {
      require(is_near(said, truth, options.significant_digits) && said <= options.value_max,
              "the value at place {} of {} is {}, the range ends at {}, and value_at() says {}",
              rank, all, truth, options.value_max, said);
    }
  }
}

PERCORE_CHECK("figures", reset_makes_it_as_new, "V1",
              "after reset() nothing is counted, and what comes then is counted as in a new one",
              the_buckets, .seeds = 50, .ring = false) {
  const HistogramOptions options = any_options(run);
  Histogram histogram(options);
  for (unsigned i = 0; i < 20; ++i) histogram.record(any_value(run, UINT64_MAX));
  const std::uint64_t allocations = percore::sim::counts().allocations;
  const std::size_t places_bytes = histogram.memory_bytes();
  histogram.reset();
  if (histogram.memory_bytes() != places_bytes)
    percore::check::fail_with(
        "V3", the_buckets,
        percore::check::say("the places take {} bytes, and {} after reset(): they are taken once, "
                            "by the constructor, and reset() only empties them",
                            places_bytes, histogram.memory_bytes()));
  require(percore::sim::counts().allocations == allocations, "reset() has allocated memory");
  require(histogram.above_range() == 0, "after reset() above_range() says {}",
          histogram.above_range());
  require(histogram.value_at(100) == 0, "after reset() value_at(100) says {}",
          histogram.value_at(100));
  Model model;
  look(histogram, model);
  const std::uint64_t value = any_value(run, options.value_max);
  for (unsigned i = 0; i < 4; ++i) {
    histogram.record(value);
    model.add(value);
  }
  look(histogram, model);
  require(histogram.value_at(1) == value && histogram.value_at(100) == value,
          "after reset() only {} was recorded, and value_at() says {} to {}", value,
          histogram.value_at(1), histogram.value_at(100));
}
