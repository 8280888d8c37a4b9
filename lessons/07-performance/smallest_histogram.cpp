// The smallest histogram: a thousand answers of a server, and what one number says of them.
#include <fmt/core.h>

#include <percore/histogram.hpp>

int main() {
  percore::Histogram took_us;                                       // 1 us to 41 days, 3 digits
  for (unsigned i = 0; i < 990; ++i) took_us.record(100 + i % 10);  // nearly all are quick
  for (unsigned i = 0; i < 9; ++i) took_us.record(20'000);          // nine meet a full disk queue
  took_us.record(1'000'000);                                        // one meets the stall

  fmt::print("mean   {:>9.1f} us\n", took_us.mean());
  fmt::print("p50    {:>9} us\n", took_us.value_at(50));
  fmt::print("p99    {:>9} us\n", took_us.value_at(99));
  fmt::print("p99.9  {:>9} us\n", took_us.value_at(99.9));
  fmt::print("max    {:>9} us\n", took_us.max());
  fmt::print("\n{}", took_us.to_text({.unit = "us"}));
}
