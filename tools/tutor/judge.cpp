#include "judge.hpp"

#include "building.hpp"
#include "check_runner.hpp"
#include "compile_error.hpp"
#include "problem.hpp"
#include "tampering.hpp"
#include "terminal.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <mutex>
#include <span>
#include <thread>

namespace percore::tutor {

namespace {

void tell_compile_error(Judgement& out, const BuildResult& built, const fs::path& sources,
                        const fs::path& root) {
  out.kind = VerdictKind::compile_error;
  out.error_verbose = built.output;
  if (built.out_of_time) {
    out.error =
        "  The compiler was not done after five minutes, though it had taken little of the "
        "processor: "
        "the machine is busy, or an #include waits for something. Try again.\n";
    return;
  }
  if (built.compiler_died) {
    out.error =
        "  The compiler ran out of processor time, memory or space for its output: a template, a "
        "macro or an #include may repeat itself without end, or an array be very large.\n";
    return;
  }
  const CompileError error = first_error(built.output, sources, root);
  if (error.file.empty())
    out.error = fmt::format("  {}\n", error.sentence);
  else
    out.error = fmt::format("  {}:{}: {}\n", error.file, error.line, error.sentence);
  if (!error.reason.empty()) out.error += fmt::format("  {}\n", error.reason);
  for (const std::string& line : split_lines(error.snippet)) out.error += "  " + line + "\n";
  if (!error.remark.empty()) out.error += fmt::format("  ({})\n", error.remark);
  if (error.more > 0)
    out.error += fmt::format("  {} more error{} may follow from it; --verbose shows all.\n",
                             error.more, error.more == 1 ? "" : "s");
}

// Whoever waits for a verdict is told of one mistake; a hang costs its whole limit.
bool is_enough(const Judgement& out) {
  constexpr int broken_enough = 3;
  const auto broken = std::ranges::count_if(
      out.checks, [](const CheckVerdict& check) { return check.kind != VerdictKind::passed; });
  const VerdictKind last = out.checks.back().kind;
  return broken >= broken_enough || last == VerdictKind::spins || last == VerdictKind::waits ||
         last == VerdictKind::slow || last == VerdictKind::memory || last == VerdictKind::disk ||
         last == VerdictKind::threads;
}

// A check over as many seeds as were asked for, a process for each thousand. One that does not
// depend on its seed says so by having one.
CheckVerdict run_seeds(const CheckRunner& runner, const CheckProgram& program,
                       const ManifestEntry& check, const JudgeOptions& options, unsigned budget) {
  // A check that asks for few seeds may leave a ring open in each, as one does whose programs are
  // ended by their mistakes.
  constexpr std::uint64_t portion_max = 1000, few = 100;
  const std::uint64_t portion =
      check.seeds < few ? std::max<std::uint64_t>(1, check.seeds) : portion_max;
  // A teacher's case changes more than the seed.
  const bool one_will_do = check.seeds == 1 && !program.real && options.words.empty();
  const std::uint64_t all = one_will_do ? 1 : options.seeds;
  CheckVerdict verdict;
  std::uint64_t passed = 0;
  for (std::uint64_t first = 0; first < all; first += portion) {
    const std::uint64_t last = std::min(all, first + portion) - 1;
    verdict = runner.run_range(program, check, options.seed_first + first,
                               options.seed_first + last, budget);
    passed += verdict.seeds;
    if (verdict.kind != VerdictKind::passed || verdict.skipped) return verdict;
    if (options.progress) options.progress(check.name, last + 1, all);
  }
  verdict.seeds = passed;
  return verdict;
}

// What came of the checks of a program, which run on several cores at a time: told in their order,
// up to where they would have ended one after the other. The first that is broken is made smaller;
// another that broke before that was known may be, too.
class Checks {
 public:
  /// How many of those that break are looked for.
  enum class Wanted { all, enough, one };

  Checks(std::size_t count, Wanted wanted) : verdicts_(count), end_(count), wanted_(wanted) {}

  /// Runs them, each by run_one(number, whether it is the first that may break).
  void run(std::size_t cores, const std::function<CheckVerdict(std::size_t, bool)>& run_one) {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < std::min(cores, verdicts_.size()); ++i)
      others.emplace_back([&] { work(run_one); });
    work(run_one);
    others.clear();
    if (thrown_) std::rethrow_exception(thrown_);
  }

