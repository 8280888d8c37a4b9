#include <fmt/args.h>
#include <fmt/format.h>

#include <percore/sentence.hpp>

namespace percore::check {

std::string filled_in(const char* sentence, std::initializer_list<Word> words) {
  fmt::dynamic_format_arg_store<fmt::format_context> arguments;
  for (const Word& word : words)
    std::visit([&](const auto& value) { arguments.push_back(value); }, word.value());
  try {
    return fmt::vformat(sentence, arguments);
  } catch (const fmt::format_error& error) {
    return fmt::format("{} ({})", sentence, error.what());
  }
}

}  // namespace percore::check
