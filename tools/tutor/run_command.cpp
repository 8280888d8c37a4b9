// `run`: a lesson's program on the learner's own modules; `mine`: which those are.

#include "commands.hpp"
#include "lesson_program.hpp"
#include "problem.hpp"
#include "terminal.hpp"

#include <sys/wait.h>
#include <unistd.h>
#include <percore/ring_setup.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace percore::tutor {

namespace {

// Why the kernel gives no ring, or nothing where it does.
std::optional<RingFailure> no_ring() {
  io_uring ring;
  const auto opened = open_ring(ring, RingOptions{.entries = 4});
  if (!opened) return opened.error();
  io_uring_queue_exit(&ring);
  return {};
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

int run_command(Session& session, const RunCommand& command) {
  if (command.seed && !command.simulated)
    refuse("--seed is the simulated ring's: give --simulated as well.");
  const LessonProgram program = find_program(session, command.lesson, command.program);
  const auto failure = program.uses_ring && !command.simulated ? no_ring() : std::nullopt;
  if (command.simulated && !program.uses_ring)
    refuse("{} uses no ring: run it without --simulated.", program.name);
  if (command.simulated) must_have_simulated(program);
  if (failure && std::ranges::count(program.simulated_of_lesson, program.name) == 0)
    refuse("{} needs io_uring, and is not made for the simulated ring: {}", program.name,
           failure->sentence);
  if (failure)
    fmt::print(stderr,
               "(on the simulated ring: {} Results hold, times and counts of system calls do not; "
               "`./tools/percore doctor` says more)\n",
               failure->sentence);
  if (command.seed) setenv("PERCORE_SIM_SEED", fmt::format("{}", *command.seed).c_str(), 1);
  const bool simulated = failure || command.simulated;
  return run_in_terminal(build_program(session, program, simulated), command.arguments);
}

int mine_command(Session& session) {
  unsigned own = 0;
  std::size_t width = 12;
  for (const std::string& layer : session.config().layers) width = std::max(width, layer.size());
  for (const std::string& layer : session.config().layers) {
    const Exercise* made_in = nullptr;
    for (const Exercise* exercise : session.course.exercises())
      if (exercise->module() == layer) made_in = exercise;
    if (made_in == nullptr) {
      fmt::print("  {:<{}} ours   {}\n", layer, width, in_colour(Colour::dim, "given, not taught"));
      continue;
    }
    const fs::path folder = session.workspace.lesson_folder(*made_in) / layer;
    switch (session.workspace.standing(*made_in)) {
      case Workspace::Standing::mine:
        ++own;
        fmt::print("  {:<{}} {}   {}\n", layer, width, in_colour(Colour::green, "mine"),
                   shown(folder, session.course.root));
        break;
      case Workspace::Standing::contract_changed:
        fmt::print(
            "  {:<{}} ours   {}\n", layer, width,
            in_colour(Colour::yellow,
                      fmt::format("its contract changed in an update: yours has to be checked "
                                  "again, `./tools/percore check {}`",
                                  made_in->number)));
        break;
      case Workspace::Standing::file_changed:
        fmt::print("  {:<{}} ours   {}\n", layer, width,
                   in_colour(Colour::yellow,
                             fmt::format("changed since it was solved: `./tools/percore check {}`",
                                         made_in->number)));
        break;
      case Workspace::Standing::ours:
        fmt::print("  {:<{}} ours   exercise {}\n", layer, width, made_in->number);
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
