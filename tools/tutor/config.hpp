#pragma once

#include "files.hpp"

#include <string>
#include <vector>

namespace percore::tutor {

/// How code is compiled, as Meson found it when it was set up: build/tools/tutor/percore.conf,
/// lines of key=value.
struct Config {
  std::string compiler;     ///< command, perhaps with a launcher before it: "ccache clang++-19"
  std::string compiler_id;  ///< "clang" or "gcc"
  std::vector<std::string> layers;  ///< modules of the runtime, lowest first
  std::string liburing_link = "-luring";
  std::string liburing_compile;
  std::string fmt_link = "-lfmt";
  std::string linker;  ///< "lld", "mold" or empty
  std::string ninja = "ninja";
  std::string meson = "meson";
  std::string python = "python3";
  bool probe_passed = true;  ///< the compiler passed the probe of tools/compiler_probe

  [[nodiscard]] bool clang() const { return compiler_id == "clang"; }
};

/// Reads percore.conf in the build folder. When it is missing the sentence names the command that
/// makes it.
Config read_config(const fs::path& build);

}  // namespace percore::tutor
