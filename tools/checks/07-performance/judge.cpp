// 07.2 judge: the learner's experiment on a simulated machine, of which the truth is known.

#include <percore/check.hpp>

#include <algorithm>
#include <string>
#include <vector>

// As in the learner's file.
class Experiment {
 public:
  virtual ~Experiment() = default;
  virtual double ns_of_a() = 0;
  virtual double ns_of_b() = 0;
  virtual unsigned runs_left() const = 0;
  static constexpr unsigned warm_up_runs = 50;
};
enum class Verdict { faster, slower, inconclusive };
Verdict judge(Experiment& experiment);

using percore::check::fail;
using percore::check::require;
using percore::check::Run;

namespace {

constexpr const char* in_turn = "Lesson 07, *In turn*";
constexpr const char* warm = "Lesson 07, *Warm*";
constexpr const char* what_data_carries = "Lesson 07, *What the data carries*";
constexpr const char* percentiles = "Lesson 07, *Percentiles*";

constexpr unsigned runs_lent = 300;

/// What is true of the two, and of the machine. All are shares of a run's time.
struct Truth {
  double gain = 0;                 // by how much B is faster; below 0: slower
  double noise = 0.01;             // the standard deviation of a run
  double drift = 0;                // by how much the last run is slower than the first
  double every_second = 0;         // by how much every second run of the machine is slower
  unsigned turn_changes_at = 0;    // from that run on it is the other ones; 0: never
  unsigned turn_changes_each = 0;  // so many runs, again and again; 0: never
  double cold_a = 0;  // by how much the first run is; the last one that is cold, half of it
  double cold_b = 0;
  unsigned disturbed_percent = 0;  // of the runs, which then take `disturbed` times as long
  double disturbed = 0;
  unsigned agreeing = 0;           // so many of each 100 runs of B in a row agree on `gain`; 0: all
  unsigned disagreeing_first = 0;  // so many of B's first warm runs say the opposite
};

class Machine final : public Experiment {
 public:
  Machine(Run& run, const Truth& truth) : run_(run), truth_(truth) {}

  double ns_of_a() override { return one_run(false, runs_of_a_, truth_.cold_a, 0); }
  double ns_of_b() override { return one_run(true, runs_of_b_, truth_.cold_b, gain_of_this_b()); }
  unsigned runs_left() const override { return runs_lent - static_cast<unsigned>(was_b_.size()); }

  /// How the learner ran the two, for a verdict that is wrong.
  std::string how() const {
    const unsigned fewer = std::min(runs_of_a_, runs_of_b_);
    if (fewer == 0) return "one of the two was never run";
    if (std::ranges::is_sorted(was_b_)) return "all runs of A came before those of B";
    if (std::ranges::is_sorted(was_b_, std::greater{}))
      return "all runs of B came before those of A";
    unsigned changes = 0;
    for (std::size_t i = 1; i < was_b_.size(); ++i) changes += was_b_[i] != was_b_[i - 1] ? 1 : 0;
    if (changes + 1 == was_b_.size())
      return was_b_.front() ? "B came before A in every pair" : "A came before B in every pair";
    const std::string unused =
        runs_left() < 2
            ? ""
            : percore::check::say(". {} of {} runs were left unused", runs_left(), runs_lent);
    if (fewer < Experiment::warm_up_runs + 40)
      return percore::check::say("one of the two was run {} times, {} of them warm{}", fewer,
                                 fewer - std::min(fewer, Experiment::warm_up_runs), unused);
    return percore::check::say("A was run {} times and B {}, in {} blocks of one or the other{}",
                               runs_of_a_, runs_of_b_, changes + 1, unused);
  }

  /// The runs made when both were warm, and how often it was another one than the run before.
  std::size_t warm_runs() const { return warm_runs_; }
  std::size_t warm_blocks() const { return warm_blocks_; }

