#pragma once

#include "config.hpp"
#include "course.hpp"

#include <string>
#include <vector>

namespace percore::tutor {

/// How a check is compiled. The verdict that comes first is `fast`; the others follow after it.
enum class Variant {
  fast,       ///< -O0, line tables: the first verdict
  sanitized,  ///< AddressSanitizer and UndefinedBehaviorSanitizer
  measured,   ///< -O2, frames from the pool: what production would do
};

/// A program of checks: the learner's files, one file of checks, and what lies below.
struct CheckProgram {
  fs::path path;      ///< the executable
  std::string stem;   ///< the check file's name: "ring_harvest"
  std::string step;   ///< the step it belongs to; empty: all
  bool real = false;  ///< on the kernel's ring
  std::string fault;  ///< catch: the folder of the variant of the module; "right" for ours
  std::string fault_sentence;
};

/// What became of a build.
struct BuildResult {
  bool built = false;
  bool out_of_time = false;
  std::string output;  ///< the compiler's words, without ninja's
};

/// The build behind the checks. It writes ninja files of its own, because a Meson reconfigure costs
/// more than the verdict may take: one for what all exercises share (harness, simulated ring, our
/// modules, the precompiled header), one for each exercise.
class CheckBuild {
 public:
  CheckBuild(const Course& course, const Config& config) : course_(course), config_(config) {}

  [[nodiscard]] fs::path shared_folder() const {
    return course_.root / "build" / "check" / "shared";
  }

  /// Builds what all exercises share. A failure here is ours or the machine's, never the learner's:
  /// it is a Problem.
  void build_shared(Variant variant) const;

  /// The programs that check `exercise`, in the order of its steps. `sources` is the folder that
  /// stands in for my/NN-lesson; `folder` is where objects go. Writes the ninja file when it
  /// changed. `ours` takes our module in place of the learner's, to measure against.
  [[nodiscard]] std::vector<CheckProgram> plan(const Exercise& exercise, const fs::path& sources,
                                               const fs::path& folder, Variant variant,
                                               bool ours = false) const;

  /// Builds some of the planned programs.
  [[nodiscard]] BuildResult build(const std::vector<CheckProgram>& programs,
                                  const fs::path& folder) const;

  /// What the compiler is called with, for compile_commands.json: folder, file, command.
  [[nodiscard]] std::string compile_command(const Exercise& exercise, const fs::path& sources,
                                            const fs::path& file) const;

 private:
  [[nodiscard]] std::string shared_ninja(Variant variant) const;
  [[nodiscard]] std::string flags(Variant variant) const;
  [[nodiscard]] std::string link_flags(Variant variant) const;
  [[nodiscard]] std::string includes(const std::string& without_module) const;
  [[nodiscard]] std::vector<std::string> module_objects(Variant variant, const std::string& up_to,
                                                        const std::string& without) const;
  [[nodiscard]] std::vector<std::string> harness_objects(Variant variant, bool real) const;
  [[nodiscard]] std::vector<fs::path> check_files(const Exercise& exercise) const;
  [[nodiscard]] fs::path object(Variant variant, const fs::path& source) const;
  [[nodiscard]] std::string header_flag(Variant variant) const;
  BuildResult ninja(const fs::path& folder, const std::vector<std::string>& targets) const;

  const Course& course_;
  const Config& config_;
};

/// The folder for an exercise's objects: build/check/NN.N-name, or build/check/from-HASH for other
/// sources.
fs::path check_folder(const Course& course, const Exercise& exercise, const fs::path& sources);

std::string_view word(Variant variant);

}  // namespace percore::tutor
