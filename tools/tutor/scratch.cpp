#include "scratch.hpp"

#include "problem.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

namespace percore::tutor {

namespace {

// The names in a folder, read at once: it is changed while they are gone through.
std::vector<std::string> names_in(int folder) {
  std::vector<std::string> out;
  const int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const listing = again < 0 ? nullptr : fdopendir(again);
  if (listing == nullptr) return out;
  while (const dirent* entry = readdir(listing))
    if (const std::string_view name = entry->d_name; name != "." && name != "..")
      out.emplace_back(name);
  closedir(listing);
  return out;
}

// Empties a folder. Folders in folders are first moved to the top, so that neither a path that is
// too long nor a descriptor for each level is ever needed; one without permissions gets them.
void empty(int folder) {
  std::uint64_t moved = 0;
  for (bool found = true; found;) {
    found = false;
    for (const std::string& name : names_in(folder)) {
      if (unlinkat(folder, name.c_str(), 0) == 0) continue;
      fchmodat(folder, name.c_str(), 0700, 0);
      if (unlinkat(folder, name.c_str(), AT_REMOVEDIR) == 0) continue;
      const int inner =
          openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (inner < 0) continue;
      for (const std::string& deeper : names_in(inner)) {
        if (unlinkat(inner, deeper.c_str(), 0) == 0) continue;
        fchmodat(inner, deeper.c_str(), 0700, 0);
        const std::string top = fmt::format("moved-{}", moved++);
        found = renameat(inner, deeper.c_str(), folder, top.c_str()) == 0 || found;
      }
      close(inner);
      unlinkat(folder, name.c_str(), AT_REMOVEDIR);
    }
  }
}

int open_folder(const fs::path& path) {
  return open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

void remove_abandoned(const fs::path& parent) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(parent, error)) {
    if (!entry.path().filename().string().starts_with("run-")) continue;
    const int folder = open_folder(entry.path());
    if (folder < 0) continue;
    if (flock(folder, LOCK_EX | LOCK_NB) == 0) {
      empty(folder);
      rmdir(entry.path().c_str());
    }
    close(folder);
  }
}

}  // namespace

ScratchFolder::ScratchFolder(const fs::path& parent) {
  remove_abandoned(parent);
  for (bool locked = false; !locked; locked = folder_ >= 0 && fs::exists(path_)) {
    if (folder_ >= 0) close(folder_);
    std::string name = (parent / "run-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr)
      give_up("No folder can be made in {}: {}.", parent.string(), std::strerror(errno));
    path_ = name;
    folder_ = open_folder(path_);
    if (folder_ < 0 && errno != ENOENT) {
      const int error = errno;
      rmdir(path_.c_str());
      give_up("The folder {} was made and cannot be opened: {}.", path_.string(),
              std::strerror(error));
    }
    // Before this lock another tutor may have taken the folder for abandoned, and removed it.
    if (folder_ >= 0) flock(folder_, LOCK_EX);
  }
}

ScratchFolder::~ScratchFolder() {
  if (folder_ >= 0) {
    empty(folder_);
    close(folder_);
  }
  rmdir(path_.c_str());
}

}  // namespace percore::tutor
