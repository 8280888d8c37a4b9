#pragma once

#include "course.hpp"

#include <string>

namespace CLI {
class App;
}

namespace percore::tutor {

/// Prints the shell's script. `app` holds the commands; its own header is not for everyone.
int completion_command(const CLI::App& app, const Course& course, const std::string& shell);

}  // namespace percore::tutor
