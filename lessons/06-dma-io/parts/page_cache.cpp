#include "page_cache.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <fmt/core.h>

namespace lesson {
namespace {

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags, const char* what)
      : fd_(open(path.c_str(), flags | O_CLOEXEC, 0644)) {
    if (fd_ < 0) give_up(path, what, errno);
  }
  ~Descriptor() { close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

void give_up(const std::string& path, const char* what, int error) {
  fmt::print(stderr, "{}: {}", path, what);
  if (error != 0) fmt::print(stderr, ": {}", std::strerror(error));
  fmt::print(stderr, "\n");
  std::exit(3);
}

std::optional<std::uint64_t> cached_bytes(const std::string& path) {
  const Descriptor file(path, O_RDONLY, "it cannot be opened");
  struct stat status{};
  fstat(file.get(), &status);
  if (status.st_uid != geteuid() && access(path.c_str(), W_OK) != 0) return std::nullopt;
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return 0;
  void* const mapped = mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (mapped == MAP_FAILED) give_up(path, "it cannot be mapped", errno);
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> pages((size + page - 1) / page);
  mincore(mapped, size, pages.data());
  munmap(mapped, size);
  const auto cached =
      std::ranges::count_if(pages, [](unsigned char state) { return (state & 1) != 0; });
  return static_cast<std::uint64_t>(cached) * page;
}

void forget(const std::string& path) {
  const Descriptor file(path, O_RDONLY, "it cannot be opened");
  fdatasync(file.get());
  posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
}

std::uint64_t hash_of(const std::string& path) {
  const Descriptor file(path, O_RDONLY, "it cannot be opened");
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, eight bytes at a time
  std::vector<std::uint64_t> words(1u << 17);
  for (;;) {
    const ssize_t got = read(file.get(), words.data(), words.size() * sizeof words[0]);
    if (got < 0) give_up(path, "it cannot be read", errno);
    if (got == 0) return hash;
    auto* const bytes = reinterpret_cast<char*>(words.data());
    const std::size_t whole = (static_cast<std::size_t>(got) + 7) / 8;
    std::memset(bytes + got, 0, whole * 8 - static_cast<std::size_t>(got));
    for (std::size_t i = 0; i < whole; ++i) hash = (hash ^ words[i]) * 0x100000001b3;
    hash ^= static_cast<std::uint64_t>(got);
  }
}

void make_sample(const std::string& path, std::uint64_t bytes) {
  const Descriptor file(path, O_WRONLY | O_CREAT | O_TRUNC, "it cannot be made");
  std::vector<std::uint64_t> words(1u << 17);
  std::uint64_t state = 1;
  for (std::uint64_t left = bytes; left != 0;) {
    for (std::uint64_t& word : words) {
      state ^= state << 13, state ^= state >> 7, state ^= state << 17;
      word = state;
    }
    const auto piece =
        static_cast<std::size_t>(std::min<std::uint64_t>(left, words.size() * sizeof words[0]));
    const ssize_t written = write(file.get(), words.data(), piece);
    if (written <= 0) give_up(path, "it cannot be written", written < 0 ? errno : ENOSPC);
    left -= static_cast<std::uint64_t>(written);
  }
  fdatasync(file.get());
  posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
}

}  // namespace lesson
