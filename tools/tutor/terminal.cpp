#include "terminal.hpp"

#include "problem.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>

namespace percore::tutor {

namespace {

volatile std::sig_atomic_t interrupt_signal = 0;
int interrupt_pipe[2] = {-1, -1};

termios usual_settings;
bool raw_is_on = false;

void on_interrupt(int signal) {
  const int saved = errno;
  interrupt_signal = signal;
  const char byte = 0;
  [[maybe_unused]] const ssize_t wrote = write(interrupt_pipe[1], &byte, 1);
  errno = saved;
}

}  // namespace

bool colours_wanted() {
  static const bool wanted = [] {
    const char* no_colour = std::getenv("NO_COLOR");
    const char* terminal = std::getenv("TERM");
    if (no_colour != nullptr && *no_colour != '\0') return false;
    return isatty(STDOUT_FILENO) == 1 && terminal != nullptr &&
           std::string_view(terminal) != "dumb";
  }();
  return wanted;
}

std::string in_colour(Colour colour, std::string_view text) {
  if (!colours_wanted() || colour == Colour::plain) return std::string(text);
  const char* code = "0";
  switch (colour) {
    case Colour::plain:
      break;
    case Colour::bold:
      code = "1";
      break;
    case Colour::dim:
      code = "2";
      break;
    case Colour::red:
      code = "1;31";
      break;
    case Colour::green:
      code = "32";
      break;
    case Colour::yellow:
      code = "33";
      break;
    case Colour::blue:
      code = "34";
      break;
    case Colour::cyan:
      code = "36";
      break;
  }
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

unsigned terminal_columns() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20) return size.ws_col;
  return 80;
}

unsigned terminal_rows() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row >= 5) return size.ws_row;
  return 24;
}

std::string wrapped(std::string_view text, unsigned columns, std::string_view indent,
                    std::size_t begin) {
  std::string out;
  std::size_t column = begin;
  bool line_is_empty = true;
  const auto new_line = [&] {
    (out += '\n') += indent;
    column = indent.size();
    line_is_empty = true;
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    const std::string_view word = text.substr(0, end);
    if (!word.empty()) {
      if (!line_is_empty && column + 1 + word.size() > columns) new_line();
      if (!line_is_empty) {
        out += ' ';
        ++column;
      }
      out += word;
      column += word.size();
      line_is_empty = false;
    }
    if (end < text.size() && text[end] == '\n') new_line();
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string passing_note(std::string_view words) {
  static std::string last;
  std::string before = std::exchange(last, words);
  if (isatty(STDERR_FILENO) == 0) return before;
  fmt::print(stderr, "\r\x1b[K{}", words);
  std::fflush(stderr);
  return before;
}

std::string progress_bar(unsigned done, unsigned all, unsigned columns) {
  const std::string count = fmt::format("  {}/{}", done, all);
  const unsigned width =
      columns > count.size() + 22 ? columns - static_cast<unsigned>(count.size()) - 12 : 10;
  const unsigned cells = std::min(width, 60U);
  const unsigned full = all == 0 ? 0 : cells * done / all;
  return fmt::format("Progress: [{}{}]{}", in_colour(Colour::green, std::string(full, '#')),
                     std::string(cells - full, '-'), count);
}

RawTerminal::RawTerminal() {
  if (tcgetattr(STDIN_FILENO, &usual_settings) != 0)
    give_up("The terminal's settings cannot be read; run percore in a terminal.");
  resume();
}

RawTerminal::~RawTerminal() {
  pause();
}

void RawTerminal::pause() noexcept {
  if (raw_is_on) tcsetattr(STDIN_FILENO, TCSADRAIN, &usual_settings);
  raw_is_on = false;
}

void RawTerminal::resume() noexcept {
  termios raw = usual_settings;
  // Signals stay on: Ctrl-C must reach us as SIGINT also while a check runs.
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  raw_is_on = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

void catch_interrupts() {
  if (pipe2(interrupt_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
    give_up("No pipe can be made: too many open files.");
  struct sigaction action{};
  action.sa_handler = on_interrupt;  // without SA_RESTART: waits end with EINTR
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

void throw_if_interrupted() {
  if (interrupt_signal != 0) throw Interrupted{interrupt_signal};
}

int interrupt_descriptor() noexcept {
  return interrupt_pipe[0];
}

}  // namespace percore::tutor
