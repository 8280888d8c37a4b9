#pragma once

#include <string>

namespace lesson {

/// Makes one of the classic mistakes with pinned threads on purpose, on this machine.
/// Returns   the program's exit status.
int sabotage_pins(const std::string& name);

}  // namespace lesson
