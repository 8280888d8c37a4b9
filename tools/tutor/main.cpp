// percore, the tutor: words of the command line to commands. tools/percore builds and starts it.

#include "commands.hpp"
#include "completion_command.hpp"
#include "problem.hpp"
#include "supervise.hpp"
#include "terminal.hpp"

#include <unistd.h>
#include <CLI/CLI.hpp>

#include <csignal>
#include <system_error>

namespace percore::tutor {
namespace {

constexpr const char* EXAMPLES = R"(
Examples:
  ./tools/percore                     go on where you were: shows the task, checks at each save
  ./tools/percore check               one verdict on the current exercise
  ./tools/percore check ring          on another, by name or number (01.4)
  ./tools/percore check 01.4 --seed 7 shows one failing case again
  ./tools/percore debug 01.4          steps through the case that was lost, both ways
  ./tools/percore hint                the next hint; three for each exercise
  ./tools/percore run 01 -- --help    runs lesson 01's program, on the modules you have solved
  ./tools/percore trace 01            draws a run of the program that the lesson names for it
  ./tools/percore mine                which layers of the runtime are yours
  ./tools/percore bench --mine        how fast they are, beside ours and the peers

Exit status: 0 passed, 1 wrong, 2 usage, 3 the environment (./tools/percore doctor says what).)";

// Everything that the command line can hold.
struct CommandLine {
  std::string root, exercise, text;
  std::vector<std::string> arguments;  ///< what stood behind --
  RunCommand run;
  GradeCommand grade;
  CheckCommand check;
  TraceCommand trace;
  DebugCommand debug;
  std::uint64_t seed = 0;
  unsigned hint = 0;
  bool all = false, against_solution = false, take = false;
};

// CLI11 makes a large number of a negative one.
const CLI::Validator a_seed(
    [](std::string& word) -> std::string {
      constexpr std::size_t digits_max = 18;  // below the largest, behind which nothing lies
      const bool digits = word.find_first_not_of("0123456789") == word.npos;
      if (digits && word.size() <= digits_max) return "";
      return fmt::format("a seed is a number of at most {} digits, and not '{}'", digits_max, word);
    },
    "NUMBER");

void add_check(CLI::App& app, CommandLine& line) {
  CLI::App* check = app.add_subcommand("check", "compile and judge an exercise, once");
  check->add_option("exercise", line.check.exercise,
                    "number or name; the current one when left out");
  check
      ->add_option_function<std::uint64_t>(
          "--seed", [&line](std::uint64_t seed) { line.check.seed = seed; },
          "only this case, as a verdict named it")
      ->check(a_seed);
  check->add_option("--seeds", line.check.seeds, "so many cases of each check in place of its own")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}));
  check->add_flag("--real", line.check.real, "on the kernel's ring, and only there");
  check->add_option("--only", line.check.only, "only the check of this name");
  check->add_option("--step", line.check.step, "only the checks of this step");
  check->add_option("--from", line.check.from, "files from this folder in place of my/NN-lesson");
  check->add_flag("--json", line.check.json, "the verdict for scripts");
  check->add_flag("--verbose", line.check.verbose,
                  "all of the compiler's words, the whole history");
  check->add_flag_callback(
      "--no-sanitizers", [&line] { line.check.sanitizers = false; }, "without the second verdict");
}

void add_trace(CLI::App& app, CommandLine& line) {
  CLI::App* trace =
      app.add_subcommand("trace", "draw a run on the simulated ring: a lesson's, or a failed case");
  trace->footer("A program's own options stand behind --: ./tools/percore trace 01 -- --tasks 4");
  trace->add_option("lesson", line.trace.what,
                    "lesson or exercise, by number or name; the current lesson when left out");
  trace->add_option("program,--program", line.trace.program,
                    "of a lesson; else the one that the lesson names for it");
  trace
      ->add_option_function<std::uint64_t>(
          "--seed", [&line](std::uint64_t seed) { line.trace.seed = seed; },
          "the order and delay of completions; of an exercise, the case")
      ->check(a_seed);
  trace->add_flag("--rough", line.trace.rough, "with the faults of that seed");
  trace->add_option("--check", line.trace.check, "of an exercise; else the first that fails");
  trace->add_option("--svg", line.trace.svg, "write a drawing to this file");
  trace->add_option("--json", line.trace.json, "write a trace for ui.perfetto.dev to this file");
  trace->add_option("--record", line.trace.record,
                    "draw this record of a program of your own (PERCORE_SIM_RECORD)");
  trace->add_flag("--full", line.trace.full, "all that happened, however long");
  trace->add_option("--width", line.trace.width, "columns of the text");
}