  /// Those that count, in their order; whether all passed.
  bool tell(Judgement& out) {
    bool passed = true;
    for (std::size_t i = 0; i < end_; ++i) {
      passed = passed && verdicts_[i]->kind == VerdictKind::passed;
      out.checks.push_back(*std::move(verdicts_[i]));
    }
    return passed;
  }

 private:
  void work(const std::function<CheckVerdict(std::size_t, bool)>& run_one) {
    for (;;) {
      std::unique_lock locked(lock_);
      if (next_ >= end_) return;
      const std::size_t number = next_++;
      const bool first = broken_ == 0;
      locked.unlock();
      try {
        CheckVerdict verdict = run_one(number, first);
        locked.lock();
        broken_ += verdict.kind == VerdictKind::passed ? 0 : 1;
        verdicts_[number] = std::move(verdict);
        if (wanted_ != Wanted::all && broken_ != 0) end_where_it_is_enough();
      } catch (...) {
        if (!locked.owns_lock()) locked.lock();
        if (!thrown_) thrown_ = std::current_exception();
        end_ = 0;
      }
    }
  }

  // Those behind are not started, and where they have run all the same, not told.
  void end_where_it_is_enough() {
    Judgement so_far;
    for (std::size_t i = 0; i < end_ && verdicts_[i]; ++i) {
      so_far.checks.push_back(*verdicts_[i]);
      if (so_far.checks.back().kind == VerdictKind::passed) continue;
      if (wanted_ == Wanted::one || is_enough(so_far)) end_ = i + 1;
    }
  }

