#include "config.hpp"

#include "problem.hpp"

namespace percore::tutor {

Config read_config(const fs::path& build) {
  const fs::path path = build / "tools" / "tutor" / "percore.conf";
  const auto text = read_if_there(path);
  if (!text)
    give_up("{} is not there: the build is not set up. Run tools/percore once; it does that.",
            path.string());
  Config config;
  for (const std::string& line : split_lines(*text)) {
    const std::size_t equals = line.find('=');
    if (equals == line.npos || line.starts_with('#')) continue;
    const std::string key = line.substr(0, equals);
    const std::string value = line.substr(equals + 1);
    if (key == "compiler")
      config.compiler = value;
    else if (key == "compiler_id")
      config.compiler_id = value;
    else if (key == "layers")
      config.layers = split_words(value);
    else if (key == "liburing_link")
      config.liburing_link = value;
    else if (key == "liburing_compile")
      config.liburing_compile = value;
    else if (key == "fmt_link")
      config.fmt_link = value;
    else if (key == "linker")
      config.linker = value;
    else if (key == "ninja")
      config.ninja = value;
    else if (key == "meson")
      config.meson = value;
    else if (key == "python")
      config.python = value;
  }
  // The launcher's record of the probe: "insisted" when the learner keeps a compiler that failed
  // it.
  config.probe_passed =
      read_if_there(build / "compiler_probe.txt").value_or("").find("insisted ") ==
      std::string::npos;
  if (config.compiler.empty() || config.layers.empty())
    give_up("{} is damaged: remove the folder build and run tools/percore again.", path.string());
  return config;
}

}  // namespace percore::tutor