void add_debug(CLI::App& app, CommandLine& line) {
  CLI::App* debug = app.add_subcommand(
      "debug", "step through a run on the simulated ring: rings, run queue, who awaits whom");
  debug->add_option("name", line.debug.name,
                    "an exercise (its losing case), or a lesson; the current exercise");
  debug->add_option("program", line.debug.program, "where the lesson has several");
  debug
      ->add_option_function<std::uint64_t>(
          "--seed", [&line](std::uint64_t seed) { line.debug.seed = seed; },
          "of an exercise, the case; else the order and delay of completions")
      ->check(a_seed);
  debug->add_flag("--rough", line.debug.rough, "with the faults of that seed");
  debug->add_option("--check", line.debug.check, "of an exercise; else the first that fails");
  debug->add_option("--step", line.debug.step, "print this step");
  debug->add_flag("--all", line.debug.all, "print all steps; so it is without a terminal");
}

CLI::App* named(CLI::App& app, const char* name, const char* what, CommandLine& line) {
  CLI::App* command = app.add_subcommand(name, what);
  command->add_option("exercise", line.exercise, "number or name; the current one when left out");
  return command;
}

void add_commands(CLI::App& app, CommandLine& line) {
  app.add_subcommand("doctor", "what this machine offers, and the remedy where it does not");
  app.add_subcommand("list", "all exercises, and how far you are");
  app.add_subcommand("next", "go on to the next exercise that is not solved, or to the one named")
      ->add_option("exercise", line.exercise, "number or name");
  app.add_subcommand("docs", "the texts there are, or one of them")
      ->add_option("name", line.text, "as `docs` names it");
  app.add_subcommand("completion", "what your shell needs to complete percore's words")
      ->add_option("shell", line.text, "bash, zsh or fish")
      ->required();
  CLI::App* run = app.add_subcommand(
      "run", "run a lesson's program, on your own modules where they are solved");
  run->footer("A program's own options stand behind --: ./tools/percore run 01 -- --help");
  run->add_option("lesson", line.run.lesson, "number or name; the current one when left out");
  run->add_option("program", line.run.program, "where the lesson has several");
  run->add_flag("--simulated", line.run.simulated,
                "on the simulated ring, as where the kernel gives none");
  run->add_option_function<std::uint64_t>(
         "--seed", [&line](std::uint64_t seed) { line.run.seed = seed; },
         "with --simulated: completions come late, in the order that this draws")
      ->check(a_seed);
  run->add_option("--arguments", line.arguments, "for the program; usually written after --")
      ->group("");
  add_check(app, line);
  add_trace(app, line);
  add_debug(app, line);
  named(app, "watch", "check at each save", line);
  CLI::App* hint = named(app, "hint", "the next hint", line);
  hint->add_option("number", line.hint, "this one");
  hint->add_flag("--all", line.all, "all of them");
  named(app, "diff", "what you changed since the starting file", line)
      ->add_flag("--solution", line.against_solution, "from yours to the plain answer");
  named(app, "solution", "the plain answer", line)
      ->add_flag("--take", line.take, "put it in your folder; a copy of yours is kept");
  named(app, "reset", "put the starting files back; a copy of yours is kept", line);
  app.add_subcommand("mine", "which layers of the runtime are yours");
  // Its words are tools/bench's own: see run_main().
  app.add_subcommand("bench", "measure percore beside the floor and the peers; --mine: and yours");
  CLI::App* prepare =
      app.add_subcommand("prepare", "compile what all checks share, before the first is asked for");
  prepare->group("");
  prepare->add_option("last", line.text, "this variant and those before it")
      ->check(CLI::IsMember({"fast", "explored", "sanitized", "measured"}));
  CLI::App* grade = app.add_subcommand("grade", "judge everything you have begun");
  grade->add_flag("--json", line.grade.json, "for scripts");
  grade->add_option("--junit", line.grade.junit, "write the results to this file, as JUnit XML");
  grade->add_option("--teacher", line.grade.teacher,
                    "with the cases in this folder as well (docs/guide/for-teachers.md)");
  grade->add_option("--from", line.grade.from, "the files of this folder in place of my/");
}

