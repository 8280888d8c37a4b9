// The arithmetic that all benchmark programs share, and that they warm up. Time is simulated.
#include <file_work.hpp>
#include <measure.hpp>

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

using bench::percentile;

namespace {

std::int64_t now = 1;
std::int64_t simulated() {
  return now;
}

}  // namespace

TEST_CASE("a percentile is the smallest value that so many do not exceed") {
  SUBCASE("of an even number the median is the lower one in the middle") {
    CHECK(percentile({1, 2}, 50) == 1);
    CHECK(percentile({4, 3, 2, 1}, 50) == 2);
    CHECK(percentile({60, 50, 40, 30, 20, 10}, 50) == 30);
  }
  SUBCASE("of an odd number it is the one in the middle") {
    CHECK(percentile({7}, 50) == 7);
    CHECK(percentile({3, 1, 2}, 50) == 2);
    CHECK(percentile({5, 4, 3, 2, 1}, 50) == 3);
  }
  SUBCASE("one more than a quarter needs the next value") {
    CHECK(percentile({1, 2, 3, 4}, 25) == 1);
    CHECK(percentile({1, 2, 3, 4}, 26) == 2);
    CHECK(percentile({1, 2, 3, 4}, 75) == 3);
    CHECK(percentile({1, 2, 3, 4}, 76) == 4);
  }
  SUBCASE("nothing and all") {
    CHECK(percentile({1, 2, 3, 4}, 0) == 1);
    CHECK(percentile({1, 2, 3, 4}, 100) == 4);
  }
  SUBCASE("what is a whole rank on paper stays one") {
    std::vector<double> values;
    for (int i = 1; i <= 1000; ++i) values.push_back(i);
    CHECK(percentile(values, 99) == 990);
    CHECK(percentile(values, 99.9) == 999);
    CHECK(percentile(values, 0.1) == 1);
    CHECK(percentile(values, 55) == 550);
  }
}

TEST_CASE("half of them take at most the median, and half of a hundred the fiftieth") {
  std::vector<double> values;
  for (int i = 100; i >= 1; --i) values.push_back(i);
  CHECK(percentile(values, 50) == 50);
  CHECK(percentile(values, 99) == 99);
}

TEST_CASE("rounds of the first fifty milliseconds are not counted") {
  now = 1;
  bench::RoundTimer timer(10, simulated);
  std::size_t cold = 0;
  while (timer.next()) {
    const bool warm = now > 50'000'000;
    cold += warm ? 0 : 1;
    now += warm ? 2'000'000 : 5'000'000;
  }
  CHECK(cold == 10);
  CHECK(timer.median_ns() == 200'000);
  CHECK(now > 250'000'000);  // 200 ms are measured
}

TEST_CASE("few warm rounds are enough for no figure") {
  now = 1;
  bench::RoundTimer timer(1, simulated);
  std::size_t rounds = 0;
  for (; timer.next(); ++rounds) now += 1'000'000'000;
  CHECK(rounds == 5);
  CHECK(timer.median_ns() == 1e9);
}

TEST_CASE("reads of the first hundred milliseconds are not counted") {
  now = 0;
  bench::Reads reads(simulated);
  while (reads.more()) now += now < 100'000'000 ? 1'000'000 : 50'000;
  CHECK(reads.us_each() == doctest::Approx(50).epsilon(0.02));
}
