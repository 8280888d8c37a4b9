#pragma once

#include <string>

namespace lesson {

/// Measures something with a classic mistake, beside the right way, and says what happened.
void sabotage(const std::string& mistake);

}  // namespace lesson