int dispatch(CLI::App& app, CommandLine& line, const fs::path& root) {
  const auto chosen = app.get_subcommands();
  const std::string name = chosen.empty() ? "" : chosen.front()->get_name();
  if (name == "doctor") return doctor_command(root);
  if (name == "docs") return docs_command(root, line.text);
  Session session(root);
  if (name == "prepare") return prepare_command(session, line.text);
  if (name == "completion")
    return completion_command(app, session.course, line.text, bench_words(session));
  if (name == "check") return check_command(session, line.check);
  if (name == "debug") {
    line.debug.arguments = line.arguments;
    return debug_command(session, line.debug);
  }
  if (name == "list") return list_command(session);
  if (name == "next") return next_command(session, line.exercise);
  line.run.arguments = line.arguments;
  if (name == "run") return run_command(session, line.run);
  if (name == "trace") {
    line.trace.arguments = line.arguments;
    return trace_command(session, line.trace);
  }
  if (name == "hint") return hint_command(session, line.exercise, line.hint, line.all);
  if (name == "diff") return diff_command(session, line.exercise, line.against_solution);
  if (name == "solution") return solution_command(session, line.exercise, line.take);
  if (name == "reset") return reset_command(session, line.exercise);
  if (name == "mine") return mine_command(session);
  if (name == "bench") return bench_command(session, line.arguments);
  if (name == "grade") return grade_command(session, line.grade);
  if (name == "watch" && !line.exercise.empty()) session.go_to(session.course.find(line.exercise));
  if (name.empty() && (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0))
    return where_command(session);
  return watch_command(session);
}

// An unknown command is answered with the nearest ones; CLI11 would only call it an extra argument.
void refuse_unknown(const CLI::App& app, const std::vector<std::string>& words) {
  std::vector<std::string> known;
  for (const CLI::App* command : app.get_subcommands({})) known.push_back(command->get_name());
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--root")
      ++i;
    else if (!words[i].starts_with('-')) {
      if (std::find(known.begin(), known.end(), words[i]) != known.end()) return;
      const auto close = nearest(words[i], known);
      refuse("There is no command '{}'.{} `./tools/percore --help` shows them all.", words[i],
             close.empty() ? "" : fmt::format(" Did you mean {}?", close.front()));
    }
  }
}

// Whether a word behind these is the command: nothing stands there but --root and its folder.
bool is_command(const std::vector<std::string>& before) {
  return before.empty() || (before.size() == 2 && before.front() == "--root");
}

int run_main(int count, char** words) {
  CLI::App app("percore: build a thread-per-core runtime on io_uring, layer by layer.", "percore");
  app.footer(EXAMPLES);
  app.set_version_flag("--version", std::string("percore ") + PERCORE_VERSION);
  app.require_subcommand(0, 1);
  CommandLine line;
  app.add_option("--root", line.root, "the repository; else the one around the working folder");
  add_commands(app, line);

  // What stands behind -- is the program's, and what stands behind `bench` that of tools/bench:
  // CLI11 does not look at it.
  std::vector<std::string> own;
  for (int i = 1; i < count; ++i) {
    const bool ends_ours = std::string_view(words[i]) == "--";
    const bool names_bench = std::string_view(words[i]) == "bench" && is_command(own);
    if (!ends_ours) own.emplace_back(words[i]);
    if (!ends_ours && !names_bench) continue;
    line.arguments.assign(words + i + 1, words + count);
    break;
  }
  const std::vector<std::string> in_order = own;
  try {
    std::reverse(own.begin(), own.end());  // CLI11 takes them from the back
    app.parse(own);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) refuse_unknown(app, in_order);
    const int status = app.exit(error);
    return status == 0 ? EXIT_PASS : EXIT_USAGE;
  }
  return dispatch(app, line, find_root(line.root));
}

}  // namespace
}  // namespace percore::tutor

int main(int count, char** words) {
  using namespace percore::tutor;
  try {
    catch_interrupts();
    return run_main(count, words);
  } catch (const Problem& problem) {
    std::fflush(stdout);
    fmt::print(stderr, "{}\n", problem.sentence);
    return problem.status;
  } catch (const Interrupted& interrupted) {
    // Everything is unwound: children ended, terminal put back. Now end as the signal would have
    // ended us.
    fmt::print("\n");
    std::fflush(stdout);
    std::signal(interrupted.signal, SIG_DFL);
    std::raise(interrupted.signal);
  } catch (const std::system_error& error) {
    // Who read our output has seen enough: `percore diff | head`.
    if (error.code() == std::errc::broken_pipe) _exit(EXIT_PASS);
    fmt::print(stderr, "percore stopped: {}\n", error.what());
  } catch (const std::exception& error) {
    fmt::print(stderr, "percore stopped: {}\n", error.what());
  }
  return EXIT_ENVIRONMENT;
}
