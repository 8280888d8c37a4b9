#pragma once

#include <string>

namespace lesson {

/// Makes one of the classic mistakes with a map on purpose, on a recorded machine.
/// Returns   the program's exit status.
int sabotage_map(const std::string& name);

}  // namespace lesson
