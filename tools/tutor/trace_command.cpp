// `trace`: a run on the simulated ring as a picture: of a lesson's program, or of the case that an
// exercise loses.

#include "commands.hpp"
#include "json.hpp"
#include "lesson_program.hpp"
#include "losing_case.hpp"
#include "problem.hpp"
#include "scratch.hpp"
#include "supervise.hpp"
#include "terminal.hpp"

#include <unistd.h>
#include <perfetto.hpp>
#include <svg.hpp>
#include <text.hpp>

#include <algorithm>

namespace percore::tutor {

namespace {

constexpr unsigned columns_usual = 100;  // of a terminal that is wider
constexpr unsigned columns_min = 60;

// A file for the record, in a folder that is gone when the picture is drawn. A check can write
// nowhere else.
class RecordFile {
 public:
  explicit RecordFile(const fs::path& root)
      : folder_(made(root / "build" / "trace")), path_(folder_.path() / "record") {}

  [[nodiscard]] const fs::path& folder() const { return folder_.path(); }
  [[nodiscard]] std::string variable() const { return "PERCORE_SIM_RECORD=" + path_.string(); }

  // The last run in it, if it has any events.
  [[nodiscard]] std::optional<trace::Run> last_run() const {
    if (!fs::is_regular_file(fs::symlink_status(path_))) return {};  // or what a learner put there
    auto runs = trace::read_record(read_if_there(path_).value_or(""));
    if (runs.empty() || runs.back().events.empty()) return {};
    return std::move(runs.back());
  }

 private:
  static fs::path made(fs::path folder) {
    make_folder(folder);
    return folder;
  }

