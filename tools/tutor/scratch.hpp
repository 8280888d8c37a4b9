#pragma once

#include "files.hpp"

namespace percore::tutor {

/// A new folder below `parent` for what a program writes, removed with all that is in it. Locked
/// while it is in use: what a killed tutor left behind is removed by the next.
class ScratchFolder {
 public:
  explicit ScratchFolder(const fs::path& parent);
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  int folder_ = -1;
};

}  // namespace percore::tutor
