// Shrinking against a runner that knows what it takes to fail.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <ostream>
#include <shrink.hpp>

using namespace percore::tutor;

namespace {

using Numbers = std::vector<std::uint64_t>;

// A program that draws `sizes` and up to `faults` faults, and fails when `needs` says so.
struct Program {
  std::vector<std::uint32_t> sizes = {};
  std::uint64_t faults = 0, switches = 0;
  std::function<bool(const Tried&)> needs;
  unsigned cost = 1;

  unsigned tries = 0;
  std::vector<SmallCase> failed = {};

  Tried run(const SmallCase& small) {
    ++tries;
    Tried out;
    out.cost = cost;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      std::uint32_t size = sizes[i];
      if (!small.size_limits.empty())
        size = std::min(size, small.size_limits[std::min(i, small.size_limits.size() - 1)]);
      out.sizes.push_back(size);
    }
    const auto happen = [](std::uint64_t all, const std::optional<Numbers>& only) {
      Numbers numbers(all);
      std::iota(numbers.begin(), numbers.end(), 1);
      if (only) std::erase_if(numbers, [&](auto one) { return !std::ranges::count(*only, one); });
      return numbers;
    };
    out.faults = happen(faults, small.faults);
    out.switches = happen(switches, small.switches);
    out.fails = needs(out);
    if (out.fails) failed.push_back(small);
    return out;
  }

  SmallCase shrunk(unsigned budget = 60) {
    const Tried whole = run({});
    REQUIRE(whole.fails);
    tries = 0;
    const SmallCase small =
        shrink(whole, [this](const SmallCase& one) { return run(one); }, budget);
    REQUIRE(std::ranges::count(failed, small) > 0);  // only what was seen to fail is given out
    return small;
  }
};

bool has(const Numbers& numbers, std::initializer_list<std::uint64_t> wanted) {
  return std::ranges::all_of(wanted,
                             [&](auto one) { return std::ranges::count(numbers, one) > 0; });
}

}  // namespace

TEST_CASE("what fails without any operation or fault is reduced to nothing") {
  Program program{.sizes = {30}, .faults = 20, .needs = [](const Tried&) { return true; }};
  const SmallCase small = program.shrunk();
  CHECK(small.size_limits == std::vector<std::uint32_t>{0});
  CHECK(small.faults == Numbers{});
  CHECK(program.tries <= 3);
}

TEST_CASE("the exact size is found, whatever it is") {
  for (std::uint32_t needed = 0; needed <= 50; ++needed) {
    CAPTURE(needed);
    Program program{.sizes = {50},
                    .needs = [&](const Tried& run) { return run.sizes[0] >= needed; }};
    const SmallCase small = program.shrunk();
    CHECK((small.size_limits.empty() ? 50 : small.size_limits[0]) == needed);
    CHECK(program.tries <= 14);
  }
}

TEST_CASE("each of several sizes is made smaller on its own") {
  Program program{.sizes = {40, 17, 9},
                  .needs = [](const Tried& run) { return run.sizes[1] >= 5; }};
  CHECK(program.shrunk().size_limits == std::vector<std::uint32_t>{0, 5, 0});
}

TEST_CASE("two faults of many, wherever they lie") {
  for (std::uint64_t first = 1; first < 20; ++first)
    for (std::uint64_t second = first + 1; second <= 20; ++second) {
      CAPTURE(first);
      CAPTURE(second);
      Program program{.faults = 20,
                      .needs = [&](const Tried& run) { return has(run.faults, {first, second}); }};
      CHECK(program.shrunk().faults == Numbers{first, second});
      CHECK(program.tries <= 60);
    }
}

TEST_CASE("three context switches that must come together, and a fault") {
  Program program{.faults = 8, .switches = 40, .needs = [](const Tried& run) {
                    return has(run.switches, {3, 21, 40}) && has(run.faults, {6});
                  }};
  const SmallCase small = program.shrunk(200);
  CHECK(small.faults == Numbers{6});
  CHECK(small.switches == Numbers{3, 21, 40});
}

TEST_CASE("operations that only made up for a fault go with it") {
  Program program{.sizes = {40}, .faults = 10, .needs = [](const Tried& run) {
                    return run.sizes[0] >= (run.faults.size() > 1 ? 12U : 2U);
                  }};
  const SmallCase small = program.shrunk();
  CHECK(small.size_limits == std::vector<std::uint32_t>{2});
  CHECK(small.faults == Numbers{});
}

TEST_CASE("a fault that keeps the failure away is left out") {
  Program program{.faults = 12, .needs = [](const Tried& run) {
                    return has(run.faults, {4}) && (!has(run.faults, {5}) || has(run.faults, {11}));
                  }};
  CHECK(program.shrunk().faults == Numbers{4});
}

TEST_CASE("the budget holds, and its end is no worse than what was found") {
  Program program{.sizes = {1000}, .faults = 60, .needs = [](const Tried& run) {
                    return run.sizes[0] >= 700 && has(run.faults, {7, 23, 31, 48, 59});
                  }};
  program.cost = 12;  // as a hang's
  program.shrunk(60);
  CHECK(program.tries <= 5);
}

TEST_CASE("as words of a command line") {
  CHECK(to_words({}).empty());
  const SmallCase small{.size_limits = {0, 3}, .faults = Numbers{}, .switches = Numbers{2, 9}};
  CHECK(to_words(small) == std::vector<std::string>{"--size-limits", "0,3", "--only-faults", "none",
                                                    "--only-switches", "2,9"});
}
