// A claim, put to the test: "memory for a frame costs less from the frame pool than from malloc".
#include <command_line.hpp>
#include <percore/frame_pool.hpp>
#include <string>

#include <fmt/core.h>

#include "parts/claim_mistakes.hpp"
#include "parts/figures.hpp"
#include "parts/frame_rounds.hpp"
#include "parts/pin_here.hpp"

namespace {

using lesson::Figure;

void show(const char* what, const Figure& figure) {
  fmt::print("{:<34}{}\n", what, lesson::as_text(figure));
}

/// Rounds in turn, A B, B A, A B, ...: whatever drifts meets both. The first ones warm up.
void put_to_the_test(unsigned rounds, bool same) {
  const lesson::Side a = lesson::from_operator_new();
  const lesson::Side b = same ? lesson::from_operator_new() : lesson::from_the_pool();
  const lesson::Pairs pairs = lesson::measure_in_turn(a, b, rounds);
  const Figure gain = lesson::figure_of(pairs.gains());
  fmt::print("{:<34}{:>9}  quartiles\n", "ns a frame, taken and given back", "median");
  show(a.name, lesson::figure_of(pairs.a));
  show(same ? "the same again" : b.name, lesson::figure_of(pairs.b));
  show("gained, round by round", gain);
  // A gain whose quartiles lie on both sides of nothing is none that the data carries.
  const char* const verdict = gain.low > 0    ? "faster"
                              : gain.high < 0 ? "slower"
                                              : "inconclusive: the rounds do not agree on the sign";
  fmt::print("\nThe second is {}.\n", verdict);
}

}  // namespace

int main(int argc, char** argv) {
  percore::lesson::CommandLine line("Puts a claim about the frame pool to the test.", "claim");
  unsigned rounds = 200;
  bool same = false;
  std::string mistake;
  line.number("--rounds", rounds, 10U, 100'000U, "pairs of rounds that count");
  line.flag("--same", same, "the same against itself: what comes out is noise");
  line.sabotage(mistake, {{"one-order", "all rounds of one, then all of the other"},
                          {"removed-work", "the result is not used, so the work is not done"},
                          {"setup-inside", "what prepares the round is timed with it"}});
  if (const auto status = line.parse(argc, argv)) return *status;
  if (lesson::pin_to_first_cpu() < 0)
    fmt::print("(this system does not let a thread be pinned: expect more noise)\n");
  if (mistake == "one-order") {
    lesson::one_order(rounds);
  } else if (mistake == "removed-work") {
    lesson::removed_work();
  } else if (mistake == "setup-inside") {
    lesson::setup_inside(rounds);
  } else {
    put_to_the_test(rounds, same);
  }
}
