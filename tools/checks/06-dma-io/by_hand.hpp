#pragma once

#include "01-hello-world/answers.hpp"

#include <fcntl.h>

#include <array>
#include <functional>
#include <percore/io.hpp>

#include "support.hpp"

// What the predict exercises share: operations on the disk in memory, by hand.
namespace checks {

struct Page {
  alignas(4096) std::array<std::byte, 3 * 4096> bytes{};
};

inline Task<int> opens(const char* path, int flags) {
  io_uring_sqe entry{};
  io_uring_prep_openat(&entry, AT_FDCWD, path, flags, 0644);
  const Result<std::uint32_t> fd = co_await perform(entry);
  require(fd.has_value(), "the check could not open {}", path);
  co_return static_cast<int>(*fd);
}
inline Task<> closes(int fd) {
  io_uring_sqe entry{};
  io_uring_prep_close(&entry, fd);
  const Result<std::uint32_t> done = co_await perform(entry);
  require(done.has_value(), "the check could not close a file");
}
inline Task<Result<std::uint32_t>> syncs(int fd, unsigned flags) {
  io_uring_sqe entry{};
  io_uring_prep_fsync(&entry, fd, flags);
  co_return co_await perform(entry);
}

inline void on_a_disk(Run& run, std::uint64_t crash_at_step = 0) {
  sim::Options options = run.options();
  options.files_in_memory = "/sim";
  options.crash_at_step = crash_at_step;
  run.restart(options);
}

inline Task<> writes_block(const char* path, int flags, char byte, bool syncs_it) {
  const auto page = std::make_unique<Page>();
  page->bytes.fill(static_cast<std::byte>(byte));
  const int fd = co_await opens(path, flags);
  const auto wrote = co_await percore::write(fd, std::span(page->bytes).first(512), 0);
  require(wrote && *wrote == 512, "the check could not write");
  if (syncs_it) {
    const auto synced = co_await syncs(fd, IORING_FSYNC_DATASYNC);
    require(synced.has_value(), "the check could not sync");
  }
  co_await closes(fd);
}
}  // namespace checks
