#pragma once

#include "exercise_plan.hpp"
#include "supervise.hpp"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace percore::tutor {

/// What became of a build.
struct BuildResult {
  bool built = false;
  bool out_of_time = false;
  bool compiler_died = false;  ///< at a limit, without an error of its own
  std::string output;          ///< the compiler's words, without ninja's
};

/// The build behind the checks. It writes ninja files of its own, because a Meson reconfigure costs
/// more than the verdict may take: one for what all exercises share (harness, simulated ring, our
/// modules, the precompiled header), one for each exercise.
class CheckBuild {
 public:
  CheckBuild(const Course& course, const Config& config)
      : course_(course), tools_(course.root, config) {}

  /// Builds what all exercises share, and for the quick verdict on `exercise` what its files begin
  /// with. A failure here is ours or the machine's, never the learner's: it is a Problem.
  void build_shared(Variant variant, const Exercise* exercise = nullptr) const;

  /// Plans the programs that check an exercise.
  [[nodiscard]] std::vector<CheckProgram> plan(const PlanRequest& request) const;

  /// Builds some programs of one plan, the first ones first. `finished` is told of each that is
  /// linked anew, in this thread and at once; one that was up to date is not told. The build is
  /// given up once `stop`, a descriptor, can be read.
  [[nodiscard]] BuildResult build(std::span<const CheckProgram> programs,
                                  const std::function<void(const fs::path&)>& finished = nullptr,
                                  int stop = -1) const;

  /// What the compiler is called with, for compile_commands.json.
  [[nodiscard]] std::string compile_command(const Exercise& exercise, const fs::path& sources,
                                            const fs::path& file) const;

  /// The folder for an exercise's objects: build/check/NN.N-name, or build/check/from-HASH for
  /// other sources.
  [[nodiscard]] fs::path folder(const Exercise& exercise, const fs::path& sources) const;

 private:
  [[nodiscard]] std::vector<fs::path> shared_sources(Variant variant) const;
  void add_simring(NinjaFile& file, Variant variant) const;
  [[nodiscard]] std::string shared_ninja(Variant variant) const;
  BuildResult ninja(const fs::path& folder, const std::vector<std::string>& targets,
                    const Limits& limits,
                    const std::function<void(const fs::path&)>& finished = nullptr,
                    int stop = -1) const;

  const Course& course_;
  Toolchain tools_;
};

}  // namespace percore::tutor
