#include "histogram_mistakes.hpp"

#include <cstdint>
#include <percore/histogram.hpp>

#include <fmt/core.h>

namespace lesson {
namespace {

using percore::Histogram;

// So many answers between `from` and `to`, evenly.
void record(Histogram& histogram, unsigned answers, std::uint64_t from, std::uint64_t to) {
  for (unsigned i = 0; i < answers; ++i) histogram.record(from + (to - from) * i / answers);
}

}  // namespace

void average_percentiles() {
  Histogram busy, idle;
  record(busy, 90'000, 100, 200);
  record(busy, 9'000, 200, 9'000);
  record(busy, 1'000, 9'000, 50'000);
  record(idle, 1'000, 50, 100);
  const std::uint64_t mean = (busy.value_at(99) + idle.value_at(99)) / 2;
  Histogram both;
  both.merge(busy);
  both.merge(idle);
  fmt::print("two servers: one answered 100,000 times, the other 1,000 times\n\n");
  fmt::print("  p99 of the busy one           {:>7} us\n", busy.value_at(99));
  fmt::print("  p99 of the idle one           {:>7} us\n", idle.value_at(99));
  fmt::print("  the mean of the two           {:>7} us\n", mean);
  fmt::print("  p99 of both, merged           {:>7} us\n\n", both.value_at(99));
  fmt::print(
      "What happened: a percentile is a place in a sorted list, and the mean of two places is a\n"
      "place in neither. Add the counts, then ask. This is invariant V4.\n");
}

void short_range() {
  Histogram small({.value_max = 10'000});
  Histogram large;
  for (Histogram* histogram : {&small, &large}) {
    record(*histogram, 980, 100, 200);
    record(*histogram, 20, 40'000, 60'000);
  }
  fmt::print("a thousand answers, twenty of them between 40,000 and 60,000 us\n\n");
  fmt::print("                                 p50        p99        max   above the range\n");
  for (const auto& [name, histogram] :
       {std::pair{"value_max: the default", &large}, std::pair{"value_max: 10,000", &small}})
    fmt::print("  {:<25}{:>6} us{:>8} us{:>8} us{:>18}\n", name, histogram->value_at(50),
               histogram->value_at(99), histogram->max(), histogram->above_range());
  fmt::print(
      "\nWhat happened: what is above the range is counted in the topmost place, so that its\n"
      "percentiles are lower bounds. Look at above_range() before you quote one. This is "
      "invariant V5.\n");
}

void one_digit() {
  fmt::print("the server got 4.9 % slower: 10,240 us before, 10,740 us now\n\n");
  fmt::print("                         p50 before   p50 now    memory\n");
  for (const unsigned digits : {3U, 1U}) {
    Histogram before({.value_max = 100'000, .significant_digits = digits});
    Histogram after(before.options());
    before.record_many(10'240, 1'000);
    after.record_many(10'740, 1'000);
    for (Histogram* histogram : {&before, &after}) histogram->record(30'000);
    fmt::print("  {} significant digit{}{:>9} us{:>7} us{:>8} B\n", digits, digits == 1 ? " " : "s",
               before.value_at(50), after.value_at(50), before.memory_bytes());
  }
  fmt::print(
      "\nWhat happened: with one digit a place up there is 512 us wide, and both fell into the "
      "same.\nDigits are bought with memory. This is invariant V2.\n");
}

}  // namespace lesson