 private:
  double one_run(bool is_b, unsigned& runs, double cold, double gain) {
    require(runs_left() != 0,
            "the machine is lent for {} runs, and one more was made: ask "
            "runs_left() before each",
            runs_lent);
    const double of_all = static_cast<double>(was_b_.size()) / runs_lent;
    double took = (1 - gain) * (1 + truth_.noise * normal()) * (1 + truth_.drift * of_all);
    const bool turn_changed =
        (truth_.turn_changes_at != 0 && was_b_.size() >= truth_.turn_changes_at) ||
        (truth_.turn_changes_each != 0 && was_b_.size() / truth_.turn_changes_each % 2 == 1);
    if ((was_b_.size() % 2 == 0) != turn_changed) took *= 1 + truth_.every_second;
    if (runs < warm_up_runs) took *= 1 + cold * (1 - 0.5 * runs / warm_up_runs);
    if (run_.chance(truth_.disturbed_percent)) took *= truth_.disturbed;
    if (std::min(runs_of_a_, runs_of_b_) >= warm_up_runs) {
      ++warm_runs_;
      if (was_b_.back() != is_b || warm_runs_ == 1) ++warm_blocks_;
    }
    ++runs;
    was_b_.push_back(is_b);
    run_.operation(was_b_.size());
    return 1'000 * took;
  }

  /// Where not all runs agree, each hundred of B in a row has the same hundred gains, evenly spread
  /// about `gain`, so that no chance decides how many agree.
  double gain_of_this_b() const {
    const unsigned warm = runs_of_b_ - std::min(runs_of_b_, warm_up_runs);
    if (runs_of_b_ >= warm_up_runs && warm < truth_.disagreeing_first) return -truth_.gain;
    if (truth_.agreeing == 0) return truth_.gain;
    constexpr unsigned step = 37;  // has no divisor in common with 100: none comes twice
    const double place = (runs_of_b_ * step) % 100 + 0.5;  // 0.5 to 99.5, the median at 50
    const double disagreeing = 100 - truth_.agreeing;
    return truth_.gain * (place - disagreeing) / (50 - disagreeing);
  }

  double normal() {  // nearly: the sum of twelve draws between 0 and 1 has the deviation 1
    double sum = -6;
    for (unsigned i = 0; i < 12; ++i) sum += static_cast<double>(run_.random(1'000'001)) / 1e6;
    return sum;
  }

  Run& run_;
  Truth truth_;
  unsigned runs_of_a_ = 0;
  unsigned runs_of_b_ = 0;
  std::vector<bool> was_b_;
  std::size_t warm_runs_ = 0;
  std::size_t warm_blocks_ = 0;
};

const char* name_of(Verdict verdict) {
  return verdict == Verdict::faster   ? "faster"
         : verdict == Verdict::slower ? "slower"
                                      : "inconclusive";
}

/// A gain, or a loss, of so many per cent.
double some_gain(Run& run) {
  const double gain = 0.08 + 0.01 * static_cast<double>(run.random(20));
  return run.chance(50) ? gain : -gain;
}

/// Tells `what_the_machine_did` where the learner's verdict is not what the truth says.
void expect_verdict(Run& run, const Truth& truth, Verdict right,
                    const std::string& what_the_machine_did) {
  Machine machine(run, truth);
  const Verdict verdict = judge(machine);
  if (verdict == right) return;
  const std::string truth_in_words =
      truth.gain == 0
          ? std::string("B takes as long as A")
          : percore::check::say("B takes {:.0f} % {} time than A", 100 * std::abs(truth.gain),
                                truth.gain > 0 ? "less" : "more");
  fail("{}, {}, and the verdict is \"{}\": {}", truth_in_words, what_the_machine_did,
       name_of(verdict), machine.how());
}

Verdict verdict_of(double gain) {
  return gain > 0 ? Verdict::faster : Verdict::slower;
}

}  // namespace

PERCORE_CHECK("", a_gain_is_told, "G6", "a difference that is larger than the spread is one",
              what_data_carries, .ring = false) {
  const Truth truth{.gain = some_gain(run)};
  expect_verdict(run, truth, verdict_of(truth.gain), "runs vary by 1 %");
}

