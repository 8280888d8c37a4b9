// 07.4 histogram, step places: what record() costs, in instructions.

#include <percore/check_instructions.hpp>

#include "histogram_support.hpp"

using namespace checks;

PERCORE_CHECK("places", record_takes_few_instructions, "V3",
              "record() does the same few instructions for every value", the_buckets, .seeds = 1,
              .ring = false) {
  // Ours takes 40 for any value, the plain answer 35 to 51.
  constexpr std::uint64_t few = 80, apart = 24;
  Histogram histogram;
  std::uint64_t least = UINT64_MAX, most = 0, dearest = 0;
  for (std::uint64_t value = 1; value < 3'600'000'000'000; value = value * 12 + 7) {
    volatile std::uint64_t recorded = value;  // not known when it is compiled
    const std::uint64_t took = instructions_of([&] { histogram.record(recorded); });
    least = std::min(least, took);
    dearest = took > most ? value : dearest;
    most = std::max(most, took);
  }
  require(most - least <= apart,
          "record() takes {} instructions for one value and {} for {}: a place is found without "
          "looking through the blocks",
          least, most, dearest);
  require(most <= few, "record({}) takes {} instructions, and {} are enough for any value", dearest,
          most, few);
}
