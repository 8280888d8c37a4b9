// `run`: a lesson's program on the learner's own modules; `mine`: which those are.

#include "commands.hpp"
#include "problem.hpp"
#include "supervise.hpp"
#include "terminal.hpp"

#include <sys/wait.h>
#include <unistd.h>
#include <percore/ring_setup.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace percore::tutor {

namespace {

// The modules that count as the learner's, lowest layer first, as -Dmine wants them.
std::string solved_modules(Session& session) {
  std::string out;
  for (const std::string& layer : session.config().layers)
    for (const Exercise* exercise : session.course.exercises())
      if (exercise->module() == layer &&
          session.workspace.standing(*exercise) == Workspace::Standing::mine)
        out += (out.empty() ? "" : ",") + layer;
  return out;
}

Supervised quietly(const std::vector<std::string>& words, const fs::path& folder) {
  Limits limits;
  limits.may_fork = true;
  limits.wall = std::chrono::minutes(10);
  limits.resident_bytes_max = UINT64_MAX;
  limits.output_bytes_max = 16U << 20;
  return supervise(words, folder, limits, false);
}

bool ended_well(const Supervised& ran) {
  return ran.ending == Ending::exited && ran.exit_status == 0;
}

// A solved module that was edited since is not taken: that must not happen in silence.
void tell_what_is_not_taken(Session& session) {
  for (const Exercise* exercise : session.course.exercises()) {
    const auto standing = session.workspace.standing(*exercise);
    if (standing != Workspace::Standing::file_changed &&
        standing != Workspace::Standing::contract_changed)
      continue;
    fmt::print(stderr, "({} {}; ours is used: `./tools/percore check {}` makes it yours again)\n",
               exercise->module(),
               standing == Workspace::Standing::file_changed
                   ? "changed since it was solved"
                   : "was solved against an older contract",
               exercise->number);
  }
}

// Where the kernel gives no ring, a program that wants one could only end oddly.
void demand_a_ring() {
  io_uring ring;
  const auto opened = open_ring(ring, RingOptions{.entries = 4});
  if (!opened)
    give_up("{} {} `./tools/percore doctor` tells more; checks run on the simulated ring.",
            opened.error().sentence, opened.error().remedy);
  io_uring_queue_exit(&ring);
}

bool uses_a_ring(const fs::path& folder, const std::string& program) {
  const std::string text = read_if_there(folder / (program + ".cpp")).value_or("");
  return text.find("<liburing.h>") != text.npos || text.find("<percore/ring") != text.npos ||
         text.find("<percore/executor") != text.npos || text.find("<percore/io") != text.npos;
}

// Whether a lesson's program is built on the runtime; some show liburing or coroutines alone.
bool uses_runtime(const fs::path& folder, const std::string& program) {
  return read_if_there(folder / (program + ".cpp")).value_or("").find("#include <percore/") !=
         std::string::npos;
}

bool modules_changed(const Session& session, const std::string& mine) {
  return read_if_there(session.course.root / "build" / "percore.mine").value_or("") != mine;
}

// Tells Meson which modules are the learner's, when that changed since the last time: a reconfigure
// takes a second.
void choose_modules(Session& session, const std::string& mine) {
  const fs::path build = session.course.root / "build";
  const fs::path stamp = build / "percore.mine";
  if (!modules_changed(session, mine)) return;
  const Supervised ran =
      quietly({session.config().meson, "configure", build, "-Dmine=" + mine}, session.course.root);
  if (!ended_well(ran)) give_up("Meson cannot take your modules ({}):\n{}", mine, ran.output);
  write_file(stamp, mine);
}

std::vector<std::string> programs_of(const Session& session, const Lesson& lesson) {
  std::vector<std::string> out;
  std::error_code error;
  for (const auto& entry :
       fs::directory_iterator(session.course.root / "lessons" / lesson.folder, error))
    if (entry.path().extension() == ".cpp") out.push_back(entry.path().stem());
  std::ranges::sort(out);
  return out;
}

// The lesson's own program is called as the lesson ("hello" of hello-world), else the first.
std::string main_program(const Lesson& lesson, const std::vector<std::string>& programs) {
  for (const std::string& program : programs)
    if (lesson.folder.find("-" + program) != lesson.folder.npos) return program;
  return programs.front();
}

// In the foreground: the program has the terminal, and Ctrl-C reaches it as it would without us.
int run_in_terminal(const fs::path& program, const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {program.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  std::fflush(stdout);
  const pid_t child = fork();
  if (child < 0) give_up("No process can be started: {}.", std::strerror(errno));
  if (child == 0) {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) std::signal(signal, SIG_DFL);
    execv(pointers[0], pointers.data());
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    // Ctrl-C went to the child as well: it ends first. A signal sent to us alone is passed on.
    try {
      throw_if_interrupted();
    } catch (const Interrupted& interrupted) {
      kill(child, interrupted.signal);
      while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
      }
      throw;
    }
  }
  if (WIFSIGNALED(status)) {
    fmt::print("{} was ended by signal {} ({}).\n", program.filename().string(), WTERMSIG(status),
               strsignal(WTERMSIG(status)));
    return EXIT_WRONG;
  }
  return WEXITSTATUS(status);
}

}  // namespace

