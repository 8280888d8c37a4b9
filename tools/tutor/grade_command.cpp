// `grade`: every exercise judged, as a table, as JSON or as JUnit XML, with a teacher's own cases.

#include "commands.hpp"
#include "json.hpp"
#include "junit.hpp"
#include "problem.hpp"
#include "teacher.hpp"
#include "terminal.hpp"

namespace percore::tutor {

namespace {

bool has_all_files(const Exercise& exercise, const fs::path& folder) {
  for (const std::string& file : exercise.files)
    if (!fs::exists(folder / file)) return false;
  return true;
}

// One hidden case: the checks once more, over the teacher's seeds and with their faults. Told as
// one check, by the name that the teacher gave it.
CheckVerdict judge_case(Session& session, const Exercise& exercise, const fs::path& sources,
                        const HiddenCase& hidden) {
  CheckVerdict out;
  out.name = hidden.name;
  out.step = "hidden";
  out.statement = hidden.name;
  for (const auto& [first, last] : hidden.seeds) {
    JudgeOptions options;
    options.sources = sources;
    options.check = hidden.check;
    options.seed_first = first;
    options.seeds = last - first + 1;
    options.words = hidden.words;
    options.with_real = false;
    const Judgement judgement = Judge(session.course, session.config()).judge(exercise, options);
    for (const CheckVerdict& check : judgement.checks) out.seeds += check.seeds;
    if (judgement.kind == VerdictKind::passed) continue;
    out.kind = judgement.kind;
    out.sentence = judgement.error;
    if (const CheckVerdict* broken = judgement.first_broken()) {
      out = *broken;
      out.name = hidden.name;
      out.step = "hidden";
      out.statement = hidden.name;
    }
    return out;
  }
  return out;
}

// An exercise's own judgement, and after it the hidden cases. A file that does not compile fails
// them all, and is told once.
void judge_hidden(Session& session, const fs::path& teacher, const fs::path& sources,
                  Graded& graded) {
  Judgement& judgement = graded.judgement;
  for (const HiddenCase& hidden : hidden_cases(teacher, *graded.exercise)) {
    judgement.points_all += hidden.points;
    if (!graded.begun || judgement.kind == VerdictKind::compile_error) continue;
    CheckVerdict verdict = judge_case(session, *graded.exercise, sources, hidden);
    if (verdict.kind == VerdictKind::passed)
      judgement.points += hidden.points;
    else if (judgement.kind == VerdictKind::passed)
      judgement.kind = verdict.kind;
    judgement.checks.push_back(std::move(verdict));
  }
}

Graded grade_one(Session& session, const Exercise& exercise, const GradeCommand& command) {
  const bool elsewhere = !command.from.empty();
  const fs::path sources = elsewhere ? fs::canonical(command.from) / exercise.lesson
                                     : session.workspace.lesson_folder(exercise);
  Graded out;
  out.exercise = &exercise;
  out.begun = has_all_files(exercise, sources);
  out.judgement.exercise = exercise.number;
  out.judgement.points_all = exercise.points();
  out.judgement.kind = VerdictKind::wrong;
  try {
    if (out.begun && elsewhere) {
      JudgeOptions options;
      options.sources = sources;
      options.headers_ahead = false;
      out.judgement = Judge(session.course, session.config()).judge(exercise, options);
    } else if (out.begun) {
      out.judgement = session.judge_anew(exercise);
      session.record(exercise, out.judgement);
    }
    if (!command.teacher.empty()) judge_hidden(session, command.teacher, sources, out);
  } catch (const Problem& problem) {  // a file that is gone, say: the others are graded still
    if (problem.status == EXIT_USAGE) throw;
    out.judgement.kind = VerdictKind::wrong;
    out.judgement.error = problem.sentence;
  }
  return out;
}

std::string outcome_words(const Graded& graded) {
  const Judgement& judgement = graded.judgement;
  if (!graded.begun) return "not begun";
  if (judgement.kind == VerdictKind::passed) return in_colour(Colour::green, "passed");
  if (const CheckVerdict* broken = judgement.first_broken())
    return (broken->step == "hidden" ? "[" + broken->name + "] " : "") + headline(*broken);
  return judgement.kind == VerdictKind::compile_error ? "does not compile" : judgement.error;
}

}  // namespace

int grade_command(Session& session, const GradeCommand& command) {
  if (!command.from.empty() && !fs::is_directory(command.from))
    refuse("--from {}: there is no such folder.", command.from);
  if (!command.teacher.empty()) demand_teachers_folder(command.teacher, session.course);
  std::vector<Graded> all;
  unsigned points = 0, points_all = 0;
  for (const Exercise* exercise : session.course.exercises()) {
    all.push_back(grade_one(session, *exercise, command));
    const Judgement& judgement = all.back().judgement;
    points += judgement.points;
    points_all += judgement.points_all;
    if (!command.json)
      fmt::print("{}  {:<16} {:>3} of {:>3} points  {}\n", exercise->number, exercise->name,
                 judgement.points, judgement.points_all, outcome_words(all.back()));
    std::fflush(stdout);
  }
  if (!command.junit.empty()) write_file(command.junit, to_junit(all));
  if (command.json) {
    Json exercises = Json::list();
    for (const Graded& one : all) {
      Json told = *Json::parse(to_json(one.judgement));
      told.set("name", one.exercise->name).set("begun", one.begun);
      exercises.add(std::move(told));
    }
    Json out = Json::object();
    out.set("points", points).set("points_all", points_all).set("exercises", std::move(exercises));
    fmt::print("{}\n", out.compact());
  } else {
    fmt::print("{} of {} points\n", points, points_all);
  }
  return points == points_all ? EXIT_PASS : EXIT_WRONG;
}

}  // namespace percore::tutor
