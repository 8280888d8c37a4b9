#pragma once

#include <string>

namespace percore::test {

/// How a piece of code ended that was run in a child process: whether it was killed by SIGABRT, and
/// what it wrote on standard error.
struct Death {
  bool aborted = false;
  std::string words;

  bool says(const char* piece) const { return words.find(piece) != std::string::npos; }

  /// Ended by PERCORE_ASSERT with a sentence. Ours must have `our_words`; which words another
  /// version of the module chooses is its own affair, that it has some is not.
  bool has_a_sentence(const char* our_words) const {
    const std::size_t begin = words.find("percore: ");
    const bool has_words = begin != std::string::npos && words.size() - begin > 40;
    return aborted && has_words && (PERCORE_ALL_OURS == 0 || says(our_words));
  }
};

/// Runs `code` in a child process, so that a test can show what a programmer's mistake leads to.
Death death_of(void (*code)());

}  // namespace percore::test
