#include "linker.hpp"

#include "supervise.hpp"
#include "toolchain.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

namespace percore::tutor {

namespace {

// Stand for the objects and for the program; the compiler asks of the first that it exists.
constexpr std::string_view objects = "/dev/null";
constexpr std::string_view program = "percore-program";

// The compiler's last line has each word between quotes, a quote within one after a backslash.
std::vector<std::string> quoted_words(std::string_view line) {
  std::vector<std::string> out;
  bool within = false;
  for (std::size_t i = 0; i != line.size(); ++i) {
    if (line[i] == '"') {
      within = !within;
      if (within) out.emplace_back();
    } else if (within) {
      if (line[i] == '\\' && i + 1 != line.size()) ++i;
      out.back() += line[i];
    }
  }
  return out;
}

std::string for_ninja(const std::string& word) {
  std::string out;
  for (const char c : word) out += c == '$' ? std::string("$$") : std::string(1, c);
  return out;
}

std::optional<std::string> ask(const std::string& driver) {
  Limits limits;
  limits.may_fork = true;
  const std::string command =
      driver + " -### " + std::string(objects) + " -o " + std::string(program);
  const Supervised ran = supervise({"/bin/sh", "-c", command}, fs::current_path(), limits, false);
  if (ran.ending != Ending::exited || ran.exit_status != 0) return std::nullopt;
  const std::vector<std::string> lines = split_lines(ran.output);
  if (lines.empty()) return std::nullopt;
  const std::vector<std::string> words = quoted_words(lines.back());
  if (std::ranges::count(words, objects) != 1 || std::ranges::count(words, program) != 1)
    return std::nullopt;
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += ' ';
    if (word == objects)
      out += "$in $libraries";
    else
      out += word == program ? "$out" : for_ninja(shell_quoted(word));
  }
  return out;
}

// After an update of the compiler its own files may lie elsewhere.
bool all_there(const std::string& command) {
  return std::ranges::all_of(split_words(command), [](const std::string& word) {
    return !word.starts_with('/') || fs::exists(word);
  });
}

}  // namespace

std::string link_command(const std::string& driver, bool clang, const fs::path& record) {
  std::string by_driver = for_ninja(driver) + " $in -o $out $libraries";
  if (!clang) return by_driver;
  const std::vector<std::string> kept = split_lines(read_if_there(record).value_or(""));
  if (kept.size() == 2 && kept[0] == driver && all_there(kept[1])) return kept[1];
  const std::optional<std::string> command = ask(driver);
  if (!command) return by_driver;
  make_folder(record.parent_path());
  write_file(record, driver + "\n" + *command + "\n");
  return *command;
}

}  // namespace percore::tutor
