#include "death.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <percore/histogram.hpp>
#include <sstream>
#include <string>
#include <vector>

using namespace percore;
using percore::test::death_of;

namespace {

// The sequences of histograms/Reference.java.
std::uint64_t random_of(std::uint64_t index) {
  std::uint64_t z = (index + 1) * 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

enum class Sequence { counting, even, of_every_size, latencies };

Sequence sequence_of(const std::string& name) {
  if (name == "counting") return Sequence::counting;
  if (name == "even") return Sequence::even;
  return name == "of-every-size" ? Sequence::of_every_size : Sequence::latencies;
}

std::uint64_t value_of(Sequence sequence, std::uint64_t index, std::uint64_t value_max) {
  if (sequence == Sequence::counting) return index % (value_max + 1);
  const std::uint64_t drawn = random_of(index) >> 1;
  if (sequence == Sequence::even) return drawn % (value_max + 1);
  if (sequence == Sequence::of_every_size)
    return (drawn >> (random_of(index + 1'000'000'000) >> 58)) % (value_max + 1);
  const std::uint64_t usual = 20'000 + drawn % 5'000;
  if (index % 1000 == 999) return usual * 400;
  return index % 100 == 50 ? usual * 7 : usual;
}

constexpr std::array percentiles{0.1,  1.0,  10.0, 25.0,  50.0,   75.0,
                                 90.0, 99.0, 99.9, 99.99, 99.999, 100.0};

// One line of histograms/reference.txt or reference_c.txt.
struct Reference {
  std::string sequence;
  HistogramOptions options;
  std::uint64_t values = 0, interval = 0, count = 0;
  double mean = 0;
  std::array<std::uint64_t, percentiles.size()> at{};
};

// with_mean: of reference.txt; the C library's mean overflows for large values, so reference_c.txt
// has none.
std::vector<Reference> references(const char* name, bool with_mean) {
  std::ifstream file(std::string(PERCORE_HISTOGRAMS) + "/" + name);
  std::vector<Reference> all;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream words(line);
    Reference one;
    words >> one.sequence >> one.options.significant_digits >> one.options.value_max >> one.values;
    words >> one.interval >> one.count;
    if (with_mean) words >> one.mean;
    for (std::uint64_t& value : one.at) words >> value;
    REQUIRE(!words.fail());
    all.push_back(one);
  }
  return all;
}

std::vector<std::uint64_t> values_of(const Reference& reference) {
  const Sequence sequence = sequence_of(reference.sequence);
  std::vector<std::uint64_t> values(reference.values);
  for (std::uint64_t i = 0; i < reference.values; ++i)
    values[i] = value_of(sequence, i, reference.options.value_max);
  return values;
}

Histogram recorded(const std::vector<std::uint64_t>& values, const Reference& reference) {
  Histogram histogram(reference.options);
  for (const std::uint64_t value : values)
    reference.interval == 0 ? histogram.record(value)
                            : histogram.record_with_interval(value, reference.interval);
  return histogram;
}

double part_of(unsigned significant_digits) {
  return std::pow(10.0, -static_cast<double>(significant_digits));
}

void compare_with_hdrhistogram(const Histogram& histogram, const Reference& reference) {
  CHECK(histogram.count() == reference.count);
  CHECK(histogram.above_range() == 0);
  // Its mean is that of the middles of the places, ours is exact.
  CHECK(std::abs(histogram.mean() - reference.mean) <=
        1 + reference.mean * part_of(reference.options.significant_digits));
  for (std::size_t i = 0; i < percentiles.size(); ++i) {
    CAPTURE(percentiles[i]);
    // It gives the end of the place also where that is beyond the largest value.
    CHECK(histogram.value_at(percentiles[i]) == std::min(reference.at[i], histogram.max()));
  }
}

// V2. `sorted` are the values that were recorded.
void compare_with_truth(const Histogram& histogram, const std::vector<std::uint64_t>& sorted) {
  unsigned __int128 sum = 0;
  for (const std::uint64_t value : sorted) sum += value;
  CHECK(histogram.min() == sorted.front());
  CHECK(histogram.max() == sorted.back());
  CHECK(histogram.mean() == static_cast<double>(sum) / static_cast<double>(sorted.size()));
  for (std::size_t rank = 1; rank <= sorted.size(); rank += 1 + sorted.size() / 100) {
    const double percentile =
        100.0 * static_cast<double>(rank) / static_cast<double>(sorted.size());
    const std::uint64_t truth = sorted[rank - 1], said = histogram.value_at(percentile);
    CAPTURE(percentile);
    CHECK(said >= truth);
    const double error = static_cast<double>(said - truth);
    const double allowed =
        static_cast<double>(truth) * part_of(histogram.options().significant_digits);
    CHECK((said == truth || error < allowed));
  }
}

}  // namespace

TEST_CASE("V2: percentiles are those of HdrHistogram, less than one part in 10^digits too high") {
  const auto all = references("reference.txt", true);
  CHECK(all.size() == 33);
  for (const Reference& reference : all) {
    CAPTURE(reference.sequence);
    CAPTURE(reference.options.significant_digits);
    CAPTURE(reference.options.value_max);
    std::vector<std::uint64_t> values = values_of(reference);
    const Histogram histogram = recorded(values, reference);
    compare_with_hdrhistogram(histogram, reference);
    if (reference.interval != 0) continue;
    if (!std::is_sorted(values.begin(), values.end())) std::sort(values.begin(), values.end());
    compare_with_truth(histogram, values);
  }
}

// It rounds a percentile to the nearest value of the sorted ones where ours and the original take
// the next above: a percentile is then never too low. The places are the same.
TEST_CASE("V2: the C library has the same values, but for how it rounds a percentile to a value") {
  const auto all = references("reference_c.txt", false);
  CHECK(all.size() == 33);
  for (const Reference& reference : all) {
    CAPTURE(reference.sequence);
    CAPTURE(reference.options.significant_digits);
    CAPTURE(reference.options.value_max);
    const Histogram histogram = recorded(values_of(reference), reference);
    REQUIRE(histogram.count() == reference.count);
    const auto count = static_cast<double>(reference.count);
    for (std::size_t i = 0; i < percentiles.size(); ++i) {
      CAPTURE(percentiles[i]);
      const double rank = std::max(1.0, std::floor(percentiles[i] / 100 * count + 0.5));
      // Between two ranks, so that no rounding of the division moves it.
      const double percentile = 100 * (rank - 0.5) / count;
      CHECK(histogram.value_at(percentile) == std::min(reference.at[i], histogram.max()));
    }
  }
}

TEST_CASE("small values have a place each") {
  Histogram histogram({.value_max = 1'000'000, .significant_digits = 2});
  for (std::uint64_t value = 0; value < 256; ++value) histogram.record(value);
  for (std::uint64_t value = 0; value < 256; ++value)
    CHECK(histogram.value_at(100.0 * static_cast<double>(value + 1) / 256) == value);
}

TEST_CASE("V1: an empty histogram, one value, and the same value many times") {
  Histogram histogram;
  CHECK(histogram.count() == 0);
  CHECK(histogram.min() == 0);
  CHECK(histogram.max() == 0);
  CHECK(histogram.mean() == 0);
  CHECK(histogram.value_at(50) == 0);
  CHECK(histogram.to_text() == "0 values\n");
  histogram.record(123'457);
  for (const double percentile : {-1.0, 0.0, 50.0, 100.0, 1e9, std::nan("")})
    CHECK(histogram.value_at(percentile) == 123'457);
  histogram.record_many(7, 0);
  CHECK(histogram.min() == 123'457);
  histogram.record_many(7, 1'000'000'000'000);
  CHECK(histogram.count() == 1'000'000'000'001);
  CHECK(histogram.value_at(99.9999) == 7);
  CHECK(histogram.value_at(100) == 123'457);
  histogram.reset();
  CHECK(histogram.count() == 0);
  CHECK(histogram.value_at(100) == 0);
  histogram.record(0);
  CHECK(histogram.max() == 0);
  CHECK(histogram.value_at(100) == 0);
}

TEST_CASE("V4: merged histograms are the same as one") {
  Histogram whole, parts[3];
  for (std::uint64_t i = 0; i < 30'000; ++i) {
    const std::uint64_t value = value_of(Sequence::of_every_size, i, 10'000'000'000'000);
    whole.record(value);
    parts[i % 3].record(value);
  }
  Histogram merged;
  for (const Histogram& part : parts) merged.merge(part);
  merged.merge(Histogram());
  CHECK(merged.count() == whole.count());
  CHECK(merged.min() == whole.min());
  CHECK(merged.max() == whole.max());
  CHECK(merged.mean() == whole.mean());
  CHECK(whole.above_range() > 0);
  CHECK(merged.above_range() == whole.above_range());
  for (double percentile = 0; percentile <= 100; percentile += 0.05)
    CHECK(merged.value_at(percentile) == whole.value_at(percentile));
  CHECK(merged.to_text() == whole.to_text());
}

TEST_CASE("V5: what is above the range is counted at the top, and said") {
  Histogram histogram({.value_max = 10'000, .significant_digits = 3});
  histogram.record_many(10, 90);
  histogram.record(10'000);
  CHECK(histogram.above_range() == 0);
  histogram.record_many(10'001, 8);
  histogram.record(UINT64_MAX);
  CHECK(histogram.count() == 100);
  CHECK(histogram.above_range() == 9);
  CHECK(histogram.value_at(90) == 10);
  CHECK(histogram.value_at(99) == 10'000);
  CHECK(histogram.value_at(100) == UINT64_MAX);
  CHECK(histogram.max() == UINT64_MAX);
  CHECK(histogram.mean() > 1e17);
  CHECK(histogram.to_text().find("9 of them above 10,000, the end of the range") !=
        std::string::npos);
}

TEST_CASE("the largest values there are have places") {
  Histogram histogram({.value_max = UINT64_MAX, .significant_digits = 5});
  histogram.record(UINT64_MAX);
  histogram.record(UINT64_MAX / 2);
  histogram.record(0);
  CHECK(histogram.above_range() == 0);
  CHECK(histogram.value_at(33) == 0);
  CHECK(histogram.value_at(66) >= UINT64_MAX / 2);
  CHECK(histogram.value_at(66) - UINT64_MAX / 2 < UINT64_MAX / 200'000);
  CHECK(histogram.value_at(100) == UINT64_MAX);
}

TEST_CASE("V3: the memory is a matter of the options alone") {
  Histogram histogram;
  const std::size_t before = histogram.memory_bytes();
  CHECK(before <= 262 * 1024);
  for (std::uint64_t i = 0; i < 10'000; ++i) histogram.record(random_of(i));
  CHECK(histogram.memory_bytes() == before);
  CHECK(Histogram({.significant_digits = 1}).memory_bytes() < 8 * 1024);
}

TEST_CASE("what could not come in time is recorded too") {
  Histogram histogram;
  histogram.record_with_interval(1'000, 250);  // and 750, 500, 250
  CHECK(histogram.count() == 4);
  CHECK(histogram.min() == 250);
  CHECK(histogram.mean() == 625);
  histogram.reset();
  histogram.record_with_interval(999, 250);  // and 749, 499; 249 is below the interval
  CHECK(histogram.count() == 3);
  CHECK(histogram.min() == 499);
  histogram.record_with_interval(10, 250);
  histogram.record_with_interval(1'000'000, 0);
  CHECK(histogram.count() == 5);
}

TEST_CASE("the text has a line and a bar for each percentile that there are values for") {
  Histogram histogram;
  for (std::uint64_t i = 1; i <= 1'000; ++i) histogram.record(i);
  const std::string text = histogram.to_text({.unit = "ns", .columns = 60});
  CHECK(text.starts_with("1,000 values, mean 500.5 ns\n"));
  CHECK(text.find("      p50    500 ns  ███") != std::string::npos);
  CHECK(text.find("p99.9  ") != std::string::npos);
  CHECK(text.find("p99.99") == std::string::npos);  // one value in ten thousand is none of these
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto columns =
        std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) != 0x80; });
    CHECK(columns <= 60);
  }
}

TEST_CASE("mistakes of the programmer end the program") {
  CHECK(
      death_of([] { Histogram({.significant_digits = 0}); }).has_a_sentence("1 to 5 significant"));
  CHECK(
      death_of([] { Histogram({.significant_digits = 6}); }).has_a_sentence("1 to 5 significant"));
  CHECK(death_of([] { Histogram({.value_max = 1'999}); }).has_a_sentence("value_max is at least"));
  Histogram({.value_max = 2'000});
  CHECK(death_of([] {
          Histogram one, other({.significant_digits = 2});
          one.merge(other);
        }).has_a_sentence("have the same options"));
  CHECK(
      death_of([] { Histogram().to_text({.columns = 10}); }).has_a_sentence("at least 50 columns"));
}
