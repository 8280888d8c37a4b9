#pragma once

#include <unistd.h>

#include <file_work.hpp>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

/// The work of file_copy: a file of 256 MiB is read, written, and copied, past the page cache, from
/// its beginning to its end. What is written was there before, so that the device is measured and
/// not the file system, which would have to find blocks; the copy into a new file has it find them.
namespace bench {

inline constexpr std::uint64_t copied_bytes = 256u << 20;
inline constexpr std::size_t copy_rounds = 3;  // and one before them that warms up

/// How much is on its way: pieces of so many bytes, and how many of them in each direction. What
/// percore's streams do by themselves, unless it is said otherwise.
struct CopyWindow {
  std::size_t piece_bytes = 128u << 10;
  unsigned pieces = 4;
};

/// What a program is to copy. Without `to` it only reads, without `from` it only writes.
struct CopyPaths {
  std::string from;
  std::string to;
  bool is_new = false;
};

inline void compare_copies(const CopyPaths& paths) {
  constexpr std::size_t piece = 1u << 20;
  const int from = open(paths.from.c_str(), O_RDONLY | O_CLOEXEC);
  const int to = open(paths.to.c_str(), O_RDONLY | O_CLOEXEC);
  std::vector<char> one(piece), other(piece);
  for (std::uint64_t place = 0; place < copied_bytes; place += piece) {
    const auto offset = static_cast<off_t>(place);
    if (pread(from, one.data(), piece, offset) != static_cast<ssize_t>(piece) ||
        pread(to, other.data(), piece, offset) != static_cast<ssize_t>(piece) || one != other)
      file_failed(paths.to, "it is no copy: the benchmark is broken", EIO);
  }
  close(from);
  close(to);
}

/// The main of a program: copy(paths, window) gives nanoseconds, from the opening of the files to
/// the end of the sync of what is written. Times go out as microseconds for a million bytes.
template <typename Copy>
int copy_main(int argument_count, char** arguments, Copy copy) {
  const std::string suite = argument_count > 1 ? arguments[1] : "";
  if (suite != "file_copy") unknown_suite("copy", suite.c_str(), "file_copy");
  const std::string folder = argument_count > 2 ? arguments[2] : ".";
  CopyWindow window;
  if (argument_count > 3) window.piece_bytes = std::strtoull(arguments[3], nullptr, 10) << 10;
  if (argument_count > 4) window.pieces = static_cast<unsigned>(std::atoi(arguments[4]));
  const std::string from = file_of(folder + "/percore_bench.copy_from", copied_bytes);
  const std::string to = file_of(folder + "/percore_bench.copy_to", copied_bytes);
  const std::string made = folder + "/percore_bench.copy_new";
  struct Way {
    const char* name;
    CopyPaths paths;
    std::vector<double> us_a_megabyte;
  };
  Way ways[] = {{"file_copy_read", {.from = from, .to = ""}, {}},
                {"file_copy_write", {.from = "", .to = to}, {}},
                {"file_copy", {.from = from, .to = to}, {}},
                {"file_copy_new", {.from = from, .to = made, .is_new = true}, {}}};
  for (std::size_t round = 0; round <= copy_rounds; ++round) {
    for (Way& way : ways) {
      if (way.paths.is_new) unlink(way.paths.to.c_str());
      const auto ns = static_cast<double>(copy(way.paths, window));
      if (round != 0) way.us_a_megabyte.push_back(ns * 1000 / static_cast<double>(copied_bytes));
    }
  }
  compare_copies(ways[3].paths);
  unlink(made.c_str());
  std::vector<Metric> metrics;
  for (const Way& way : ways)
    metrics.push_back({way.name, percentile(way.us_a_megabyte, 50), "us/MB"});
  print_json(metrics);
  return 0;
}

}  // namespace bench
