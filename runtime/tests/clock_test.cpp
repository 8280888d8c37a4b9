#include <doctest/doctest.h>

#include <percore/clock.hpp>

using percore::Time;

TEST_CASE("time never goes back") {
  Time before = percore::now();
  for (int i = 0; i < 1000; ++i) {
    percore::cpu_relax();
    const Time after = percore::now();
    CHECK(after >= before);
    before = after;
  }
}

TEST_CASE("spans add and subtract, and never is later than all") {
  const Time start{1'000};
  CHECK((start + Time{500}).nanoseconds == 1'500);
  CHECK((start - Time{1'500}).nanoseconds == -500);
  CHECK(start < Time::never());
  CHECK(percore::now() < Time::never());
}