PERCORE_CHECK("", noise_is_told_as_noise, "G6", "what the pairs do not agree on is inconclusive",
              what_data_carries, .ring = false) {
  const Truth truth{.noise = 0.02 + 0.01 * static_cast<double>(run.random(9))};
  expect_verdict(run, truth, Verdict::inconclusive,
                 percore::check::say("runs vary by {:.0f} %", 100 * truth.noise));
}

PERCORE_CHECK("", a_gain_below_the_noise, "G6", "a gain that the noise hides is not carried",
              what_data_carries, .ring = false) {
  const Truth truth{.gain = run.chance(50) ? 0.01 : -0.01, .noise = 0.1};
  expect_verdict(run, truth, Verdict::inconclusive,
                 "runs vary by 10 %, so that far fewer than "
                 "three quarters of the pairs agree");
}

PERCORE_CHECK("", a_small_gain_that_is_steady, "G6", "how large a gain is does not decide",
              what_data_carries, .ring = false) {
  const Truth truth{.gain = run.chance(50) ? 0.02 : -0.02, .noise = 0.003};
  expect_verdict(run, truth, verdict_of(truth.gain),
                 "runs vary by 0.3 %, so that all pairs agree on it");
}

PERCORE_CHECK("", more_than_three_quarters_agree, "G6", "three quarters of the pairs are enough",
              what_data_carries, .ring = false) {
  const Truth truth{.gain = run.chance(50) ? 0.15 : -0.15, .noise = 0.0005, .agreeing = 78};
  expect_verdict(run, truth, verdict_of(truth.gain),
                 "as a rule: 78 of 100 pairs agree on that, which are more than three quarters");
}

PERCORE_CHECK("", fewer_than_three_quarters_agree, "G6",
              "fewer than three quarters of the pairs are not enough", what_data_carries,
              .ring = false) {
  const Truth truth{.gain = run.chance(50) ? 0.15 : -0.15, .noise = 0.0005, .agreeing = 70};
  expect_verdict(run, truth, Verdict::inconclusive,
                 "as a rule: 70 of 100 pairs agree on that, which are fewer than three quarters");
}

PERCORE_CHECK("", three_quarters_agree, "G6",
              "three quarters of the pairs are at least three quarters", what_data_carries,
              .ring = false) {
  // Who leaves out more than the first 50 of each leaves out pairs that disagree.
  const Truth truth{.gain = run.chance(50) ? 0.15 : -0.15, .disagreeing_first = 25};
  Machine machine(run, truth);
  const Verdict verdict = judge(machine);
  const bool all_used = machine.warm_runs() == 200 && machine.runs_left() == 0;
  require(!all_used || verdict == verdict_of(truth.gain),
          "of 100 pairs that are warm, 75 agree that B takes {} time than A, and the verdict is "
          "\"{}\": B is called faster, or slower, where at least three quarters agree, and 75 of "
          "100 are that",
          truth.gain > 0 ? "less" : "more", name_of(verdict));
}

PERCORE_CHECK("", right_after_one_another, "G4", "the two runs of a pair follow one another",
              in_turn, .ring = false) {
  Machine machine(run, {.gain = some_gain(run)});
  static_cast<void>(judge(machine));
  // In turn with the order changed each time a block has two runs. Three leaves room for a few
  // runs more to warm up.
  require(machine.warm_runs() <= 3 * machine.warm_blocks(),
          "when both were warm, {} runs were made in {} blocks of one or the other: where a "
          "neighbour comes, or goes, in the middle of it all, one has it and the other has not. A "
          "pair is one run of each, right after one another",
          machine.warm_runs(), machine.warm_blocks());
}

PERCORE_CHECK("", the_machine_drifts, "G4", "what is compared is measured in turn", in_turn,
              .ring = false) {
  const Truth truth{.gain = 0, .drift = run.chance(50) ? 0.4 : -0.3};
  expect_verdict(
      run, truth, Verdict::inconclusive,
      percore::check::say("the machine gets {:.0f} % {} over the runs", 100 * std::abs(truth.drift),
                          truth.drift > 0 ? "slower" : "faster"));
}

