#pragma once

#include <string>

namespace percore::test {

/// How a piece of code ended that was run in a child process: whether it was killed by SIGABRT, and
/// what it wrote on standard error.
struct Death {
  bool aborted = false;
  std::string words;

  bool says(const char* piece) const { return words.find(piece) != std::string::npos; }

  /// Ended by PERCORE_ASSERT with a sentence. Which words it has is each module's own affair.
  bool has_a_sentence() const {
    const std::size_t begin = words.find("percore: ");
    return aborted && begin != std::string::npos && words.size() - begin > 40;
  }
};

/// Runs `code` in a child process, so that a test can show what a programmer's mistake leads to.
Death death_of(void (*code)());

}  // namespace percore::test
