#include "command_line.hpp"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace percore::lesson {

struct CommandLine::Parser {
  CLI::App app;
};

namespace {

template <class Number>
void add_number(CLI::App& app, const std::string& name, Number& value, Number least, Number most,
                const std::string& help) {
  CLI::Option* option = app.add_option(name, value, help)->check(CLI::Range(least, most));
  if (least <= value && value <= most) option->capture_default_str();
}

}  // namespace

CommandLine::CommandLine(const std::string& about, const std::string& program)
    : parser_(std::make_unique<Parser>()) {
  parser_->app.description(about);
  parser_->app.name(program);
}

CommandLine::~CommandLine() = default;

void CommandLine::flag(const std::string& name, bool& value, const std::string& help) {
  parser_->app.add_flag(name, value, help);
}

void CommandLine::text(const std::string& name, std::string& value, const std::string& help) {
  parser_->app.add_option(name, value, help);
}

void CommandLine::choice(const std::string& name, std::string& value,
                         const std::vector<std::string>& choices, const std::string& help) {
  parser_->app.add_option(name, value, help)->check(CLI::IsMember(choices));
}

void CommandLine::number(const std::string& name, unsigned& value, unsigned least, unsigned most,
                         const std::string& help) {
  add_number(parser_->app, name, value, least, most, help);
}

void CommandLine::number(const std::string& name, int& value, int least, int most,
                         const std::string& help) {
  add_number(parser_->app, name, value, least, most, help);
}

void CommandLine::number(const std::string& name, std::size_t& value, std::size_t least,
                         std::size_t most, const std::string& help) {
  add_number(parser_->app, name, value, least, most, help);
}

void CommandLine::sabotage(std::string& value, const std::vector<Mistake>& mistakes) {
  std::size_t widest = 0;
  for (const Mistake& mistake : mistakes) widest = std::max(widest, mistake.name.size());
  std::string help = "make a classic mistake on purpose:";
  std::vector<std::string> names;
  for (const Mistake& mistake : mistakes) {
    names.push_back(mistake.name);
    help += fmt::format("\n  {:<{}}  {}", mistake.name, widest, mistake.what);
  }
  choice("--sabotage", value, names, help);
}

std::optional<int> CommandLine::parse(int argc, char** argv) {
  try {
    parser_->app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    return parser_->app.exit(error) == 0 ? 0 : 2;
  }
}

void write_drawing(const std::string& path, const std::string& svg) {
  std::ofstream file(path);
  file << svg;
  file.close();
  if (file) return;
  fmt::print(stderr, "{}: the drawing cannot be written there: {}\n", path, std::strerror(errno));
  std::exit(3);
}

}  // namespace percore::lesson
