// The commands that compare and replace the learner's files: diff, solution, reset.

#include "commands.hpp"
#include "problem.hpp"
#include "supervise.hpp"
#include "terminal.hpp"

namespace percore::tutor {

namespace {

std::string find_diff() {
  for (const char* path : {"/usr/bin/diff", "/bin/diff", "/usr/local/bin/diff"})
    if (fs::exists(path)) return path;
  give_up("The program diff is not installed: install the package diffutils.");
}

std::string coloured(const std::string& line) {
  if (line.starts_with("+++") || line.starts_with("---")) return in_colour(Colour::bold, line);
  if (line.starts_with('+')) return in_colour(Colour::green, line);
  if (line.starts_with('-')) return in_colour(Colour::red, line);
  if (line.starts_with("@@")) return in_colour(Colour::cyan, line);
  return line;
}

void tell_kept(const Session& session, const fs::path& kept) {
  if (!kept.empty())
    fmt::print("What was there is kept in {}.\n", shown(kept, session.course.root));
}

void demand_solution(const Session& session, const Exercise& exercise) {
  for (const std::string& file : exercise.files)
    if (!fs::exists(session.course.root / "solutions" / exercise.lesson / file))
      refuse("There is no plain answer for {} {}: `./tools/percore hint {}` helps on.",
             exercise.number, exercise.name, exercise.number);
}

}  // namespace

int diff_command(Session& session, const std::string& name, bool against_solution) {
  const Exercise& exercise = session.exercise(name);
  if (against_solution) demand_solution(session, exercise);
  if (!session.workspace.begun(exercise))
    refuse("You have not begun {} {} yet: `./tools/percore check {}` makes its files.",
           exercise.number, exercise.name, exercise.number);
  bool same = true;
  for (const std::string& file : exercise.files) {
    const fs::path mine = session.workspace.lesson_folder(exercise) / file;
    const fs::path other = against_solution
                               ? session.course.root / "solutions" / exercise.lesson / file
                               : session.workspace.starter(exercise, file);
    Limits limits;
    limits.may_fork = true;
    limits.output_bytes_max = 8U << 20;
    // From the starter to yours; from yours to the answer.
    const auto& [from, to] = against_solution ? std::pair(mine, other) : std::pair(other, mine);
    const Supervised ran =
        supervise({find_diff(), "-u", "--label", shown(from, session.course.root), "--label",
                   shown(to, session.course.root), from, to},
                  session.course.root, limits, false);
    if (ran.exit_status > 1) give_up("diff failed: {}", ran.output);
    same = same && ran.output.empty();
    for (const std::string& line : split_lines(ran.output)) fmt::print("{}\n", coloured(line));
  }
  if (same)
    fmt::print("{}\n", against_solution
                           ? "Yours is the plain answer, word for word."
                           : "No difference: your files are still the starting files.");
  return EXIT_PASS;
}

int solution_command(Session& session, const std::string& name, bool take) {
  const Exercise& exercise = session.exercise(name);
  demand_solution(session, exercise);
  if (take) {
    tell_kept(session, session.workspace.take_solution(exercise));
    fmt::print(
        "The plain answer of {} is in your folder now. `./tools/percore check {}` proves it.\n",
        exercise.number, exercise.number);
    return EXIT_PASS;
  }
  for (const std::string& file : exercise.files) {
    const fs::path path = session.course.root / "solutions" / exercise.lesson / file;
    fmt::print("{}\n{}\n", in_colour(Colour::bold, shown(path, session.course.root)),
               read_file(path));
  }
  session.state.of(exercise.number).solution_seen = true;
  session.state.save();
  fmt::print(
      "One way among others. `./tools/percore diff {} --solution` lays it beside yours; "
      "`./tools/percore solution "
      "{} --take` puts it "
      "in your folder (a copy of yours is kept).\n",
      exercise.number, exercise.number);
  return EXIT_PASS;
}

int reset_command(Session& session, const std::string& name) {
  const Exercise& exercise = session.exercise(name);
  const fs::path kept = session.workspace.reset(exercise);
  fmt::print("{} {} begins anew.\n", exercise.number, exercise.name);
  tell_kept(session, kept);
  return EXIT_PASS;
}

}  // namespace percore::tutor
