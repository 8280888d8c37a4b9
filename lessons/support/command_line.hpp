#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace percore::lesson {

/// A mistake that a program makes when told to, and what it is.
struct Mistake {
  std::string name;
  std::string what;
};

/// The options of a lesson's program, over CLI11. That library lives in command_line.cpp alone: its
/// header takes ten times as long to compile as a lesson's program, and who changes it waits.
/// Names and help are copied; each `value` is the caller's, holds the default beforehand, and must
/// outlive parse().
class CommandLine {
 public:
  CommandLine(const std::string& about, const std::string& program);
  ~CommandLine();

  void flag(const std::string& name, bool& value, const std::string& help);
  void text(const std::string& name, std::string& value, const std::string& help);
  void choice(const std::string& name, std::string& value, const std::vector<std::string>& choices,
              const std::string& help);

  /// A whole number from `least` to `most`. A default outside stands for "not given": not shown.
  void number(const std::string& name, unsigned& value, unsigned least, unsigned most,
              const std::string& help);
  void number(const std::string& name, int& value, int least, int most, const std::string& help);
  void number(const std::string& name, std::size_t& value, std::size_t least, std::size_t most,
              const std::string& help);

  /// --sabotage with one of the mistakes' names.
  void sabotage(std::string& value, const std::vector<Mistake>& mistakes);

  /// Reads the command line. Returns the status to leave main() with after --help (0) or a wrong
  /// option (2), both answered in words by then; nothing when the program is to go on.
  std::optional<int> parse(int argc, char** argv);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

/// Writes a drawing, or ends the program with status 3 and a sentence: where, and why not.
void write_drawing(const std::string& path, const std::string& svg);

}  // namespace percore::lesson
