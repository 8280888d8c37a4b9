#pragma once

#include "files.hpp"

#include <string>

namespace percore::tutor {

/// What links a program, as the command of a rule of ninja's: $out, $in and $libraries stand where
/// they belong.
///
/// `driver` is the compiler with all that it takes for linking. What it would start in turn is
/// asked of it once and kept in the file `record`: clang takes a tenth of a second to start, nearly
/// as long as lld takes to link a check. Where it cannot be told (g++ starts a wrapper that has its
/// settings from the environment) the command is the driver's own.
std::string link_command(const std::string& driver, bool clang, const fs::path& record);

}  // namespace percore::tutor
