// `check`: the learner's files, or any folder in their place, judged and told.

#include "commands.hpp"
#include "json.hpp"
#include "problem.hpp"
#include "terminal.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace percore::tutor {

namespace {

int status_of(const Judgement& judgement) {
  if (judgement.nothing_checked()) return EXIT_ENVIRONMENT;
  return judgement.kind == VerdictKind::passed ? EXIT_PASS : EXIT_WRONG;
}

// What a case printed although it held, and how a debugger gets at a case.
void tell_case(const Judge& judge, const Exercise& exercise, const JudgeOptions& options,
               const Judgement& judgement, Variant variant) {
  const CheckVerdict* at = judgement.first_broken();
  if (at == nullptr) {
    for (const CheckVerdict& check : judgement.checks) fmt::print("{}", check.detail);
    if (judgement.checks.size() == 1) at = &judgement.checks.front();
  }
  if (at == nullptr || at->program.empty() || exercise.kind == Kind::predict ||
      exercise.kind == Kind::catching)
    return;
  // The verdict is told; what a debugger is given has all lines, which may have to be made.
  std::fflush(stdout);
  auto programs = judge.build().plan({.exercise = exercise,
                                      .sources = options.sources,
                                      .folder = judge.build().folder(exercise, options.sources),
                                      .variant = variant,
                                      .headers_ahead = options.headers_ahead,
                                      .only = options.check});
  std::erase_if(programs, [&](const CheckProgram& one) { return one.stem != at->program; });
  if (programs.empty()) return;
  const CheckProgram& lined = programs.front().lined ? *programs.front().lined : programs.front();
  if (!judge.build().build({&lined, 1}).built) return;
  const fs::path& program = lined.path;
  const std::uint64_t seed = options.seed ? *options.seed : at->seed;
  std::string words;
  for (const std::string& one : to_words(at->small)) words += " " + one;
  fmt::print("  Under a debugger: gdb --args {} --check {} --seeds {}..{}{}\n",
             shown(program, fs::current_path()), at->name, seed, seed, words);
}

// Whether some cases are asked for in place of the usual verdict.
bool is_part(const CheckCommand& command) {
  return command.seed || command.seeds != 0 || command.real || !command.only.empty() ||
         !command.step.empty();
}

void refuse_contradictions(const CheckCommand& command) {
  if (command.seed && command.seeds != 0)
    refuse("--seed names one case and --seeds a number of them: give one of the two.");
  if (command.seed && command.real)
    refuse("--seed is a case of the simulated ring; the kernel's has none. Leave one of the two.");
  if (command.real && !command.step.empty())
    refuse("The checks on the kernel's ring are of no step: leave --real or --step out.");
}

void refuse_unknown_step(const Exercise& exercise, const std::string& step) {
  std::string there;
  for (const Step& one : exercise.steps) {
    if (one.name == step) return;
    if (!one.name.empty()) there += (there.empty() ? "" : ", ") + one.name;
  }
  if (step.empty()) return;
  if (there.empty())
    refuse("{} {} has no steps: leave --step out.", exercise.number, exercise.name);
  refuse("{} {} has no step '{}'; it has {}.", exercise.number, exercise.name, step, there);
}

// A line that is written over, on a terminal only.
void show_progress(const std::string& check, std::uint64_t done, std::uint64_t all) {
  passing_note(done == all ? "" : fmt::format("  {}: {} of {} cases", check, done, all));
}

JudgeOptions options_of(const CheckCommand& command, const fs::path& sources) {
  // On the kernel's ring the order of things is its own: a check sees more of them in more runs.
  constexpr std::uint64_t REAL_RUNS = 20;
  return {.sources = sources,
          .seed = command.seed,
          .seeds = command.real && command.seeds == 0 ? REAL_RUNS : command.seeds,
          .check = command.only,
          .step_first = "",
          .step = command.step,
          .with_real = command.real || !is_part(command),
          .only_real = command.real,
          .thorough = command.json || command.verbose || is_part(command),
          .ask_sanitizers = command.sanitizers,
          .progress = show_progress};
}

void show_title(const Exercise& exercise) {
  fmt::print("{}\n", in_colour(Colour::bold, fmt::format("{} {}: {}", exercise.number,
                                                         exercise.name, exercise.title)));
}

std::string told_part(const CheckCommand& command, const Exercise& exercise,
                      const Judgement& judgement) {
  std::uint64_t cases = 0;
  for (const CheckVerdict& check : judgement.checks) cases += check.seeds;
  if (judgement.nothing_checked()) return told(judgement, exercise.number, true);
  std::string out = command.verbose ? told(judgement, exercise.number, true) : "";
  if (command.seed)
    return out + fmt::format(
                     "  Holds for this case. `./tools/percore check {}` looks at all of "
                     "them.\n",
                     exercise.number);
  return out + fmt::format("  Holds{}{}. `./tools/percore check {}` gives the whole verdict.\n",
                           cases == 0   ? ""  // in every order of the threads
                           : cases == 1 ? " for one case"
                                        : fmt::format(" for {} cases", cases),
                           command.real ? " on the kernel's ring" : "", exercise.number);
}

// Some cases again, for looking at them, or more of them than usual: no record, because they prove
// nothing about the others.
int check_part(Session& session, const Exercise& exercise, const CheckCommand& command) {
  if (!command.json) show_title(exercise);
  const JudgeOptions options = options_of(command, session.workspace.lesson_folder(exercise));
  const Judge judge(session.course, session.config());
  Judgement judgement = judge.judge(exercise, options);
  Variant variant = Variant::fast;
  // What only the sanitizers saw is shown again by them.
  if (judgement.kind == VerdictKind::passed && command.sanitizers && command.seeds == 0 &&
      !command.real && exercise.kind != Kind::predict && exercise.kind != Kind::catching) {
    const Judgement sanitized = judge.judge_sanitized(exercise, options);
    if (sanitized.kind != VerdictKind::passed) {
      judgement = sanitized;
      variant = Variant::sanitized;
    }
  }
  if (command.json)
    fmt::print("{}\n", to_json(judgement));
  else if (judgement.kind == VerdictKind::passed)
    fmt::print("{}", told_part(command, exercise, judgement));
  else
    fmt::print("{}", told(judgement, exercise.number, command.verbose));
  if (judgement.first_broken() != nullptr) {
    session.record_loss(exercise, judgement);
    session.state.save();
  }
  const bool looked_at_one = command.seed || !command.only.empty();
  if (!command.json && !judgement.nothing_checked() &&
      (looked_at_one || judgement.kind != VerdictKind::passed))
    tell_case(judge, exercise, options, judgement, variant);
  return status_of(judgement);
}

// Another folder in place of my/: nothing is recorded, nothing of the learner's is touched.
int check_elsewhere(Session& session, const Exercise& exercise, const CheckCommand& command) {
  std::error_code error;
  const fs::path sources = fs::canonical(command.from, error);
  if (error) refuse("--from {}: {}.", command.from, error.message());
  JudgeOptions options = options_of(command, sources);
  if (!command.real && !command.seed) options.with_real = true;
  if (!command.json) options.right_passed = Session::right_passed;
  const Judge judge(session.course, session.config());
  Judgement judgement = [&] {
    const PassingNote note;
    return judge.judge(exercise, options);
  }();
  session.add_compiler_remarks(exercise, sources, judgement);
  if (command.sanitizers && !command.seed && command.seeds == 0 && !command.real &&
      judgement.kind == VerdictKind::passed && exercise.kind != Kind::predict) {
    const Judgement sanitized = judge.judge_sanitized(exercise, options);
    if (sanitized.kind != VerdictKind::passed) judgement = sanitized;
  }
  fmt::print("{}\n",
             command.json ? to_json(judgement) : told(judgement, exercise.number, command.verbose));
  return status_of(judgement);
}

}  // namespace

