#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace percore::tutor {

namespace fs = std::filesystem;

/// The whole file. A file that cannot be read ends the command with a sentence naming it and the
/// reason.
std::string read_file(const fs::path& path);

/// The same, or nothing when the file is not there.
std::optional<std::string> read_if_there(const fs::path& path);

/// Writes a new file beside `path` and renames it over it, so that a full disk or a crash leaves
/// the old one whole.
void write_file(const fs::path& path, std::string_view text);

/// Writes only when the content differs: a build must not see a change where there is none. Returns
/// whether it wrote.
bool write_if_changed(const fs::path& path, std::string_view text);

void make_folder(const fs::path& path);

/// Keeps other tutors out of a folder, which is made if need be: one may be watching while another
/// checks. Waits for them; throws Interrupted.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int folder_;
};

void copy_whole(const fs::path& from, const fs::path& to);

/// FNV-1a in hexadecimal: tells versions of a file apart, no more.
std::string hash_of(std::string_view text);

std::vector<std::string> split_words(std::string_view text);
std::vector<std::string> split_lines(std::string_view text);
std::string_view trimmed(std::string_view text);

/// `path` as a reader in `root` would type it; unchanged when it lies elsewhere.
std::string shown(const fs::path& path, const fs::path& root);

}  // namespace percore::tutor