  std::vector<std::optional<CheckVerdict>> verdicts_;
  std::mutex lock_;
  std::size_t next_ = 0, end_, broken_ = 0;
  Wanted wanted_;
  std::exception_ptr thrown_;
};

// one_is_enough   whether anything breaks is all that is asked: of a module that is wrong on
//                 purpose.
bool run_program(const CheckRunner& runner, const CheckProgram& program,
                 const JudgeOptions& options, std::uint64_t seeds_max, std::size_t cores,
                 Judgement& out, bool one_is_enough = false) {
  std::optional<CheckVerdict> broken;
  auto checks = runner.manifest(program, broken);
  if (broken) {
    broken->step = program.step;
    out.checks.push_back(*std::move(broken));
    return false;
  }
  std::erase_if(checks, [&](const ManifestEntry& check) {
    return check.operations > 0 || (!options.check.empty() && check.name != options.check);
  });
  if (program.real && options.seed) return true;
  const auto usual = options.thorough ? Checks::Wanted::all : Checks::Wanted::enough;
  Checks run(checks.size(), one_is_enough ? Checks::Wanted::one : usual);
  run.run(cores, [&](std::size_t number, bool first) {
    // Of several that break the first is told: the others are made smaller when they are asked for.
    const unsigned budget = !one_is_enough && first ? CheckRunner::SHRINK_BUDGET : 0;
    return options.seeds != 0
               ? run_seeds(runner, program, checks[number], options, budget)
               : runner.run(program, checks[number], options.seed, seeds_max, budget);
  });
  return run.tell(out);
}

std::string names_of_checks(const std::vector<CheckProgram>& programs) {
  std::string out;
  for (const CheckProgram& program : programs)
    for (const std::string& name : check_names(program.checks))
      out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "those that you wrote" : out;
}

// The program that holds the check which is asked for is built alone, and so are those of the
// step. All stay when no check is of that name, so that they can be named.
void keep_programs_of(const JudgeOptions& options, std::vector<CheckProgram>& programs) {
  const auto holds = [&](const CheckProgram& program) {
    return !program.checks.empty() &&
           std::ranges::count(check_names(program.checks), options.check) > 0;
  };
  if (!options.step.empty())
    std::erase_if(programs, [&](const auto& program) { return program.step != options.step; });
  if (!options.check.empty() && std::ranges::any_of(programs, holds))
    std::erase_if(programs, [&](const auto& program) { return !holds(program); });
}

// What came of each of some programs, as if they had been built and run one after the other. On a
// machine of two cores two run at a time: whoever waits for a verdict waits half as long.
struct Ran {
  bool built = false;
  bool passed = false;
  Judgement judgement;
};
using RunOne = std::function<bool(const CheckProgram&, std::size_t cores, Judgement&)>;

// building  of `programs` from the one numbered `first` on
// at_once   one where each tells on the terminal how far it is
// ends_all  whether the verdict ends with this program, as it did not pass: none behind it is
//           started then, and nothing is said of them. One that is not built ends it always.
std::vector<Ran> run_side_by_side(Building& building, std::size_t first,
                                  std::span<const CheckProgram> programs, std::size_t at_once,
                                  bool (*ends_all)(const CheckProgram&), const RunOne& run_one) {
  std::vector<Ran> out(programs.size());
  // One alone has several cores for its checks, but on the kernel's ring: not all of many, since
  // each check may take its limit of memory.
  constexpr std::size_t cores_max = 4;
  const bool alone = programs.size() == 1 && !programs.front().real;
  const std::size_t cores = alone ? std::min(at_once, cores_max) : 1;
  std::atomic<std::size_t> next = 0, end = programs.size();
  std::mutex lock;
  std::exception_ptr thrown;
  const auto work = [&] {
    for (std::size_t i; (i = next++) < end;) {
      try {
        out[i].built = building.wait_for(first + i);
        out[i].passed = out[i].built && run_one(programs[i], cores, out[i].judgement);
      } catch (...) {
        const std::scoped_lock locked(lock);
        if (!thrown) thrown = std::current_exception();
        end = 0;
        return;
      }
      if (out[i].passed || (out[i].built && !ends_all(programs[i]))) continue;
      const std::scoped_lock locked(lock);
      end = std::min<std::size_t>(end, i + 1);
      building.only_the_first(first + end);
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < std::min(at_once, programs.size()); ++i) others.emplace_back(work);
    work();
  }
  if (thrown) std::rethrow_exception(thrown);
  out.resize(std::min<std::size_t>(end, out.size()));
  return out;
}

std::size_t at_once(const JudgeOptions& options) {
  return options.seeds != 0 ? 1 : std::max(1U, std::thread::hardware_concurrency());
}

bool is_right(const CheckProgram& program) {
  return program.fault == "right";
}

bool any_program(const CheckProgram&) {
  return true;
}

// A catch exercise: the learner's checks must pass with the right module and break with each of the
// others. What the compiler said when they do not compile.
std::optional<BuildResult> judge_catch(const CheckBuild& build, const CheckRunner& runner,
                                       std::span<const CheckProgram> programs,
                                       const JudgeOptions& options, const Exercise& exercise,
                                       Judgement& out) {
  const RunOne run_one = [&](const CheckProgram& program, std::size_t cores, Judgement& inner) {
    return run_program(runner, program, options, UINT64_MAX, cores, inner, !is_right(program));
  };
  std::vector<Ran> ran;
  // The right module by itself, with all cores for its checks: until they pass the wrong ones say
  // nothing.
  for (const auto part : {programs.first(1), programs.subspan(1)}) {
    Building building(build, part);
    for (Ran& one : run_side_by_side(building, 0, part, at_once(options), is_right, run_one)) {
      if (!one.built) return building.wait_for_all();
      ran.push_back(std::move(one));
    }
    if (!ran.front().passed || ran.front().judgement.checks.empty()) break;
    if (ran.size() == 1 && options.right_passed) options.right_passed(programs.size() - 1);
  }
  unsigned caught = 0;
  for (std::size_t i = 0; i < programs.size(); ++i) {
    const CheckProgram& program = programs[i];
    const auto& [built, all_passed, inner] = ran[i];
    CheckVerdict verdict;
    verdict.name = program.fault;
    verdict.program = program.stem;
    if (is_right(program)) {
      verdict.statement = "your checks pass with the right module";
      if (inner.checks.empty()) {
        verdict.kind = VerdictKind::wrong;
        verdict.sentence = "there is no check yet: write one with PERCORE_CHECK";
      } else if (!all_passed) {
        verdict = *inner.first_broken();
        verdict.sentence = fmt::format("your check `{}` rejects the right module: {}", verdict.name,
                                       verdict.sentence);
        verdict.invariant = "";
        verdict.drawable = false;  // it runs on a module that is not the learner's
      }
      out.checks.push_back(verdict);
      if (verdict.kind != VerdictKind::passed) return std::nullopt;
      continue;
    }
    verdict.statement = fmt::format("your checks catch a module that {}", program.fault_sentence);
    if (all_passed) {
      verdict.kind = VerdictKind::wrong;
      verdict.sentence = fmt::format("your checks pass a module that {}", program.fault_sentence);
    } else {
      ++caught;
    }
    out.checks.push_back(verdict);
  }
  const auto faults = static_cast<unsigned>(programs.size() - 1);
  out.points = faults == 0 ? exercise.points() : exercise.points() * caught / faults;
  return std::nullopt;
}

// The programs of an exercise, which are judged range by range and told in their order.
class InOrder {
 public:
  InOrder(const CheckBuild& build, std::span<const CheckProgram> programs, std::size_t at_once,
          const RunOne& run_one)
      : build_(build),
        programs_(programs),
        at_once_(at_once),
        run_one_(run_one),
        ran_(programs.size()) {}

