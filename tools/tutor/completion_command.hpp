#pragma once

#include "commands.hpp"

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace percore::tutor {

/// Prints the shell's script. `app` holds the commands; its own header is not for everyone.
/// bench   what may stand behind that command, which the tutor hands on without a look.
int completion_command(const CLI::App& app, const Course& course, const std::string& shell,
                       const std::vector<BenchWord>& bench);

}  // namespace percore::tutor
