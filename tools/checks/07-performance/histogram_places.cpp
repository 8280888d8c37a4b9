// 07.4 histogram, step places: from a value to its place and back, and the percentiles.

#include <cstdio>
#include <limits>
#include <percore/sim.hpp>

#include "01-hello-world/assertions.hpp"
#include "histogram_support.hpp"

using namespace checks;

namespace {

// One histogram for many questions: to ask anew costs its memory, which for five digits is much.
class Asked {
 public:
  explicit Asked(HistogramOptions options) : options_(options) {}

  /// The end of the place that counts `value`: beside one that is larger, it is the median.
  std::uint64_t end_of_place(std::uint64_t value) const {
    Histogram histogram(options_);
    histogram.record(value);
    histogram.record(options_.value_max);
    return histogram.value_at(50);
  }

 private:
  HistogramOptions options_;
};

void look_at_place(const Asked& asked, std::uint64_t value, const HistogramOptions& options) {
  const std::uint64_t end = asked.end_of_place(value);
  require(end >= value, "{} was recorded, and value_at() says {}: a percentile is never below",
          value, end);
  require(is_near(end, value, options.significant_digits),
          "{} was recorded, and value_at() says {}: that is more than one part in {} above it",
          value, end, ten_to(options.significant_digits));
  const std::uint64_t end_of_end = asked.end_of_place(end);
  require(end_of_end == end,
          "{} and {} are counted in one place, the end of which value_at() gives as {} for the "
          "first and as {} for the second",
          value, end, end, end_of_end);
  if (end >= options.value_max) return;
  const std::uint64_t next = asked.end_of_place(end + 1);
  require(next > end, "{} was recorded, and value_at() says {}: a percentile is never below",
          end + 1, next);
}

// The sequences of runtime/tests/histograms/Reference.java.
std::uint64_t random_of(std::uint64_t index) {
  std::uint64_t z = (index + 1) * 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}
std::uint64_t value_of(const std::string& sequence, std::uint64_t index, std::uint64_t value_max) {
  const std::uint64_t drawn = random_of(index) >> 1;
  if (sequence == "counting") return index % (value_max + 1);
  if (sequence == "even") return drawn % (value_max + 1);
  if (sequence == "of-every-size")
    return (drawn >> (random_of(index + 1'000'000'000) >> 58)) % (value_max + 1);
  const std::uint64_t usual = 20'000 + drawn % 5'000;
  if (index % 1000 == 999) return usual * 400;
  return index % 100 == 50 ? usual * 7 : usual;
}

// What HdrHistogram itself said of a sequence; the first columns of a line of reference.txt.
struct Reference {
  std::string sequence;
  HistogramOptions options;
  std::uint64_t values = 0;
  std::vector<std::uint64_t> at;  // by `percentiles`
};
constexpr double percentiles[] = {0.1, 1, 10, 25, 50, 75, 90, 99, 99.9, 99.99, 99.999, 100};

// Those without made-up values, and with so few that a save's verdict need not wait for them.
std::vector<Reference> references() {
  std::string path = __FILE__;
  path.resize(path.rfind("tools/checks/"));
  path += "runtime/tests/histograms/reference.txt";
  std::vector<Reference> all;
  std::FILE* const file = std::fopen(path.c_str(), "r");
  require(file != nullptr, "{} is missing in the repository", path);
  char line[1024];
  while (std::fgets(line, sizeof line, file) != nullptr) {
    Reference one;
    char sequence[32] = {};
    unsigned long interval = 0;
    int at = 0;
    if (std::sscanf(line, "%31s %u %lu %lu %lu %*u %*f%n", sequence,
                    &one.options.significant_digits, &one.options.value_max, &one.values, &interval,
                    &at) != 5)
      continue;  // a remark
    one.sequence = sequence;
    int more = 0;
    for (unsigned long value = 0; std::sscanf(line + at, "%lu%n", &value, &more) == 1; at += more)
      one.at.push_back(value);
    if (interval == 0 && one.values <= 100'000) all.push_back(std::move(one));
  }
  std::fclose(file);
  return all;
}

void compare_with(const Reference& reference) {
  Histogram histogram(reference.options);
  std::uint64_t largest = 0;
  for (std::uint64_t i = 0; i < reference.values; ++i) {
    const std::uint64_t value = value_of(reference.sequence, i, reference.options.value_max);
    largest = std::max(largest, value);
    histogram.record(value);
  }
  require(histogram.count() == reference.values, "{} values were recorded, and count() says {}",
          reference.values, histogram.count());
  for (std::size_t i = 0; i < std::size(percentiles); ++i) {
    // It gives the end of the place also where that is beyond the largest value.
    const std::uint64_t expected = std::min(reference.at[i], largest);
    const std::uint64_t said = histogram.value_at(percentiles[i]);
    require(said == expected,
            "{} values \"{}\" with {} digits: value_at({}) says {}, and HdrHistogram said {}",
            reference.values, reference.sequence, reference.options.significant_digits,
            percentiles[i], said, expected);
  }
}

}  // namespace

PERCORE_CHECK("places", small_values_have_a_place_each, "V2",
              "values below twice 10^digits have a place each", the_buckets, .seeds = 1,
              .ring = false) {
  for (unsigned digits = 1; digits <= 3; ++digits) {
    const std::uint64_t small = 2 * ten_to(digits);
    Histogram histogram({.value_max = 4 * small, .significant_digits = digits});
    for (std::uint64_t value = 0; value < small; ++value) histogram.record(value);
    require(histogram.count() == small, "{} values were recorded, and count() says {}", small,
            histogram.count());
    for (std::uint64_t value = 0; value < small; ++value) {
      const std::uint64_t said = histogram.value_at(percentile_of(value + 1, small));
      require(
          said == value,
          "with {} digits, of the values 0 to {} the one at place {} is {}, and value_at() says "
          "{}",
          digits, small - 1, value + 1, value, said);
    }
  }
}

PERCORE_CHECK("places", a_place_is_a_share_of_its_values, "V2",
              "a percentile is above the true one by less than one part in 10^digits, and never "
              "below",
              the_buckets, .ring = false) {
  HistogramOptions options = any_options(run, 2);
  const Asked asked(options);
  if (run.seed() == 0) {
    // Every power of two, and what stands beside it.
    options = {.value_max = UINT64_MAX, .significant_digits = 2};
    const Asked all(options);
    for (unsigned bit = 0; bit < 64; ++bit)
      for (const int beside : {-1, 0, 1})
        look_at_place(all, (std::uint64_t{1} << bit) + static_cast<std::uint64_t>(beside), options);
    return;
  }
  for (unsigned i = 0; i < 10; ++i)
    look_at_place(asked, any_value(run, options.value_max), options);
}

PERCORE_CHECK("places", four_and_five_digits, "V2",
              "a percentile is above the true one by less than one part in 10^digits, and never "
              "below",
              the_buckets, .seeds = 8, .ring = false) {
  const auto digits = static_cast<unsigned>(4 + run.random(2));
  const HistogramOptions options{.value_max = 2 * ten_to(digits) + run.random(10'000'000),
                                 .significant_digits = digits};
  const Asked asked(options);
  for (unsigned i = 0; i < 3; ++i) look_at_place(asked, 1 + run.random(options.value_max), options);
}

PERCORE_CHECK("places", a_percentile_is_the_value_at_its_rank, "V2",
              "a percentile is the value at place ceil(percentile / 100 * count) of all, sorted",
              the_ranks, .ring = false) {
  const HistogramOptions options = any_options(run);
  Histogram histogram(options);
  Model model;
  const unsigned count = run.size(1, 60);
  for (unsigned i = 0; i < count; ++i) {
    const std::uint64_t value = any_value(run, options.value_max);
    model.add(value);
    histogram.record(value);
  }
  model.sort();
  require(histogram.max() == model.values.back(), "the largest value was {}, and max() says {}",
          model.values.back(), histogram.max());
  const auto look = [&](double percentile, std::size_t rank) {
    const std::uint64_t truth = model.at_rank(rank);
    const std::uint64_t said = histogram.value_at(percentile);
    require(is_near(said, truth, options.significant_digits) && said <= model.values.back(),
            "of {} values the one at place {} is {}, the largest is {}, and value_at({}) says {}",
            count, rank, truth, model.values.back(), percentile, said);
  };
  for (std::size_t rank = 1; rank <= count; ++rank) look(percentile_of(rank, count), rank);
  for (const double percentile : {-1.0, 0.0, -std::numeric_limits<double>::infinity()})
    look(percentile, 1);
  for (const double percentile : {100.0, 100.5, 1e300, std::numeric_limits<double>::infinity()})
    look(percentile, count);
  if (count % 4 == 0) look(25, count / 4);
  if (count % 2 == 0) look(50, count / 2);
}

PERCORE_CHECK("places", the_percentile_that_has_no_double, "V2",
              "that a double holds a little more than 99.9 does not count", the_ranks, .seeds = 1,
              .ring = false) {
  Histogram histogram({.value_max = 100'000, .significant_digits = 5 - 1});
  for (std::uint64_t value = 1; value <= 1000; ++value) histogram.record(value);
  for (std::uint64_t tenths = 1000; tenths != 0; --tenths) {
    const double percentile = static_cast<double>(tenths) / 10;
    const std::uint64_t said = histogram.value_at(percentile);
    require(said == tenths, "of the values 1 to 1000, value_at({}) is {}, and it says {}",
            percentile, tenths, said);
  }
  for (const double percentile : {-5.0, 0.0, 0.01}) {
    const std::uint64_t said = histogram.value_at(percentile);
    require(said == 1, "of the values 1 to 1000, value_at({}) is the first one, 1, and it says {}",
            percentile, said);
  }
}

PERCORE_CHECK("places", the_places_of_hdrhistogram, "V2",
              "percentiles are those that the first HdrHistogram gives", the_buckets, .seeds = 1,
              .ring = false) {
  const std::vector<Reference> all = references();
  require(all.size() >= 10, "the reference has {} lines: something is missing in the repository",
          all.size());
  for (const Reference& reference : all)
    if (reference.options.significant_digits <= 3) compare_with(reference);
}

PERCORE_CHECK("places", each_value_is_counted_once, "V1",
              "each recorded value is counted once: count() is the sum of all places", the_buckets,
              .ring = false) {
  const HistogramOptions options = any_options(run);
  Histogram histogram(options);
  std::uint64_t count = 0;
  const unsigned times_max = run.size(1, 40);
  for (unsigned i = 0; i < times_max; ++i) {
    run.operation(i);
    const std::uint64_t times = run.chance(20) ? 0 : 1 + run.random(run.chance(10) ? 1U << 31 : 5);
    const std::uint64_t value = times == 0 ? options.value_max : any_value(run, options.value_max);
    histogram.record_many(value, times);
    count += times;
    require(histogram.count() == count, "{} came {} times, and count() says {} where {} is the sum",
            value, times, histogram.count(), count);
  }
  // 0 times is nothing at all, also for the largest.
  Histogram none(options);
  none.record_many(options.value_max, 0);
  require(none.max() == 0 && none.count() == 0 && none.value_at(100) == 0,
          "a value came 0 times, and now count() says {} and max() {}", none.count(), none.max());
  // The one that is last of so many is told apart from all the others.
  Histogram many(options);
  many.record_many(1, 1'000'000'000'000);
  many.record(options.value_max);
  require(many.value_at(99.9999) == 1 && many.value_at(100) == options.value_max,
          "1 came 10^12 times and {} once, and value_at(99.9999) says {}, value_at(100) {}",
          options.value_max, many.value_at(99.9999), many.value_at(100));
}

PERCORE_CHECK("places", memory_is_taken_once, "V3",
              "all memory is taken by the constructor, and record() allocates nothing", the_buckets,
              .seeds = 50, .ring = false) {
  const HistogramOptions options = any_options(run, 4);
  const std::uint64_t before = percore::sim::counts().allocations;
  Histogram histogram(options);
  const std::uint64_t made = percore::sim::counts().allocations;
  require(made > before, "a histogram was made, and it has taken no memory");
  const std::size_t bytes = histogram.memory_bytes();
  for (unsigned i = 0; i < 100; ++i) histogram.record(any_value(run, UINT64_MAX));
  require(percore::sim::counts().allocations == made,
          "100 values were recorded with {} allocations",
          percore::sim::counts().allocations - made);
  require(histogram.memory_bytes() == bytes,
          "memory_bytes() was {}, and is {} now that 100 values are recorded", bytes,
          histogram.memory_bytes());
  // A block for each bit that value_max has more than 10^digits, and what comes before the first.
  const auto bits = static_cast<unsigned>(std::bit_width(ten_to(options.significant_digits) - 1));
  const std::size_t blocks = std::bit_width(options.value_max) - bits + 1;
  const std::size_t bytes_max = (blocks << bits) * sizeof(std::uint64_t);
  require(bytes >= 2 * ten_to(options.significant_digits) * sizeof(std::uint64_t),
          "the values below {} have a place of 8 bytes each, and memory_bytes() says {}",
          2 * ten_to(options.significant_digits), bytes);
  require(bytes <= bytes_max,
          "{} digits up to {} need {} blocks of {} places, {} bytes, and memory_bytes() says {}",
          options.significant_digits, options.value_max, blocks, 1U << bits, bytes_max, bytes);
}

PERCORE_CHECK("places", options_that_cannot_be, "V3",
              "digits that are not 1 to 5, and too small a value_max, end the program", the_buckets,
              .seeds = 1, .ring = false) {
  for (const unsigned digits : {0U, 6U, 20U})
    require(ends_the_program([&] { Histogram({.significant_digits = digits}); }),
            "a histogram was made with {} significant digits, and nothing said so", digits);
  for (unsigned digits = 1; digits <= 5; ++digits) {
    const std::uint64_t least = 2 * ten_to(digits);
    require(ends_the_program(
                [&] { Histogram({.value_max = least - 1, .significant_digits = digits}); }),
            "a histogram of {} digits was made for values up to {}, and nothing said so", digits,
            least - 1);
    require(
        !ends_the_program([&] { Histogram({.value_max = least, .significant_digits = digits}); }),
        "a histogram of {} digits for values up to {} is allowed, and it ended the program", digits,
        least);
  }
}