  /// Builds and runs those from `first` up to `last`; false when one is broken, or is not built.
  /// None behind it is looked at then.
  bool judge(std::size_t first, std::size_t last) {
    Building building(build_, programs_.subspan(first, last - first));
    for (std::size_t i = first; i < last;) {
      // What runs on the kernel's ring has the machine for itself, without a compiler beside it.
      if (programs_[i].real && !building.wait_for_all().built) return not_built(building);
      std::size_t end = i + 1;
      while (!programs_[i].real && end < last && !programs_[end].real) ++end;
      for (Ran& one : run_side_by_side(building, i - first, programs_.subspan(i, end - i), at_once_,
                                       any_program, run_one_)) {
        if (!one.built) return not_built(building);
        ran_[i++] = std::move(one);
        if (!ran_[i - 1].passed) return false;
      }
    }
    return true;
  }

  /// What came of those that were judged.
  void tell(Judgement& out) {
    bool passed = true;  // of all before
    for (std::size_t i = 0; i < programs_.size(); ++i) {
      const std::string& step = programs_[i].step;
      passed = passed && ran_[i].passed;
      std::ranges::move(ran_[i].judgement.checks, std::back_inserter(out.checks));
      const bool step_ends = i + 1 == programs_.size() || programs_[i + 1].step != step;
      if (passed && !step.empty() && step_ends) out.steps_passed.push_back(step);
    }
  }

  /// Of those from `first` up to `last`; null where none is broken.
  [[nodiscard]] const CheckVerdict* first_broken(std::size_t first, std::size_t last) const {
    for (std::size_t i = first; i < last; ++i)
      if (const CheckVerdict* broken = ran_[i].judgement.first_broken()) return broken;
    return nullptr;
  }

  /// Null where all were built.
  [[nodiscard]] const BuildResult* failed_build() const {
    return failed_build_ ? &*failed_build_ : nullptr;
  }

 private:
  bool not_built(Building& building) {
    failed_build_ = building.wait_for_all();
    return false;
  }

  const CheckBuild& build_;
  std::span<const CheckProgram> programs_;
  std::size_t at_once_;
  const RunOne& run_one_;
  std::vector<Ran> ran_;
  std::optional<BuildResult> failed_build_;
};

// By step; an exercise without steps, or whose checks all lie in one file, has all points or none.
void give_points(const Exercise& exercise, const JudgeOptions& options, Judgement& out) {
  const bool all = out.kind == VerdictKind::passed && options.step.empty();
  for (const Step& step : exercise.steps)
    if (all || std::ranges::count(out.steps_passed, step.name) > 0) out.points += step.points;
}

}  // namespace

