// `completion`: what a shell completes after `percore`, printed as that shell's own script. The
// commands and options are those that the command line knows; names of exercises and programs are
// those of this repository.

#include "completion_command.hpp"

#include "commands.hpp"
#include "problem.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>

namespace percore::tutor {

namespace {

struct Word {
  std::string text;
  std::string about;
};

struct Command {
  Word word;
  std::vector<Word> options;    ///< without dashes
  std::vector<Word> arguments;  ///< what may stand behind it
};

// These options take a file or a folder.
constexpr std::array FILE_OPTIONS = {"from",      "junit",  "teacher", "svg",
                                     "json-file", "record", "root"};

std::vector<Word> exercise_words(const Course& course) {
  std::vector<Word> out;
  for (const Exercise* exercise : course.exercises()) {
    out.push_back({exercise->name, exercise->number + " " + exercise->title});
    out.push_back({exercise->number, exercise->name});
  }
  return out;
}

std::vector<Word> lesson_words(const Course& course) {
  std::vector<Word> out;
  for (const Lesson& lesson : course.lessons) {
    out.push_back({lesson.number, lesson.title});
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(course.root / "lessons" / lesson.folder, error))
      if (entry.path().extension() == ".cpp")
        out.push_back({entry.path().stem(), "program of lesson " + lesson.number});
  }
  std::ranges::sort(out, {}, &Word::text);
  return out;
}

// What tools/bench takes: options, and commands and choices.
void add_bench_words(Command& command, const std::vector<BenchWord>& words) {
  for (const BenchWord& word : words) {
    const bool option = word.text.starts_with("--");
    auto& to = option ? command.options : command.arguments;
    to.push_back({option ? word.text.substr(2) : word.text, word.about});
  }
}

std::vector<Command> commands_of(const CLI::App& app, const Course& course,
                                 const std::vector<BenchWord>& bench) {
  std::vector<Command> out;
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->get_group().empty()) continue;  // for the launcher, not for people
    Command one;
    one.word = {command->get_name(), command->get_description()};
    bool takes_exercise = false;
    for (const CLI::Option* option : command->get_options()) {
      takes_exercise = takes_exercise || option->get_name(true) == "exercise";
      if (option->get_group().empty()) continue;
      for (const std::string& name : option->get_lnames())
        one.options.push_back({name, option->get_description()});
    }
    const std::string& name = one.word.text;
    if (name == "bench") add_bench_words(one, bench);
    if (takes_exercise) one.arguments = exercise_words(course);
    if (name == "debug" || name == "trace") one.arguments = exercise_words(course);
    if (name == "docs")
      for (const std::string& text : docs_names(course.root)) one.arguments.push_back({text, ""});
    if (name == "run" || name == "trace" || name == "debug") {
      const auto lessons = lesson_words(course);
      one.arguments.insert(one.arguments.end(), lessons.begin(), lessons.end());
    }
    if (name == "completion") one.arguments = {{"bash", ""}, {"zsh", ""}, {"fish", ""}};
    out.push_back(std::move(one));
  }
  return out;
}

std::string listed(const Command& command) {
  std::string out;
  for (const Word& option : command.options) out += " --" + option.text;
  for (const Word& argument : command.arguments) out += " " + argument.text;
  return out.empty() ? "" : out.substr(1);
}

std::string file_options(std::string_view between) {
  std::string out;
  for (const char* option : FILE_OPTIONS)
    out += fmt::format("{}--{}", out.empty() ? "" : between, option);
  return out;
}

// The part that bash and zsh share: from the words before the cursor to the words to offer.
std::string choice(const std::vector<Command>& commands) {
  std::string names = "--help --version";
  for (const Command& command : commands) names += " " + command.word.text;
  std::string out = "  case $command in\n";
  out += fmt::format("    '') offered='{}' ;;\n", names);
  for (const Command& command : commands)
    out += fmt::format("    {}) offered='{}' ;;\n", command.word.text, listed(command));
  return out + "  esac\n";
}

std::string for_bash(const std::vector<Command>& commands) {
  return fmt::format(R"(# percore, completion for bash
_percore() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} command= offered= i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; ++i)); do
    [[ ${{COMP_WORDS[i]}} == -- ]] && return
    [[ -z $command && ${{COMP_WORDS[i]}} != -* ]] && command=${{COMP_WORDS[i]}}
  done
  case $before in
    {}) COMPREPLY=($(compgen -f -- "$word")); return ;;
  esac
{}  COMPREPLY=($(compgen -W "$offered" -- "$word"))
}}
complete -F _percore percore
)",
                     file_options("|"), choice(commands));
}

std::string for_zsh(const std::vector<Command>& commands) {
  return fmt::format(R"(#compdef percore
# percore, completion for zsh
_percore() {{
  local command= offered= i
  for ((i = 2; i < CURRENT; ++i)); do
    [[ ${{words[i]}} == -- ]] && return
    [[ -z $command && ${{words[i]}} != -* ]] && command=${{words[i]}}
  done
  case ${{words[CURRENT - 1]}} in
    {}) _files; return ;;
  esac
{}  compadd -- ${{=offered}}
}}
compdef _percore percore
)",
                     file_options("|"), choice(commands));
}

std::string fish_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text)
    out += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return out + "'";
}

std::string for_fish(const std::vector<Command>& commands) {
  std::string out = "# percore, completion for fish\ncomplete -c percore -f\n";
  for (const Command& command : commands) {
    out += fmt::format("complete -c percore -n __fish_use_subcommand -a {} -d {}\n",
                       command.word.text, fish_quoted(command.word.about));
    const std::string when = fmt::format("-n '__fish_seen_subcommand_from {}'", command.word.text);
    for (const Word& option : command.options) {
      const bool file = std::ranges::count(FILE_OPTIONS, option.text) != 0;
      out += fmt::format("complete -c percore {} -l {}{} -d {}\n", when, option.text,
                         file ? " -rF" : "", fish_quoted(option.about));
    }
    for (const Word& argument : command.arguments)
      out += fmt::format("complete -c percore {} -a {} -d {}\n", when, argument.text,
                         fish_quoted(argument.about));
  }
  return out;
}

}  // namespace

int completion_command(const CLI::App& app, const Course& course, const std::string& shell,
                       const std::vector<BenchWord>& bench) {
  const auto commands = commands_of(app, course, bench);
  if (shell == "bash")
    fmt::print("{}", for_bash(commands));
  else if (shell == "zsh")
    fmt::print("{}", for_zsh(commands));
  else if (shell == "fish")
    fmt::print("{}", for_fish(commands));
  else
    refuse("Completion is there for bash, zsh and fish: `./tools/percore completion bash`.");
  return EXIT_PASS;
}

}  // namespace percore::tutor
