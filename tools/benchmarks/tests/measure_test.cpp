// The arithmetic that all benchmark programs share.
#include <measure.hpp>

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

using bench::percentile;

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