Judgement Judge::judge(const Exercise& exercise, const JudgeOptions& options) const {
  Judgement out;
  out.step = options.step;
  out.exercise = exercise.number;
  out.predicted = exercise.kind == Kind::predict;
  out.points_all = exercise.points();
  for (const std::string& file : exercise.files)
    if (!fs::exists(options.sources / file))
      give_up("{} is not there: `./tools/percore reset {}` puts the starting file back.",
              shown(options.sources / file, course_.root), exercise.number);

  if (const auto word = redefined_word(exercise, options.sources, course_.root)) {
    out.kind = VerdictKind::compile_error;
    out.error = "  " + *word + ".\n";
    return out;
  }
  build_.build_shared(Variant::fast, options.headers_ahead ? &exercise : nullptr);
  const fs::path folder = build_.folder(exercise, options.sources);
  std::vector<CheckProgram> programs =
      build_.plan({.exercise = exercise,
                   .sources = options.sources,
                   .folder = folder,
                   .headers_ahead = options.headers_ahead,
                   .step = options.step.empty() ? options.step_first : options.step,
                   .only = options.check});
  if (std::ranges::any_of(programs, &CheckProgram::explored))
    build_.build_shared(Variant::explored);
  if (std::ranges::any_of(programs, &CheckProgram::counted)) build_.build_shared(Variant::measured);
  if (!options.with_real || options.seed)
    std::erase_if(programs, [](const auto& program) { return program.real; });
  if (options.only_real) {
    std::erase_if(programs, [](const auto& program) { return !program.real; });
    if (programs.empty())
      refuse(
          "{} {} has no checks on the kernel's ring: what its checks look at, only the simulated "
          "one shows. `--seeds 10000` looks at more of its cases.",
          exercise.number, exercise.name);
  }
  keep_programs_of(options, programs);
  if (programs.empty())
    refuse(
        "{} {} has no checks of its own for that: `./tools/percore check {}` looks at all of it.",
        exercise.number, exercise.name, exercise.number);

  fs::path answers;
  if (exercise.kind == Kind::predict) answers = options.sources / exercise.files.front();
  CheckRunner runner(build_, course_.root, options.sources, answers, false);
  runner.add_words(options.words);

  const auto not_built = [&](const BuildResult& built) {
    tell_compile_error(out, built, options.sources, course_.root);
    give_points(exercise, options, out);
    return out;
  };
  const RunOne run_one = [&](const CheckProgram& program, std::size_t cores, Judgement& inner) {
    return run_program(runner, program, options, UINT64_MAX, cores, inner);
  };
  if (exercise.kind == Kind::catching) {
    if (const auto failed = judge_catch(build_, runner, programs, options, exercise, out))
      return not_built(*failed);
  } else {
    InOrder in_order(build_, programs, at_once(options), run_one);
    // The programs of a step lie together: those before it, its own, and those behind it.
    const auto at_hand = std::ranges::find(programs, options.step_first, &CheckProgram::step);
    const auto behind = std::find_if(at_hand, programs.end(), [&](const CheckProgram& program) {
      return program.step != options.step_first;
    });
    const auto first = static_cast<std::size_t>(at_hand - programs.begin());
    const auto last = static_cast<std::size_t>(behind - programs.begin());
    if (options.step_first.empty() || first == last) {
      in_order.judge(0, programs.size());
    } else {
      const bool holds = in_order.judge(first, last);
      const bool more = first != 0 || (holds && last != programs.size());
      if (options.step_judged && more && in_order.failed_build() == nullptr)
        options.step_judged(options.step_first, in_order.first_broken(first, last));
      // Of several broken steps the first is told: what is at hand may be broken by it.
      if (more && in_order.failed_build() == nullptr && in_order.judge(0, first) && holds)
        in_order.judge(last, programs.size());
    }
    in_order.tell(out);
    if (in_order.failed_build()) return not_built(*in_order.failed_build());
  }
  if (!options.check.empty() && out.checks.empty() && out.kind == VerdictKind::passed)
    refuse("{} has no check '{}'; it has {}.", exercise.number, options.check,
           names_of_checks(programs));
  if (options.ask_sanitizers && exercise.kind != Kind::catching)
    ask_who_broke_the_heap(exercise, options, out);
  if (const CheckVerdict* broken = out.first_broken()) out.kind = broken->kind;
  if (exercise.kind == Kind::catching) return out;
  give_points(exercise, options, out);
  return out;
}

