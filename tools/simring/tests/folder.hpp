#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

#include <doctest/doctest.h>

namespace percore::sim::test {

/// A folder on a real disk, gone with everything in it at the end.
struct Folder {
  std::string path = (std::filesystem::temp_directory_path() / "simring-XXXXXX").string();

  Folder() { REQUIRE(mkdtemp(path.data()) != nullptr); }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string operator/(const std::string& name) const { return path + "/" + name; }
};

}  // namespace percore::sim::test
