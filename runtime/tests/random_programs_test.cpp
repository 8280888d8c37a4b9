// Ring, task, executor and io under many seeds: random programs, held against a model, on a kernel
// as rough as each seed has it. PERCORE_SEEDS sets how many; tools/soak runs the same programs for
// as long as one likes.
#include <doctest/doctest.h>

#include <cstdlib>
#include <string_view>

#include "random/program.hpp"
#include "seeds.hpp"

using namespace percore::test;

namespace {

void over_seeds(std::string_view name) {
  for (const RandomProgram& program : random_programs) {
    if (program.name != name) continue;
    for (std::uint64_t seed = 0; seed != seeds(1'000); ++seed) {
      CAPTURE(seed);
      run_random_program(program, seed);  // ends the process where a promise is broken
    }
    return;
  }
  FAIL("there is no random program of this name");
}

}  // namespace

TEST_CASE("random programs on a ring: each operation completes once, with what it was to do") {
  over_seeds("ring");
}

TEST_CASE("random trees of tasks come to what was computed beforehand, and free every frame") {
  over_seeds("task");
}

TEST_CASE("random programs on an executor: every task ends once, and in the order of its queue") {
  over_seeds("executor");
}

TEST_CASE("random programs of reads and writes: every byte where it belongs") {
  over_seeds("io");
}

TEST_CASE("random programs on several threads: every message once, whichever thread runs when") {
  over_seeds("threads");
}