PERCORE_CHECK("", a_gain_on_a_machine_that_drifts, "G4", "a pair is of one moment", in_turn,
              .ring = false) {
  Truth truth{.gain = some_gain(run)};
  truth.drift = truth.gain > 0 ? 0.4 : -0.3;  // against it
  expect_verdict(
      run, truth, verdict_of(truth.gain),
      percore::check::say("the machine gets {:.0f} % {} over the runs, which no pair sees",
                          100 * std::abs(truth.drift), truth.drift > 0 ? "slower" : "faster"));
}

PERCORE_CHECK("", every_second_run, "G4", "the order in a pair changes from pair to pair", in_turn,
              .ring = false) {
  const Truth truth{.every_second = run.chance(50) ? 0.06 : -0.06};
  expect_verdict(run, truth, Verdict::inconclusive,
                 "something makes every second run of the machine 6 % slower or faster");
}

PERCORE_CHECK("", every_second_run_and_then_the_others, "G4",
              "the order in a pair changes from pair to pair", in_turn, .ring = false) {
  const Truth truth{.every_second = run.chance(50) ? 0.06 : -0.06,
                    .turn_changes_at = 180 + static_cast<unsigned>(run.random(41))};
  expect_verdict(
      run, truth, Verdict::inconclusive,
      percore::check::say("something makes every second run of the machine 6 % slower or "
                          "faster, and from run {} on the others, so the order must change in "
                          "each next pair",
                          truth.turn_changes_at));
}

PERCORE_CHECK("", every_second_run_of_a_while, "G4",
              "the order in a pair changes from pair to pair", in_turn, .ring = false) {
  constexpr unsigned whiles[] = {10, 20, 50};
  const Truth truth{.every_second = run.chance(50) ? 0.06 : -0.06,
                    .turn_changes_each = whiles[run.random(3)]};
  expect_verdict(run, truth, Verdict::inconclusive,
                 percore::check::say(
                     "something makes every second run of the machine 6 % slower or "
                     "faster, after {} runs the others, and so on, so the order must change in "
                     "each next pair",
                     truth.turn_changes_each));
}

PERCORE_CHECK("", a_few_cold_runs_decide_nothing, "G3", "all of the first runs are left out", warm,
              .ring = false) {
  Truth truth{.gain = run.chance(50) ? 0.15 : -0.15, .noise = 0.0005, .agreeing = 78};
  (truth.gain > 0 ? truth.cold_b : truth.cold_a) = 2;
  expect_verdict(
      run, truth, verdict_of(truth.gain),
      percore::check::say("as a rule: 78 of 100 pairs agree on that once both are warm, and the "
                          "first {} runs of {} find cold caches: of A and of B so many are to be "
                          "left out",
                          Experiment::warm_up_runs, truth.gain > 0 ? "B" : "A"));
}

PERCORE_CHECK("", cold_runs_do_not_count, "G3", "what is paid once is not in the figure", warm,
              .ring = false) {
  Truth truth{.gain = some_gain(run)};
  (truth.gain > 0 ? truth.cold_b : truth.cold_a) = 2;
  expect_verdict(run, truth, verdict_of(truth.gain),
                 percore::check::say("the first {} runs of {} find cold caches",
                                     Experiment::warm_up_runs, truth.gain > 0 ? "B" : "A"));
}

PERCORE_CHECK("", disturbed_runs_decide_nothing, "G5",
              "one run that was disturbed must not outweigh a hundred", percentiles,
              .ring = false) {
  const bool none = run.chance(50);
  const Truth truth{.gain = none ? 0 : some_gain(run), .disturbed_percent = 3, .disturbed = 50};
  expect_verdict(run, truth, none ? Verdict::inconclusive : verdict_of(truth.gain),
                 "3 % of the runs are disturbed and take 50 times as long");
}
