#include "losing_case.hpp"

#include "problem.hpp"

#include <algorithm>

namespace percore::tutor {

namespace {

// `stepped`: it was built a moment ago without what the debugger adds, so the mistake is there.
[[noreturn]] void give_up_unbuilt(const Exercise& exercise, const std::string& output,
                                  bool stepped) {
  if (!stepped)
    give_up("{} {} does not compile: `./tools/percore check {}` says where.", exercise.number,
            exercise.name, exercise.number);
  give_up(
      "{} {} compiles, but not with what `debug` adds to it. This is not your mistake, and "
      "`./tools/percore trace {}` still draws the run. The compiler says:\n{}",
      exercise.number, exercise.name, exercise.number, output.substr(0, 4000));
}

// The program of that stem, built from the learner's files as they are now, for `check` at least:
// where a header has changed the other checks are left out.
fs::path built_program(const Judge& judge, const Exercise& exercise, const fs::path& sources,
                       const std::string& stem, const std::string& check, bool stepped = false) {
  judge.build().build_shared(Variant::fast, &exercise);
  auto programs = judge.build().plan({.exercise = exercise,
                                      .sources = sources,
                                      .folder = judge.build().folder(exercise, sources),
                                      .stepped = stepped,
                                      .only = check});
  std::erase_if(programs, [&](const CheckProgram& program) { return program.stem != stem; });
  if (programs.empty()) return {};
  if (const BuildResult result = judge.build().build(programs); !result.built)
    give_up_unbuilt(exercise, result.output, stepped);
  return programs.front().path;
}

// Judges anew, and remembers what was lost.
LosingCase judged(Session& session, const Judge& judge, const Exercise& exercise,
                  const JudgeOptions& options) {
  const Judgement judgement = judge.judge(exercise, options);
  if (judgement.kind == VerdictKind::compile_error)
    give_up("{} {} does not compile: `./tools/percore check {}` says where.", exercise.number,
            exercise.name, exercise.number);
  const CheckVerdict* shown_check = judgement.first_broken();
  const bool fails = shown_check != nullptr;
  if (fails) {
    session.record_loss(exercise, judgement);
    session.state.save();
  } else if (!options.seed) {
    refuse("{} {} passes: name a case to look at, as in `--seed 7`.", exercise.number,
           exercise.name);
  } else if (!judgement.checks.empty()) {
    shown_check = &judgement.checks.front();
  }
  if (shown_check == nullptr || (fails && !shown_check->has_seed))
    refuse("{} {} has no run on the simulated ring to look at.", exercise.number, exercise.name);
  return {.program = built_program(judge, exercise, options.sources, shown_check->program,
                                   shown_check->name),
          .check = shown_check->name,
          .seed = options.seed.value_or(shown_check->seed),
          .small = shown_check->small,
          .fails = fails,
          .headline = fails ? headline(*shown_check) : std::string()};
}

}  // namespace

std::vector<std::string> LosingCase::words() const {
  std::vector<std::string> out = {program.string(), "--check", check, "--seeds",
                                  fmt::format("{}..{}", seed, seed)};
  const auto smaller = to_words(small);
  out.insert(out.end(), smaller.begin(), smaller.end());
  return out;
}

LosingCase losing_case(Session& session, const Exercise& exercise, const std::string& check,
                       std::optional<std::uint64_t> seed) {
  if (exercise.kind == Kind::predict || exercise.kind == Kind::catching)
    refuse("{} {} asks for {}: it has no run of its own to look at.", exercise.number,
           exercise.name, exercise.kind == Kind::predict ? "answers" : "checks");
  session.prepare(exercise);
  const Judge judge(session.course, session.config());
  const fs::path sources = session.workspace.lesson_folder(exercise);
  if (const auto& loss = session.state.at(exercise.number).loss;
      loss && loss->files_hash == Workspace::files_hash(exercise, sources) &&
      (check.empty() || check == loss->check) && (!seed || *seed == loss->seed)) {
    const fs::path program = built_program(judge, exercise, sources, loss->program, loss->check);
    if (!program.empty())
      return {.program = program,
              .check = loss->check,
              .seed = loss->seed,
              .small = loss->small,
              .fails = true,
              .headline = loss->headline};
  }
  return judged(session, judge, exercise,
                {.sources = sources,
                 .seed = seed,
                 .check = check,
                 .step_first = "",
                 .with_real = false,
                 .thorough = false,
                 .ask_sanitizers = false});
}

LosingCase stepped(Session& session, const Exercise& exercise, LosingCase of) {
  // A program of one check has another ending, and the same stem.
  of.program =
      built_program(Judge(session.course, session.config()), exercise,
                    session.workspace.lesson_folder(exercise), of.program.stem(), of.check, true);
  return of;
}

}  // namespace percore::tutor
