#include <count_instructions.hpp>

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <signal.h>
#include <unistd.h>

using percore::observe::count_instructions;

namespace {

// Exactly two instructions a round.
void loop(std::uint64_t rounds) {
#if defined(__x86_64__)
  asm volatile("1: dec %0\n jnz 1b" : "+r"(rounds) : : "cc");
#elif defined(__aarch64__)
  asm volatile("1: sub %0, %0, #1\n cbnz %0, 1b" : "+r"(rounds));
#endif
}

// Where ptrace is blocked, as in some containers, nothing can be counted and nothing can be tested.
bool tracing_works() {
  const auto count = count_instructions([] {}, [] {});
  if (!count.counted()) MESSAGE(count.problem);
  return count.counted();
}

}  // namespace

TEST_CASE("a loop of known length is counted exactly") {
  if (!tracing_works()) return;
  const auto shorter = count_instructions([] {}, [] { loop(100); });
  const auto longer = count_instructions([] {}, [] { loop(600); });
  REQUIRE(shorter.counted());
  REQUIRE(longer.counted());
  CHECK(longer.instructions - shorter.instructions == 1'000);
}

TEST_CASE("counting twice gives the same") {
  if (!tracing_works()) return;
  const auto work = [] { loop(321); };
  CHECK(count_instructions([] {}, work).instructions ==
        count_instructions([] {}, work).instructions);
}

// The first call of a function of a library also looks it up, so the preparation makes one.
TEST_CASE("what prepares is not counted, and a system call is one instruction or little more") {
  if (!tracing_works()) return;
  const auto without = count_instructions([] { loop(1'000); }, [] { loop(1); });
  CHECK(without.instructions < 100);
  const auto with = count_instructions([] { static_cast<void>(getppid()); },
                                       [] { static_cast<void>(getppid()); });
  CHECK(with.instructions < 100);
}

TEST_CASE("work that ends the child is told apart from work that was counted") {
  if (!tracing_works()) return;
  const auto left = count_instructions([] {}, [] { _exit(7); });
  CHECK(left.problem == "the traced child ended with status 7 before the work was done");
  const auto threw = count_instructions([] {}, [] { throw 1; });
  CHECK(threw.problem == "the work to count threw an exception");
  const auto crashed = count_instructions([] {}, [] { raise(SIGKILL); });
  CHECK(crashed.problem == "the traced child was ended by Killed");
}

TEST_CASE("phases are told apart, and nothing is counted twice") {
  if (!tracing_works()) return;
  percore::observe::SharedPhase phase;
  const auto work = [&](std::uint64_t first, std::uint64_t second) {
    return percore::observe::count_by_phase([] {},
                                            [&] {
                                              phase.set(1);
                                              loop(first);
                                              phase.set(2);
                                              loop(second);
                                              phase.set(0);
                                            },
                                            phase);
  };
  const auto shorter = work(100, 50);
  const auto longer = work(600, 350);
  REQUIRE(shorter.counted());
  REQUIRE(longer.counted());
  CHECK(longer.instructions[1] - shorter.instructions[1] == 1'000);
  CHECK(longer.instructions[2] - shorter.instructions[2] == 600);
  CHECK(longer.instructions[0] == shorter.instructions[0]);
  CHECK(longer.instructions[3] == 0);
}
