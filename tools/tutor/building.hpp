#pragma once

#include "check_build.hpp"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

namespace percore::tutor {

/// Check programs that are built, the first ones first, while those that are done are judged: what
/// is wrong with the first step is told before the last has been compiled. All members may be
/// called from any thread. The programs must stay for as long as it lives.
class Building {
 public:
  /// Begins. `build` must outlive it.
  Building(const CheckBuild& build, std::span<const CheckProgram> programs);

  /// Gives up what is not built yet.
  ~Building();

  /// Waits until program `index` is built; false when it will not be. Throws what the build threw
  /// (Interrupted, GaveWay, Problem).
  bool wait_for(std::size_t index);

  /// Nobody waits any longer for those from number `count` on: wait_for() is false for what of them
  /// is not built yet.
  void only_the_first(std::size_t count);

  /// Waits until no compiler runs any more, and gives what came of it. Throws as wait_for() does.
  const BuildResult& wait_for_all();

 private:
  void work(const CheckBuild& build);
  BuildResult build_in_order(const CheckBuild& build);
  void is_built(const fs::path& program);

  std::span<const CheckProgram> programs_;
  int stop_;  // an eventfd: see CheckBuild::build()
  std::mutex lock_;
  std::condition_variable changed_;
  std::vector<bool> built_;
  std::size_t wanted_;
  bool ended_ = false;
  BuildResult result_;
  std::exception_ptr thrown_;
  std::thread worker_;  // the last: it begins when all else is there
};

}  // namespace percore::tutor
