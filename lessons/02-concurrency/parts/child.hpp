#pragma once

#include <string>

namespace lesson {

/// Runs `work` in a child of this process, for mistakes that end the program.
/// Returns  what it said on standard error, without the last line break; "" when it said nothing.
std::string last_words(void (*work)());

}  // namespace lesson
