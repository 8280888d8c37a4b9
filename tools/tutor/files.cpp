#include "files.hpp"

#include "problem.hpp"
#include "terminal.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace percore::tutor {

namespace {

// Why a write failed, with what to do about it.
std::string reason(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return "the disk is full; free some space and try again, nothing of yours was changed";
    case EROFS:
      return "the file system is read-only; clone percore into a folder that you may write to";
    case EACCES:
    case EPERM:
      return "you may not write there; clone percore into a folder of yours, or mend its "
             "permissions";
    case EFBIG:
      return "the file size limit is reached (ulimit -f); raise it and try again";
    default:
      return std::strerror(error);
  }
}

std::optional<std::string> read_or_error(const fs::path& path, int& error) {
  // A fifo would make us wait, and a device may have no end.
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status{};
  if (file >= 0 && fstat(file, &status) == 0 &&
      (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode))) {
    close(file);
    give_up("{} is no ordinary file: put a file with your text in its place.", path.string());
  }
  if (file < 0) {
    error = errno;
    return {};
  }
  std::string text;
  char block[1 << 16];
  for (;;) {
    const ssize_t got = read(file, block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      error = errno;
      close(file);
      return {};
    }
    if (got == 0) break;
    text.append(block, static_cast<std::size_t>(got));
  }
  close(file);
  return text;
}

// 0 or the errno of what failed. The temporary file goes when anything does. Its name is nobody
// else's: a file beside `path` with any name may be the learner's.
int write_whole(const fs::path& path, std::string_view text) {
  std::string temporary = path.string() + ".XXXXXX";
  const int file = mkostemp(temporary.data(), O_CLOEXEC);
  if (file < 0) return errno;
  const mode_t mask = umask(0);
  umask(mask);
  int error = fchmod(file, 0666 & ~mask) == 0 ? 0 : errno;
  while (!text.empty() && error == 0) {
    const ssize_t wrote = write(file, text.data(), text.size());
    if (wrote >= 0)
      text.remove_prefix(static_cast<std::size_t>(wrote));
    else if (errno != EINTR)
      error = errno;
  }
  if (close(file) != 0 && error == 0) error = errno;
  if (error == 0 && rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) unlink(temporary.c_str());
  return error;
}

}  // namespace

std::string read_file(const fs::path& path) {
  int error = 0;
  std::optional<std::string> text = read_or_error(path, error);
  if (!text) {
    if (error == ENOENT) give_up("{} is not there.", path.string());
    give_up("{} cannot be read: {}.", path.string(), std::strerror(error));
  }
  return *std::move(text);
}

std::optional<std::string> read_if_there(const fs::path& path) {
  int error = 0;
  std::optional<std::string> text = read_or_error(path, error);
  if (!text && error != ENOENT && error != ENOTDIR)
    give_up("{} cannot be read: {}.", path.string(), std::strerror(error));
  return text;
}

void write_file(const fs::path& path, std::string_view text) {
  make_folder(path.parent_path());
  if (const int error = write_whole(path, text); error != 0)
    give_up("{} cannot be written: {}.", path.string(), reason(error));
}

bool write_if_changed(const fs::path& path, std::string_view text) {
  if (const auto before = read_if_there(path); before && *before == text) return false;
  write_file(path, text);
  return true;
}

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) give_up("{} cannot be made: {}.", path.string(), reason(error.value()));
}

FolderLock::FolderLock(const fs::path& folder) {
  make_folder(folder);
  folder_ = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_ < 0) give_up("{} cannot be opened: {}.", folder.string(), reason(errno));
  // It is asked again and again: a signal interrupts one thread, and that need not be this one.
  while (flock(folder_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) break;
    pollfd interrupted = {.fd = interrupt_descriptor(), .events = POLLIN, .revents = 0};
    constexpr int a_moment_ms = 20;
    poll(&interrupted, 1, a_moment_ms);
    throw_if_interrupted();
  }
}

FolderLock::~FolderLock() {
  close(folder_);
}

void copy_whole(const fs::path& from, const fs::path& to) {
  write_file(to, read_file(from));
}

std::string hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3U;
  }
  return fmt::format("{:016x}", hash);
}

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  while (!(text = trimmed(text)).empty()) {
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::string shown(const fs::path& path, const fs::path& root) {
  const std::string text = path.lexically_normal().string();
  const std::string prefix = root.string() + "/";
  return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

}  // namespace percore::tutor
