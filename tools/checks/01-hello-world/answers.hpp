#pragma once

#include <algorithm>
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

inline std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  return text;
}

/// Compares the learner's answer to `question` with what was seen. `otherwise` explains any other
/// wrong answer.
inline void expect_answer(percore::check::Run& run, std::string_view question,
                          const std::string& seen, std::span<const Misconception> misconceptions,
                          const char* otherwise) {
  std::string answer(run.answer(question));
  // 1,000 is how the lessons write a thousand.
  const bool is_number = seen.find_first_not_of("0123456789") == seen.npos;
  if (is_number && answer.find_first_not_of("0123456789,") == answer.npos) std::erase(answer, ',');
  percore::check::require(!answer.empty(),
                          "there is no answer to `{}` yet: write it behind the colon", question);
  if (answer == seen) return;
  const std::size_t digits = std::min(answer.find_first_not_of("0123456789"), answer.size());
  if (digits != 0 && digits != answer.size() && is_number)
    percore::check::fail("`{}` is answered with `{}`: write the number alone, without `{}`",
                         question, answer, trimmed(std::string_view(answer).substr(digits)));
  if ((seen == "yes" || seen == "no") && answer != "yes" && answer != "no")
    percore::check::fail("`{}` is answered with `{}`: the answer is `yes` or `no`", question,
                         answer);
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
