#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <measure.hpp>

#include <cerrno>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

/// The work of file_rand and file_write, the same for every runtime. All wait for a device, so the
/// wall clock counts, and not the thread's CPU time.
namespace bench {

inline constexpr std::size_t block_bytes = 4096;
inline constexpr std::uint64_t read_file_bytes = 1u << 30;
inline constexpr std::size_t writes = (64u << 20) / block_bytes;
inline constexpr unsigned depth_max = 32;
inline constexpr std::int64_t read_warm_up_ns = 100'000'000;
inline constexpr std::int64_t read_ns_min = 1'000'000'000;  // how long a depth is read at
inline constexpr std::size_t write_rounds = 3;

[[noreturn]] inline void file_failed(const std::string& path, const char* what, int error) {
  std::fprintf(stderr, "%s: %s: %s\n", path.c_str(), what, std::strerror(error));
  std::exit(3);
}

/// A file of so many bytes, whole mebibytes, that is really there, not a hole, and random. It is
/// made once and kept. Returns `path`.
inline std::string file_of(const std::string& path, std::uint64_t bytes) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) file_failed(path, "it cannot be made", errno);
  std::vector<char> piece(1u << 20);
  std::mt19937_64 random(1);
  for (auto end = static_cast<std::uint64_t>(lseek(fd, 0, SEEK_END)); end < bytes;) {
    for (char& byte : piece) byte = static_cast<char>(random());
    const auto place = static_cast<off_t>(end / piece.size() * piece.size());
    const ssize_t written = pwrite(fd, piece.data(), piece.size(), place);
    if (written <= 0) file_failed(path, "it cannot be filled", written < 0 ? errno : ENOSPC);
    end = static_cast<std::uint64_t>(place + written);
  }
  fdatasync(fd);
  close(fd);
  return path;
}

inline std::string read_file(const std::string& folder) {
  return file_of(folder + "/percore_bench.data", read_file_bytes);
}

/// Where the blocks lie that are read, one after the other.
class Offsets {
 public:
  std::uint64_t next() { return random_() % (read_file_bytes / block_bytes) * block_bytes; }

 private:
  std::mt19937_64 random_{7};
};

/// Counts reads until there has been enough, and says what one took: with several at once, the time
/// divided by how many there were. What was read while it warmed up does not count.
class Reads {
 public:
  explicit Reads(Clock clock = now_ns) : clock_(clock), begin_(clock()) {}
  bool more() {
    if (++count_ % 16 == 0) end_ = clock_();
    if (!warm_ && end_ - begin_ >= read_warm_up_ns) {
      warm_ = true;
      begin_ = end_;
      count_ = 0;
    }
    return end_ - begin_ < read_ns_min;
  }
  double us_each() const {
    return static_cast<double>(clock_() - begin_) / 1000 / static_cast<double>(count_);
  }

 private:
  Clock clock_;
  std::int64_t begin_;
  std::int64_t end_ = begin_;
  std::size_t count_ = 0;
  bool warm_ = false;
};

/// How a file is written. Each is the better one on some file system, so they are measured side by
/// side and the better one of a runtime counts.
struct WriteForm {
  bool preallocates = true;
  bool merges = false;  // all that are at once as one; who does that by itself has no such form
};

inline WriteForm write_form(std::string_view name) {
  if (name.empty() || name == "preallocate") return {};
  if (name == "grow") return {.preallocates = false};
  if (name == "preallocate-merge") return {.merges = true};
  if (name == "grow-merge") return {.preallocates = false, .merges = true};
  std::fprintf(stderr,
               "no form of file_write is called \"%s\"; there are preallocate, grow, "
               "preallocate-merge, grow-merge\n",
               std::string(name).c_str());
  std::exit(2);
}

inline std::string written_file(const std::string& folder) {
  return folder + "/percore_bench.written";
}

/// The main of a program: random_reads(path, depth) and sequential_writes(path, depth, form) give
/// microseconds an operation, the latter from the making of the file to the end of its sync.
template <typename RandomReads, typename SequentialWrites>
int file_main(int argument_count, char** arguments, RandomReads random_reads,
              SequentialWrites sequential_writes) {
  const std::string suite = argument_count > 1 ? arguments[1] : "";
  const std::string folder = argument_count > 2 ? arguments[2] : ".";
  if (suite != "file_rand" && suite != "file_write")
    unknown_suite("file", suite.c_str(), "file_rand, file_write");
  const WriteForm form = write_form(argument_count > 3 ? arguments[3] : "");
  std::vector<Metric> metrics;
  for (const unsigned depth : {1u, depth_max}) {
    if (form.merges && depth == 1) continue;  // there is nothing to merge
    std::vector<double> rounds;
    const std::string written = written_file(folder);
    if (suite == "file_rand") {
      rounds.push_back(random_reads(read_file(folder), depth));
    } else {
      for (std::size_t i = 0; i < write_rounds; ++i) {
        unlink(written.c_str());
        rounds.push_back(sequential_writes(written, depth, form));
      }
      unlink(written.c_str());
    }
    metrics.push_back({suite + std::to_string(depth), percentile(rounds, 50), "us"});
  }
  print_json(metrics);
  return 0;
}

}  // namespace bench