int run_command(Session& session, const std::string& lesson_name, const std::string& program_name,
                const std::vector<std::string>& arguments) {
  const Lesson& lesson = lesson_name.empty() ? session.course.find_lesson(session.current().lesson)
                                             : session.course.find_lesson(lesson_name);
  const auto programs = programs_of(session, lesson);
  if (programs.empty()) give_up("Lesson {} has no program.", lesson.folder);
  const std::string program = program_name.empty() ? main_program(lesson, programs) : program_name;
  if (std::ranges::count(programs, program) == 0) {
    std::string all;
    for (const std::string& one : programs) all += (all.empty() ? "" : ", ") + one;
    refuse("Lesson {} has no program '{}'; it has {}.", lesson.number, program, all);
  }
  const std::string mine = solved_modules(session);
  const bool on_runtime = uses_runtime(session.course.root / "lessons" / lesson.folder, program);
  if (uses_a_ring(session.course.root / "lessons" / lesson.folder, program)) demand_a_ring();
  if (on_runtime) tell_what_is_not_taken(session);
  const fs::path target = fs::path("lessons") / lesson.folder / program;
  if (!fs::exists(session.course.root / "build" / target) || modules_changed(session, mine))
    fmt::print(stderr, "(building {})\n", target.string());
  choose_modules(session, mine);
  const Supervised built =
      quietly({session.config().ninja, "-C", session.course.root / "build", "--quiet", target},
              session.course.root);
  if (!ended_well(built))
    give_up("{} does not build{}:\n{}", target.string(),
            mine.empty()
                ? ""
                : " with your modules (" + mine + "); `./tools/percore check` each of them again",
            built.output);
  if (!mine.empty() && on_runtime) fmt::print(stderr, "(on your own {})\n", mine);
  return run_in_terminal(session.course.root / "build" / target, arguments);
}

int mine_command(Session& session) {
  unsigned own = 0;
  for (const std::string& layer : session.config().layers) {
    const Exercise* made_in = nullptr;
    for (const Exercise* exercise : session.course.exercises())
      if (exercise->module() == layer) made_in = exercise;
    if (made_in == nullptr) {
      fmt::print("  {:<12} ours   {}\n", layer, in_colour(Colour::dim, "given, not taught"));
      continue;
    }
    const fs::path folder = session.workspace.lesson_folder(*made_in) / layer;
    switch (session.workspace.standing(*made_in)) {
      case Workspace::Standing::mine:
        ++own;
        fmt::print("  {:<12} {}   {}\n", layer, in_colour(Colour::green, "mine"),
                   shown(folder, session.course.root));
        break;
      case Workspace::Standing::contract_changed:
        fmt::print(
            "  {:<12} ours   {}\n", layer,
            in_colour(Colour::yellow,
                      fmt::format("its contract changed in an update: yours has to be checked "
                                  "again, `./tools/percore check {}`",
                                  made_in->number)));
        break;
      case Workspace::Standing::file_changed:
        fmt::print("  {:<12} ours   {}\n", layer,
                   in_colour(Colour::yellow,
                             fmt::format("changed since it was solved: `./tools/percore check {}`",
                                         made_in->number)));
        break;
      case Workspace::Standing::ours:
        fmt::print("  {:<12} ours   exercise {}\n", layer, made_in->number);
        break;
    }
  }
  if (own == 0)
    fmt::print("None of the layers is yours yet: solve an exercise that is named above.\n");
  else
    fmt::print("{} of the layers {} yours. `./tools/percore run LESSON` runs on them.\n", own,
               own == 1 ? "is" : "are");
  return EXIT_PASS;
}

}  // namespace percore::tutor