int check_command(Session& session, const CheckCommand& command) {
  refuse_contradictions(command);
  const Exercise& exercise = session.exercise(command.exercise);
  refuse_unknown_step(exercise, command.step);
  if (!command.from.empty()) return check_elsewhere(session, exercise, command);
  if (!command.json)
    session.prepare(exercise);
  else
    session.workspace.prepare(exercise);
  session.go_to(exercise);
  if (is_part(command)) return check_part(session, exercise, command);
  if (!command.json) {
    show_title(exercise);
    if (!session.workspace.changed(exercise))
      fmt::print("  (your files are still the starting files: {})\n",
                 shown(session.workspace.lesson_folder(exercise) / exercise.files.front(),
                       session.course.root));
  }
  JudgeOptions options;
  options.thorough = command.json || command.verbose;
  options.ask_sanitizers = command.sanitizers;
  options.headers_ahead = command.sanitizers && !command.json;  // else nothing follows
  Judgement judgement = session.judge(exercise, std::move(options));
  judgement.untouched = !session.workspace.changed(exercise);
  judgement.sanitizers_follow = command.sanitizers && Session::looked_at_twice(exercise);
  if (command.json) {
    session.record(exercise, judgement);
    fmt::print("{}\n", to_json(judgement));
    return status_of(judgement);
  }
  fmt::print("{}", told(judgement, exercise.number, command.verbose));
  std::fflush(stdout);
  if (judgement.kind == VerdictKind::passed && command.sanitizers)
    session.follow_up(exercise, judgement, command.verbose);
  session.record(exercise, judgement);
  if (judgement.kind == VerdictKind::passed) {
    const Exercise* next = session.next_after(exercise);
    if (next == nullptr)
      fmt::print("\nThat was the last one: every exercise is solved.\n");
    else
      fmt::print("\n{}: {} {}. `./tools/percore next` goes there.\n",
                 next->number > exercise.number ? "Next" : "Nothing comes after it; still open",
                 next->number, next->name);
  }
  return status_of(judgement);
}

int prepare_command(Session& session, const std::string& last) {
  const Judge judge(session.course, session.config());
  for (const Variant variant :
       {Variant::fast, Variant::explored, Variant::sanitized, Variant::measured}) {
    judge.build().build_shared(variant);
    if (word(variant) == last) break;
  }
  return EXIT_PASS;
}

}  // namespace percore::tutor
