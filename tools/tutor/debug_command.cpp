// `debug`: a run on the simulated ring, step by step, forwards and backwards. The run is over
// before the first step is shown: stepping walks through what it left behind.

#include "commands.hpp"
#include "debug_show.hpp"
#include "lesson_program.hpp"
#include "losing_case.hpp"
#include "problem.hpp"
#include "scratch.hpp"
#include "supervise.hpp"
#include "terminal.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace percore::tutor {

namespace {

// A program with its arguments, and what is known of how it ends.
struct Run {
  std::vector<std::string> words;
  std::vector<std::string> environment;
  std::string headline;
  std::string ending;  ///< what the verdict says of it
  bool is_check = false;
};

Run run_of_exercise(Session& session, const Exercise& exercise, const DebugCommand& command) {
  const LosingCase lost =
      stepped(session, exercise, losing_case(session, exercise, command.check, command.seed));
  Run run{.words = lost.words(),
          .environment = {},
          .headline = "",
          .ending = lost.headline,
          .is_check = true};
  run.headline = fmt::format("{} {}, check {}, seed {}{}", exercise.number, exercise.name,
                             lost.check, lost.seed, lost.fails ? "" : ", which passes");
  return run;
}

// A lesson's program on the simulated ring.
Run run_of_lesson(Session& session, const DebugCommand& command) {
  const LessonProgram program = find_program(session, command.name, command.program, true);
  must_have_simulated(program);
  Run run{.words = {build_program(session, program, true).string()},
          .environment = {},
          .headline = fmt::format("{} of lesson {}", program.name, program.lesson->number),
          .ending = ""};
  run.words.insert(run.words.end(), command.arguments.begin(), command.arguments.end());
  if (command.seed) {
    run.environment.push_back(fmt::format("PERCORE_SIM_SEED={}", *command.seed));
    run.headline += fmt::format(", seed {}", *command.seed);
  }
  if (command.rough) run.environment.emplace_back("PERCORE_SIM_ROUGH=1");
  return run;
}

// Runs it to its end, whatever that is.
DebugRecord recorded(const Session& session, const Run& run) {
  make_folder(session.course.root / "build" / "check");
  const ScratchFolder scratch(session.course.root / "build" / "check");
  const fs::path file = scratch.path() / "steps";
  auto environment = run.environment;
  environment.push_back("PERCORE_SIM_SNAPSHOTS=" + file.string());
  Limits limits;
  limits.file_bytes_max = 256ULL << 20;
  limits.may_fork = !run.is_check;  // a lesson's program may trace a child
  supervise(run.words, scratch.path(), limits, run.is_check, environment);
  return read_debug_record(file);
}

// Walks through the steps by keys.
class Stepper {
 public:
  Stepper(const DebugShow& show, const DebugRecord& record, std::size_t at,
          const std::string& headline)
      : show_(show), record_(record), at_(at), headline_(headline) {}

  void run() {
    for (bool more = true; more;) {
      if (colours_wanted()) fmt::print("\x1b[H\x1b[2J\x1b[3J");
      const unsigned columns = terminal_columns();
      const std::string head = wrapped(headline_, columns);
      const auto lines = [](const std::string& text) {
        return static_cast<std::size_t>(std::ranges::count(text, '\n'));
      };
      // Beside the step: the head, an empty line above and below it, and the keys.
      const std::size_t taken = lines(head) + lines(message_) + 4;
      const std::size_t rows = terminal_rows();
      fmt::print("{}\n\n{}\n{}", head,
                 show_.step(at_, {.columns = columns, .rows = rows > taken ? rows - taken : 1}),
                 message_);
      message_.clear();
      fmt::print("{}",
                 in_colour(Colour::dim, "n next  p back  g to a step  / search  ? keys  q quit: "));
      std::fflush(stdout);
      more = press(key());
    }
    fmt::print("\n");
  }

 private:
  // Arrow keys, as the control characters that mean the same to a shell.
  static constexpr char escape = 27, right = 14, left = 16;

