#pragma once

#include <percore/check.hpp>
#include <span>
#include <string>
#include <string_view>

// Predict exercises: each question is tried here, and a wrong answer is told with what it would
// have meant.
namespace checks {

/// A wrong answer that shows a misunderstanding, and what is behind it.
struct Misconception {
  std::string_view answer;
  const char* why;
};

/// Compares the learner's answer to `question` with what was seen. `otherwise` explains any other
/// wrong answer.
inline void expect_answer(percore::check::Run& run, std::string_view question,
                          const std::string& seen, std::span<const Misconception> misconceptions,
                          const char* otherwise) {
  const std::string_view answer = run.answer(question);
  percore::check::require(!answer.empty(),
                          "there is no answer to `{}` yet: write it behind the colon", question);
  if (answer == seen) return;
  for (const Misconception& misconception : misconceptions) {
    if (answer == misconception.answer) {
      percore::check::fail("`{}` is not {}: {}", question, answer, misconception.why);
    }
  }
  percore::check::fail("`{}` is not {}: {}", question, answer, otherwise);
}

inline std::string yes_or_no(bool yes) {
  return yes ? "yes" : "no";
}

}  // namespace checks