// The C library notices at some later call; what is to be mended lies where it was broken.
void Judge::ask_who_broke_the_heap(const Exercise& exercise, const JudgeOptions& options,
                                   Judgement& judgement) const {
  const auto broken = std::ranges::find_if(judgement.checks, [](const CheckVerdict& check) {
    return check.kind != VerdictKind::passed;
  });
  if (broken == judgement.checks.end() || !broken->heap || !broken->has_seed) return;
  JudgeOptions that_case = options;
  that_case.check = broken->name;
  that_case.step = "";
  that_case.seed = broken->seed;
  that_case.seeds = 0;
  passing_note("  the heap is broken: the sanitizers look who did it; the first time takes longer");
  const Judgement seen = judge_sanitized(exercise, that_case);
  passing_note("");
  const CheckVerdict* const found = seen.first_broken();
  if (found == nullptr || found->kind != VerdictKind::crash) return;
  broken->sentence = found->sentence;
  broken->detail = found->detail;
}

Judgement Judge::judge_sanitized(const Exercise& exercise, const JudgeOptions& options) const {
  constexpr std::uint64_t seeds_max =
      40;  // the sanitizers are slow, and the faults they find are in most seeds
  Judgement out;
  out.step = options.step;
  out.exercise = exercise.number;
  build_.build_shared(Variant::sanitized);
  const fs::path folder = build_.folder(exercise, options.sources);
  std::vector<CheckProgram> programs = build_.plan({.exercise = exercise,
                                                    .sources = options.sources,
                                                    .folder = folder,
                                                    .variant = Variant::sanitized,
                                                    .only = options.check});
  std::erase_if(programs, [](const auto& program) {
    return program.real || program.explored || (!program.fault.empty() && program.fault != "right");
  });
  keep_programs_of(options, programs);
  const CheckRunner runner(build_, course_.root, options.sources, {}, true);
  const RunOne run_one = [&](const CheckProgram& program, std::size_t cores, Judgement& inner) {
    return run_program(runner, program, options, seeds_max, cores, inner);
  };
  Building building(build_, programs);
  for (Ran& one : run_side_by_side(building, 0, programs, at_once(options), any_program, run_one)) {
    if (!one.built) {
      const BuildResult& built = building.wait_for_all();
      tell_compile_error(out, built, options.sources, course_.root);
      if (options.headers_ahead && !built.out_of_time && !built.compiler_died)
        out.error +=
            "  (The checks before this compiled: they are built behind headers of ours that are "
            "read beforehand. Here each file has what it includes itself, and an #include is "
            "missing.)\n";
      return out;
    }
    std::ranges::move(one.judgement.checks, std::back_inserter(out.checks));
  }
  if (const CheckVerdict* broken = out.first_broken()) out.kind = broken->kind;
  return out;
}

std::vector<Measured> Judge::measure(const Exercise& exercise, const JudgeOptions& options) const {
  if (!fs::exists(course_.root / "tools" / "checks" / exercise.lesson /
                  (exercise.name + "_measure.cpp")))
    return {};
  build_.build_shared(Variant::measured);
  const fs::path folder = build_.folder(exercise, options.sources);
  const auto yours = build_.plan({exercise, options.sources, folder, Variant::measured});
  const auto ours =
      build_.plan({exercise, options.sources, folder, Variant::measured, false, true});
  if (!build_.build(yours).built || !build_.build(ours).built) return {};
  const CheckRunner runner(build_, course_.root, options.sources, {}, false);
  std::optional<CheckVerdict> broken;
  std::vector<Measured> out;
  for (const ManifestEntry& check : runner.manifest(yours.front(), broken)) {
    if (check.operations == 0) continue;
    // Time for two million instructions, one by one, on a machine that does little else. Whoever
    // waits for figures waits no longer.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    auto mine = runner.measure(yours.front(), check, deadline);
    const auto reference = runner.measure(ours.front(), check, deadline);
    if (!mine || !reference) continue;
    mine->enters_ours = reference->enters;
    mine->allocations_ours = reference->allocations;
    mine->instructions_ours = reference->instructions;
    out.push_back(*std::move(mine));
  }
  return out;
}

}  // namespace percore::tutor
