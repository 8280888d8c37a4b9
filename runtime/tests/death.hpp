#pragma once

#include <string>

namespace percore::test {

/// How a piece of code ended that was run in a child process: whether it was killed by SIGABRT, and
/// what it wrote on standard error.
struct Death {
  bool aborted = false;
  std::string words;

  bool says(const char* piece) const { return words.find(piece) != std::string::npos; }
};

/// Runs `code` in a child process, so that a test can show what a programmer's mistake leads to.
Death death_of(void (*code)());

}  // namespace percore::test
