// `bench`: tools/bench, with all its options, and on the modules that count as the learner's.

#include "commands.hpp"
#include "lesson_program.hpp"
#include "problem.hpp"
#include "toolchain.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace percore::tutor {

namespace {

fs::path bench_script(const fs::path& root) {
  return root / "tools" / "bench";
}

// Which of the words behind --mine are modules that may be measured: those that are solved. Others
// would not build, or would be measured broken.
std::string checked_modules(const std::string& wanted, const std::string& solved) {
  if (solved.empty())
    refuse(
        "None of the layers is yours yet, so there is nothing to put beside ours: "
        "`./tools/percore mine` names the exercises.");
  if (wanted.empty() || wanted == "all") return solved;
  for (std::size_t at = 0; at <= wanted.size();) {
    const std::size_t end = std::min(wanted.find(',', at), wanted.size());
    const std::string module = wanted.substr(at, end - at);
    if (("," + solved + ",").find("," + module + ",") == std::string::npos)
      refuse("'{}' is not one of your layers; these are: {}. `./tools/percore mine` says more.",
             module, solved);
    at = end + 1;
  }
  return wanted;
}

// --mine, --mine MODULES and --mine=MODULES become --mine=the solved ones of them.
std::vector<std::string> with_solved_modules(Session& session,
                                             const std::vector<std::string>& arguments) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word != "--mine" && !word.starts_with("--mine=")) {
      out.push_back(word);
      continue;
    }
    std::string wanted = word.starts_with("--mine=") ? word.substr(strlen("--mine=")) : "";
    const bool value_follows = i + 1 < arguments.size() && !arguments[i + 1].starts_with('-');
    if (word == "--mine" && value_follows) wanted = arguments[++i];
    tell_what_is_not_taken(session);
    out.push_back("--mine=" + checked_modules(wanted, solved_modules(session)));
  }
  return out;
}

}  // namespace

int bench_command(Session& session, const std::vector<std::string>& arguments) {
  const fs::path script = bench_script(session.course.root);
  std::vector<std::string> words = {session.config().python, script.string()};
  const bool own_root = std::ranges::any_of(
      arguments, [](const std::string& word) { return word.starts_with("--mine-root"); });
  const auto rest = own_root ? arguments : with_solved_modules(session, arguments);
  words.insert(words.end(), rest.begin(), rest.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  setenv("PERCORE_BENCH_NAME", "./tools/percore bench", 1);
  std::fflush(stdout);
  execv(pointers[0], pointers.data());
  give_up("{} cannot be started: {}.", pointers[0], std::strerror(errno));
}

std::vector<BenchWord> bench_words(Session& session) {
  std::vector<BenchWord> out;
  const fs::path script = bench_script(session.course.root);
  if (!fs::exists(script)) return out;
  const std::string command =
      shell_quoted(session.config().python) + " " + shell_quoted(script.string()) + " --words";
  std::FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return out;
  std::array<char, 512> line{};
  while (std::fgets(line.data(), line.size(), pipe) != nullptr) {
    std::string text(line.data());
    if (text.ends_with('\n')) text.pop_back();
    const std::size_t tab = text.find('\t');
    out.push_back({text.substr(0, tab), tab == text.npos ? "" : text.substr(tab + 1)});
  }
  pclose(pipe);
  return out;
}

}  // namespace percore::tutor