  ScratchFolder folder_;
  fs::path path_;
};

// Where the run ended otherwise than by an oracle's word, the picture says so.
void mark_end(trace::Run& run, const std::string& sentence) {
  const bool told = std::ranges::any_of(
      run.events, [](const trace::Event& event) { return event.kind == trace::Kind::violation; });
  if (told || sentence.empty()) return;
  trace::Event event;
  event.kind = trace::Kind::violation;
  event.kind_name = "violation";
  if (!run.events.empty()) {
    event.time_nanoseconds = run.events.back().time_nanoseconds;
    event.executor = run.events.back().executor;
  }
  event.text = sentence;
  run.events.push_back(event);
}

std::string ending_words(const Supervised& ran) {
  switch (ran.ending) {
    case Ending::exited:
      return ran.exit_status == 0
                 ? ""
                 : fmt::format("the program ended with exit status {}", ran.exit_status);
    case Ending::signalled:
      return fmt::format("the program was ended by signal {}", ran.signal);
    case Ending::spun:
      return "the program spins: it uses the processor and gets no further";
    case Ending::waited:
      return "the program waits, and nothing will wake it";
    case Ending::out_of_time:
      return "the program needed more than its time and was stopped";
    case Ending::flooded_report:
      return "the program wrote too much to the checker's own descriptor and was stopped";
    case Ending::flooded:
      return "the program printed too much and was stopped";
    case Ending::forked:
      return "the program tried to start a process and was stopped";
    case Ending::ate_memory:
      return "the program took too much memory and was stopped";
    case Ending::filled_disk:
      return "the program wrote too much to disk and was stopped";
    case Ending::ran_wild:
      return "the program started more threads than a check allows and was stopped";
  }
  return "";
}

void write_picture(const std::string& path, const std::string& text, const char* what) {
  write_file(path, text);
  fmt::print(stderr, "({} written to {})\n", what, path);
}

// As text, unless only files were asked for.
void show(const trace::Run& run, const std::string& title, const TraceCommand& command) {
  if (!command.svg.empty())
    write_picture(command.svg, trace::to_svg(run, {.title = title, .full = command.full}), "SVG");
  if (!command.json.empty())
    write_picture(command.json, trace::to_perfetto(run, title),
                  "a trace that https://ui.perfetto.dev opens is");
  if (!command.svg.empty() || !command.json.empty()) return;
  const unsigned columns =
      command.width != 0 ? command.width : std::min(terminal_columns(), columns_usual);
  fmt::print("{}", trace::to_text(run, {.title = title,
                                        .columns = columns,
                                        .colours = colours_wanted(),
                                        .full = command.full}));
}

// A record that somebody's own program wrote.
int trace_record(const TraceCommand& command) {
  const auto text = read_if_there(command.record);
  if (!text) refuse("{} cannot be read.", command.record);
  auto runs = trace::read_record(*text);
  std::erase_if(runs, [](const trace::Run& run) { return run.events.empty(); });
  if (runs.empty())
    refuse(
        "{} holds no record: a program on the simulated ring writes one to the file that "
        "PERCORE_SIM_RECORD names.",
        command.record);
  show(runs.back(), fs::path(command.record).filename(), command);
  return EXIT_PASS;
}

// Of a check the harness tells what broke; of any other ending the verdict did.
std::string ending_of_check(const Supervised& ran, const LosingCase& lost) {
  if (!lost.fails) return "";
  for (const std::string& line : split_lines(ran.report)) {
    const auto report = Json::parse(line);
    if (!report || (*report)["event"].text() != "broken") continue;
    const std::string& invariant = (*report)["invariant"].text();
    return invariant + (invariant.empty() ? "" : " broken: ") + (*report)["sentence"].text();
  }
  return lost.headline.empty() ? ending_words(ran) : lost.headline;
}

int trace_program(Session& session, const TraceCommand& command) {
  const LessonProgram program =
      find_program(session, command.what, command.program, command.program.empty());
  if (!program.uses_ring)
    refuse("{} uses no ring, so there is nothing to draw; `./tools/percore run {} {}` runs it.",
           program.name, program.lesson->number, program.name);
  must_have_simulated(program);
  const fs::path path = build_program(session, program, true);
  const RecordFile record(session.course.root);
  std::vector<std::string> environment = {record.variable()};
  if (command.seed) environment.push_back(fmt::format("PERCORE_SIM_SEED={}", *command.seed));
  if (command.rough) environment.emplace_back("PERCORE_SIM_ROUGH=1");
  std::vector<std::string> words = {path.string()};
  words.insert(words.end(), command.arguments.begin(), command.arguments.end());
  Limits limits;
  limits.may_fork = true;  // some count system calls in a child
  limits.output_bytes_max = 64U << 20;
  const Supervised ran = supervise(words, session.course.root, limits, false, environment);
  auto run = record.last_run();
  // A program of a lesson ends so where it does not know an argument, and says what it knows.
  if (!run && ran.ending == Ending::exited && ran.exit_status == EXIT_USAGE)
    refuse("{} does not take these arguments. It said:\n{}", program.name, trimmed(ran.output));
  if (!run) {
    give_up("{} opened no ring, so there is nothing to draw.{}", program.name,
            ran.output.empty() ? "" : " It said:\n" + ran.output);
  }
  const std::string ending = ending_words(ran);
  mark_end(*run, ending);
  std::string title = program.name;
  for (const std::string& argument : command.arguments) title += " " + argument;
  const bool as_text = command.svg.empty() && command.json.empty();
  if (command.program.empty() && as_text)
    fmt::print(stderr, "({} is drawn, which the lesson names for it; another: --program NAME)\n",
               program.name);
  show(*run, title, command);
  if (!ending.empty()) {
    const auto lines = split_lines(ran.output);
    fmt::print(stderr, "{}: {}. {}\n", program.name, ending,
               lines.empty() ? "" : "Its last words: " + lines.back());
    return EXIT_WRONG;
  }
  return EXIT_PASS;
}

// The run that the verdict told: as small as it was made there.
int trace_check(Session& session, const Exercise& exercise, const TraceCommand& command) {
  const LosingCase lost = losing_case(session, exercise, command.check, command.seed);
  const RecordFile record(session.course.root);
  const Supervised ran = supervise(lost.words(), record.folder(), Limits{}, true,
                                   {record.variable(), "TMPDIR=" + record.folder().string()});
  auto run = record.last_run();
  if (!run) {  // it ended before its ring
    run.emplace();
    run->seed = lost.seed;
  }
  const std::string ending = ending_of_check(ran, lost);
  mark_end(*run, ending);
  show(*run, fmt::format("{} {}, check {}", exercise.number, exercise.name, lost.check), command);
  return lost.fails ? EXIT_WRONG : EXIT_PASS;
}

}  // namespace

int trace_command(Session& session, const TraceCommand& command) {
  if (command.width != 0 && command.width < columns_min)
    refuse("--width {}: a picture needs at least {} columns.", command.width, columns_min);
  if (!command.record.empty()) return trace_record(command);
  for (const Exercise* exercise : session.course.exercises())
    if (command.what == exercise->number || command.what == exercise->name)
      return trace_check(session, *exercise, command);
  return trace_program(session, command);
}

}  // namespace percore::tutor
