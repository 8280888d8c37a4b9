#pragma once

/// The sentences in which a check says what broke, with its numbers.
///
/// fmt fills them in, but behind one function that is compiled once: fmt's own templates, taken
/// anew for every combination of arguments, were a third of what a file of checks costs to compile.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace percore::check {

/// A number, a word or an address that stands in a sentence. Text is looked at, not kept: it lives
/// as long as the call.
class Word {
 public:
  Word(bool value) : value_(value) {}                                            // NOLINT
  Word(char value) : value_(value) {}                                            // NOLINT
  Word(int value) : value_(static_cast<long long>(value)) {}                     // NOLINT
  Word(long value) : value_(static_cast<long long>(value)) {}                    // NOLINT
  Word(long long value) : value_(value) {}                                       // NOLINT
  Word(unsigned value) : value_(static_cast<unsigned long long>(value)) {}       // NOLINT
  Word(unsigned long value) : value_(static_cast<unsigned long long>(value)) {}  // NOLINT
  Word(unsigned long long value) : value_(value) {}                              // NOLINT
  Word(double value) : value_(value) {}                                          // NOLINT
  Word(const char* value) : value_(std::string_view(value)) {}                   // NOLINT
  Word(std::string_view value) : value_(value) {}                                // NOLINT
  Word(const std::string& value) : value_(std::string_view(value)) {}            // NOLINT
  Word(const void* value) : value_(value) {}                                     // NOLINT

  using Value = std::variant<bool, char, long long, unsigned long long, double, std::string_view,
                             const void*>;
  [[nodiscard]] const Value& value() const noexcept { return value_; }

 private:
  Value value_;
};

/// How many arguments fmt would take for these words: every {} and {:x} but not {{. Words that name
/// their arguments by number are not for a Sentence.
consteval std::size_t gaps_in(const char* words) {
  std::size_t gaps = 0;
  for (; *words != '\0'; ++words)
    if (words[0] == '{') {
      if (words[1] == '{')
        ++words;
      else
        ++gaps;
    }
  return gaps;
}

/// A literal with as many gaps as there are words for them; any other number does not compile.
template <std::size_t gaps>
class Sentence {
 public:
  consteval Sentence(const char* words)
      : words_(words) {  // NOLINT: a literal is written in its place
    if (gaps_in(words) != gaps) throw "as many {} are wanted as there are arguments";
  }
  [[nodiscard]] const char* words() const noexcept { return words_; }

 private:
  const char* words_;
};

/// The sentence with its gaps filled. What fmt refuses (a number's format for a word) stands in it
/// as fmt says it.
std::string filled_in(const char* sentence, std::initializer_list<Word> words);

/// "operation 7 of 12": fmt::format for those who compile many sentences.
template <typename... Words>
std::string say(Sentence<sizeof...(Words)> sentence, const Words&... words) {
  return filled_in(sentence.words(), {Word(words)...});
}

}  // namespace percore::check
