#pragma once

#include <fmt/format.h>

#include <string>

namespace percore::tutor {

/// How the tutor ends. Scripts rely on these.
enum ExitStatus : int { EXIT_PASS = 0, EXIT_WRONG = 1, EXIT_USAGE = 2, EXIT_ENVIRONMENT = 3 };

/// Something the tutor cannot go on with, told in one sentence: what went wrong, where, what to do.
/// Thrown; main prints the sentence and ends with the status.
struct Problem {
  std::string sentence;
  ExitStatus status = EXIT_ENVIRONMENT;
};

template <typename... Args>
[[noreturn]] void give_up(fmt::format_string<Args...> sentence, Args&&... args) {
  throw Problem{fmt::format(sentence, static_cast<Args&&>(args)...), EXIT_ENVIRONMENT};
}

template <typename... Args>
[[noreturn]] void refuse(fmt::format_string<Args...> sentence, Args&&... args) {
  throw Problem{fmt::format(sentence, static_cast<Args&&>(args)...), EXIT_USAGE};
}

/// Ctrl-C or SIGTERM: unwinds to main, so that children are ended and the terminal is put back on
/// the way.
struct Interrupted {
  int signal;
};

}  // namespace percore::tutor
