#pragma once

#include "session.hpp"

#include <string>
#include <vector>

namespace percore::tutor {

/// Each command returns the tutor's exit status; what cannot be done at all is thrown as a Problem.

struct CheckCommand {
  std::string exercise;
  std::optional<std::uint64_t> seed;
  std::uint64_t seeds = 0;  ///< so many of each check; 0: as many as it says itself
  std::string only;         ///< one check by name
  std::string step;         ///< the checks of one step
  bool real = false;        ///< the kernel's ring, and it alone
  std::string from;         ///< another folder in place of my/NN-lesson
  bool json = false;
  bool verbose = false;
  bool sanitizers = true;
};
int check_command(Session& session, const CheckCommand& command);

struct DebugCommand {
  std::string name;     ///< an exercise, or a lesson; empty: the current exercise
  std::string program;  ///< of a lesson that has several
  std::vector<std::string> arguments;
  std::optional<std::uint64_t> seed;
  std::string check;     ///< only a case of this check
  std::size_t step = 0;  ///< print this one; 0: all, or by keys
  bool all = false;
  bool rough = false;  ///< of a lesson: with the seed's faults
};
int debug_command(Session& session, const DebugCommand& command);

/// Compiles what all checks share, so that the first verdict need not wait for it. The launcher
/// runs it beside the tutor. Ends after the variant named `last`; all of them when it is empty.
int prepare_command(Session& session, const std::string& last);

int list_command(Session& session);
/// Goes to the exercise named, or to the next that is not solved.
int next_command(Session& session, const std::string& name);
int hint_command(Session& session, const std::string& exercise, unsigned number, bool all);
int diff_command(Session& session, const std::string& exercise, bool against_solution);
int solution_command(Session& session, const std::string& exercise, bool take);
int reset_command(Session& session, const std::string& exercise);
int mine_command(Session& session);
struct GradeCommand {
  bool json = false;
  std::string junit;    ///< a file for the results as JUnit XML
  std::string teacher;  ///< a folder of cases that learners do not see
  std::string from;     ///< a folder in place of my/; nothing is recorded then
};
int grade_command(Session& session, const GradeCommand& command);
struct RunCommand {
  std::string lesson, program;
  std::vector<std::string> arguments;
  bool simulated = false;             ///< on the simulated ring, although the kernel has one
  std::optional<std::uint64_t> seed;  ///< of the simulated ring: completions late, in its order
};
int run_command(Session& session, const RunCommand& command);

struct TraceCommand {
  std::string what;     ///< a lesson or an exercise
  std::string program;  ///< where the lesson has several
  std::string check;    ///< of an exercise; the first that fails when empty
  std::optional<std::uint64_t> seed;
  bool rough = false;  ///< with the seed's faults
  bool full = false;
  unsigned width = 0;     ///< of the text; 0: as the terminal
  std::string svg, json;  ///< files to write in place of the text
  std::string record;     ///< a record to draw; nothing is run
  std::vector<std::string> arguments;
};
int trace_command(Session& session, const TraceCommand& command);

/// tools/bench with these arguments, in place of the tutor. `--mine` becomes the modules that count
/// as the learner's; another folder (--mine-root) is taken as it is.
int bench_command(Session& session, const std::vector<std::string>& arguments);
struct BenchWord {
  std::string text;   ///< an option with its dashes, a command or a choice
  std::string about;  ///< may be empty
};
/// What may stand behind `bench`, as tools/bench says it.
std::vector<BenchWord> bench_words(Session& session);

int watch_command(Session& session);
/// Without a terminal: where one is, and what comes next.
int where_command(Session& session);
/// Names the texts there are, or shows one.
int docs_command(const fs::path& root, const std::string& name);
std::vector<std::string> docs_names(const fs::path& root);
int doctor_command(const fs::path& root);

/// The task as text for a terminal, with the files to edit.
std::string task_text(Session& session, const Exercise& exercise);
/// Hint `index` (from 0), with its title.
std::string hint_text(const Exercise& exercise, std::size_t index);
std::string list_text(Session& session);

}  // namespace percore::tutor