  // The end of the input is a q.
  char key() {
    pollfd wanted[2] = {{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                        {.fd = interrupt_descriptor(), .events = POLLIN, .revents = 0}};
    char key = 'q';
    while (poll(wanted, 2, -1) < 0 && errno == EINTR) throw_if_interrupted();
    throw_if_interrupted();
    if (read(STDIN_FILENO, &key, 1) != 1) return 'q';
    return key == escape ? arrow() : key;
  }

  // What follows an escape: ESC [ C for the arrow to the right, ESC [ D for the one to the left.
  // Other keys that send such words do nothing, nor does Escape itself.
  static char arrow() {
    char next = 0;
    pollfd wanted = {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    const auto read_one = [&] {
      return poll(&wanted, 1, 50) == 1 && read(STDIN_FILENO, &next, 1) == 1;
    };
    if (!read_one() || (next != '[' && next != 'O')) return 0;
    while (read_one())
      if (next >= '@' && next <= '~') return next == 'C' ? right : next == 'D' ? left : char{0};
    return 0;
  }

  // A line, echoed by us: the terminal does not.
  std::string line(const char* prompt) {
    std::string out;
    for (;;) {
      fmt::print("\r\x1b[K{}{}", prompt, out);
      std::fflush(stdout);
      const char next = key();
      if (next == '\n' || next == '\r') return out;
      if (next == 127 || next == 8) {
        if (!out.empty()) out.pop_back();
      } else if (next >= ' ') {
        out += next;
      }
    }
  }

  bool press(char key) {
    const std::size_t last = record_.steps.size() - 1;
    if (key == 'q') return false;
    if (key == 'n' || key == right || key == '\n' || key == '\r' || key == ' ') {
      if (at_ == last) message_ = "This is the last step.\n";
      at_ = std::min(at_ + 1, last);
    } else if (key == 'p' || key == left || key == 127) {
      if (at_ == 0) message_ = "This is the first step.\n";
      at_ -= at_ == 0 ? 0 : 1;
    } else if (key == '?' || key == 'h') {
      message_ =
          "n, Enter, space, right arrow   the next step\n"
          "p, Backspace, left arrow       the one before\n"
          "g NUMBER Enter                 that step\n"
          "/ WORDS Enter                  the next step that shows these words; / Enter: again\n"
          "q                              ends\n";
    } else if (key == 'g') {
      go_to(line("go to step: "));
    } else if (key == '/') {
      const std::string typed = line("search: ");
      if (!typed.empty()) wanted_ = typed;
      search();
    }
    return true;
  }

  void go_to(const std::string& number) {
    std::size_t wanted = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), wanted);
    if (error != std::errc{} || wanted < 1 || wanted > record_.steps.size())
      message_ = fmt::format("There are steps 1 to {}.\n", record_.steps.size());
    else
      at_ = wanted - 1;
  }

  void search() {
    for (std::size_t i = 1; i <= record_.steps.size(); ++i) {
      const std::size_t candidate = (at_ + i) % record_.steps.size();
      if (show_.step(candidate).find(wanted_) == std::string::npos) continue;
      at_ = candidate;
      return;
    }
    message_ = fmt::format("No step shows '{}'.\n", wanted_);
  }

  const DebugShow& show_;
  const DebugRecord& record_;
  std::size_t at_;
  std::string headline_, message_, wanted_;
};

}  // namespace

int debug_command(Session& session, const DebugCommand& command) {
  const Exercise* exercise = command.name.empty() ? &session.current() : nullptr;
  for (const Exercise* one : session.course.exercises())
    if (one->number == command.name || one->name == command.name) exercise = one;
  const Run run = exercise != nullptr ? run_of_exercise(session, *exercise, command)
                                      : run_of_lesson(session, command);
  const DebugRecord record = recorded(session, run);
  const fs::path program = run.words.front();
  if (record.steps.empty())
    refuse(
        "{} used no ring, so there are no steps to show; `check --seed N` shows a case again, and "
        "how a debugger gets at it.",
        run.headline);

  const Coroutines coroutines(program, session.course.root, record.program_start);
  const DebugShow show(record, coroutines, run.ending);
  if (command.step > record.steps.size())
    refuse("--step {}: there are steps 1 to {}.", command.step, record.steps.size());
  const std::string title =
      run.ending.empty() ? run.headline : run.headline + "\n" + in_colour(Colour::red, run.ending);
  if (command.step != 0) {
    fmt::print("{}\n\n{}", title, show.step(command.step - 1));
  } else if (command.all || isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0) {
    fmt::print("{}\n", title);
    for (std::size_t i = 0; i < record.steps.size(); ++i) fmt::print("\n{}", show.step(i));
  } else {
    const RawTerminal terminal;
    Stepper(show, record, 0, title).run();
  }
  return EXIT_PASS;
}

}  // namespace percore::tutor
