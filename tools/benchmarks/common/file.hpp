#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <measure.hpp>

/// The suite `file_read`: 4 KiB of a file that the page cache holds, read one after the other.
namespace bench {

inline constexpr std::size_t block_bytes = 4096;
inline constexpr std::size_t blocks = 1024;
// Short rounds, many of them: most then end before somebody else is given the CPU.
inline constexpr std::size_t reads_a_round = 100;
inline constexpr std::size_t read_rounds = 501;  // the first warms up

/// A file without a name, each block filled with its number; every page of it is in memory.
inline int file_in_cache() {
  char path[] = "/tmp/percore-bench-XXXXXX";
  const int fd = mkstemp(path);
  if (fd < 0) {
    std::perror("no file can be made in /tmp");
    std::exit(3);
  }
  unlink(path);
  for (std::size_t block = 0; block < blocks; ++block) {
    const std::vector<unsigned char> bytes(block_bytes, static_cast<unsigned char>(block));
    if (write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
      std::perror("the file in /tmp cannot be filled");
      std::exit(3);
    }
  }
  // Else the kernel now and then cannot read without waiting, for a page that is being written back
  // or for the time of the last access, and hands the read to a thread.
  if (fsync(fd) != 0 || fcntl(fd, F_SETFL, O_NOATIME) != 0) {
    std::perror("the file in /tmp cannot be made ready to be read");
    std::exit(3);
  }
  return fd;
}

/// Where read number `i` begins: all over the file.
inline std::uint64_t offset_of(std::size_t i) {
  return i * 257 % blocks * block_bytes;
}

inline void check_block(const unsigned char* bytes, std::size_t i) {
  check_sum(bytes[0] + bytes[block_bytes - 1], 2 * ((i * 257 % blocks) & 0xff));
}

/// By the wall clock: a runtime may read on another thread.
class ReadTimer {
 public:
  void begin_round() { from_ = now_ns(); }
  void end_round() { rounds_.push_back(static_cast<double>(now_ns() - from_) / reads_a_round); }
  void print() const {
    print_json({{"file_read", percentile({rounds_.begin() + 1, rounds_.end()}, 50), "ns"}});
  }

 private:
  std::int64_t from_ = 0;
  std::vector<double> rounds_;
};

}  // namespace bench
