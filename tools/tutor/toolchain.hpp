#pragma once

#include "config.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace percore::tutor {

/// How a check is compiled. The verdict that comes first is `fast`; the others follow after it.
enum class Variant {
  fast,       ///< -O0, lines of the learner's files: the first verdict
  sanitized,  ///< AddressSanitizer and UndefinedBehaviorSanitizer
  measured,   ///< -O2, frames from the pool: what production would do
  explored,   ///< over the schedule explorer: programs of *_explore.cpp, linked with nothing else
};

std::string_view word(Variant variant);

/// A file that is compiled in place of others, which it includes.
struct Unit {
  fs::path source;
  std::string text;
};

/// The compiler's words for checks, and where the objects lie that all exercises share.
class Toolchain {
 public:
  Toolchain(const fs::path& root, const Config& config) : root_(root), config_(config) {}

  [[nodiscard]] const Config& config() const { return config_; }
  [[nodiscard]] const fs::path& root() const { return root_; }
  [[nodiscard]] fs::path shared_folder() const { return root_ / "build" / "check" / "shared"; }

  [[nodiscard]] std::string flags(Variant variant) const;
  /// The command of ninja's rule that links a program: see linker.hpp.
  [[nodiscard]] std::string linker(Variant variant) const;
  /// -I for our modules but one, the contracts, the harness and the simulated ring.
  [[nodiscard]] std::string includes(const std::string& without_module) const;
  /// What makes the compiler read the precompiled header.
  [[nodiscard]] std::string header_flag(Variant variant) const;
  /// The precompiled header itself, and its text.
  [[nodiscard]] fs::path header(Variant variant) const;

  /// The shared object of one of our sources.
  [[nodiscard]] fs::path object(Variant variant, const fs::path& source) const;
  /// Our modules' objects, lowest first, up to and with `up_to`, but for `without`.
  [[nodiscard]] std::vector<fs::path> module_objects(Variant variant, const std::string& up_to,
                                                     const std::string& without) const;
  /// What a program that explores schedules is linked with: the harness, the explorer, assertions.
  /// No module: those that are explored are headers.
  [[nodiscard]] std::vector<fs::path> explorer_sources() const;
  /// The simulated ring as one unit for each of two cores: what a file of its costs is mostly its
  /// headers, and a newcomer waits for all of them.
  [[nodiscard]] std::vector<Unit> simring_units(Variant variant) const;
  /// The harness, with the simulated ring or with the kernel's clock.
  [[nodiscard]] std::vector<fs::path> harness_objects(Variant variant, bool real) const;

 private:
  fs::path root_;
  const Config& config_;
};

/// The .cpp files in a folder, sorted.
std::vector<fs::path> sources_in(const fs::path& folder);

/// A word for a shell.
std::string shell_quoted(const std::string& text);

/// The text of a build.ninja: rules, then a line for each object and program.
class NinjaFile {
 public:
  NinjaFile(const std::string& compiler, const std::string& flags, const std::string& header_flag,
            const std::string& precompile_flags = "");

  /// What ninja prints when a program is linked, before the program's path.
  static constexpr std::string_view LINKED = "percore-linked ";

  /// The command with which programs are linked; before the first of them.
  void link_by(const std::string& command);
  void precompile(const fs::path& header, const fs::path& out);
  /// On top of `below`, another precompiled header.
  void precompile_on(const fs::path& below, const fs::path& header, const fs::path& out);
  /// Nothing is built, where no target is named, but what has been added until now; and that is
  /// the target SO_FAR.
  void that_is_all_by_default();
  static constexpr std::string_view SO_FAR = "shared";
  /// `flags`, `header`: in place of the file's; empty: the file's.
  void compile(const fs::path& source, const fs::path& object, const std::string& flags = "",
               const std::string& header = "");
  void depend(const fs::path& object, const fs::path& source, const fs::path& on);
  void link(const fs::path& program, const std::vector<fs::path>& objects,
            const std::string& libraries);

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::string precompile_flags_;
  std::vector<fs::path> outputs_;
};

}  // namespace percore::tutor
