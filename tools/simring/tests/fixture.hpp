#pragma once

#include <doctest/doctest.h>
#include <liburing.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include <percore/sim.hpp>

namespace percore::sim::test {

/// A run that collects the rules broken instead of aborting.
struct Run {
  std::vector<Rule> broken;

  explicit Run(Options options = gentle(1)) {
    begin(std::move(options));
    set_violation_handler(
        [](const Violation& violation, void* self) {
          static_cast<Run*>(self)->broken.push_back(violation.rule);
        },
        this);
  }
  ~Run() {
    end();
    set_violation_handler(nullptr);
    set_ready_probe(nullptr);
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  bool broke(Rule rule) const { return broken.size() == 1 && broken[0] == rule; }
};

inline Options plain(std::uint64_t seed = 1) {  // everything completes within its own submit
  Options options;
  options.seed = seed;
  options.inline_percent = 100;
  return options;
}

inline Options slow(std::uint64_t seed = 1) {  // nothing does
  Options options;
  options.seed = seed;
  options.inline_percent = 0;
  return options;
}

constexpr unsigned deferred_flags =
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG;

struct OpenRing {
  io_uring ring{};
  bool open = true;

  explicit OpenRing(unsigned entries = 8, unsigned flags = deferred_flags) {
    REQUIRE(io_uring_queue_init(entries, &ring, flags) == 0);
  }
  ~OpenRing() { close(); }
  OpenRing(const OpenRing&) = delete;
  OpenRing& operator=(const OpenRing&) = delete;

  void close() {
    if (open) io_uring_queue_exit(&ring);
    open = false;
  }
  io_uring_sqe* entry(std::uint64_t user_data) {
    io_uring_sqe* const sqe = io_uring_get_sqe(&ring);
    REQUIRE(sqe != nullptr);
    io_uring_prep_nop(sqe);
    io_uring_sqe_set_data64(sqe, user_data);
    return sqe;
  }
  io_uring_sqe* read(std::uint64_t user_data, int fd, void* buffer, unsigned size,
                     std::uint64_t offset = 0) {
    io_uring_sqe* const sqe = entry(user_data);
    io_uring_prep_read(sqe, fd, buffer, size, offset);
    return sqe;
  }
  io_uring_sqe* write(std::uint64_t user_data, int fd, const void* buffer, unsigned size,
                      std::uint64_t offset = 0) {
    io_uring_sqe* const sqe = entry(user_data);
    io_uring_prep_write(sqe, fd, buffer, size, offset);
    return sqe;
  }

  struct Completion {
    std::uint64_t user_data;
    int result;
    unsigned flags = 0;
    friend bool operator==(const Completion&, const Completion&) = default;
  };
  std::vector<Completion> harvest() {
    std::vector<Completion> found;
    unsigned head = 0;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(&ring, head, cqe) found.push_back({cqe->user_data, cqe->res, cqe->flags});
    io_uring_cq_advance(&ring, static_cast<unsigned>(found.size()));
    return found;
  }
  std::vector<Completion> wait(unsigned count) {
    std::vector<Completion> all;
    while (all.size() < count) {
      const int result = io_uring_submit_and_wait(&ring, 1);
      if (result < 0 && result != -EINTR && result != -EAGAIN && result != -EBUSY) {
        FAIL("submit_and_wait gave " << result);
      }
      for (const Completion& one : harvest()) all.push_back(one);
    }
    return all;
  }
  /// Until `all` holds `count`.
  void wait_for(std::vector<Completion>& all, std::size_t count) {
    while (all.size() < count) {
      for (const Completion& one : wait(1)) all.push_back(one);
    }
  }
  /// Long enough for everything on its way to have come.
  void pause() {
    __kernel_timespec while_{.tv_sec = 0, .tv_nsec = 2'000'000};
    io_uring_prep_timeout(entry(999), &while_, 0, 0);
    wait(1);
  }
};

/// The flags of the completion that `result_of` speaks of.
inline unsigned flags_of(const std::vector<OpenRing::Completion>& all, std::uint64_t user_data) {
  unsigned flags = 0;
  for (const auto& one : all) {
    if (one.user_data == user_data) flags = one.flags;
  }
  return flags;
}

/// What a list of completions says of one user_data; it must be there exactly once.
inline int result_of(const std::vector<OpenRing::Completion>& all, std::uint64_t user_data) {
  int found = 0, result = 0;
  for (const auto& one : all) {
    if (one.user_data == user_data) ++found, result = one.result;
  }
  REQUIRE(found == 1);
  return result;
}

struct SocketPair {
  int left = -1, right = -1;
  explicit SocketPair(int kind = SOCK_STREAM) {
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, kind, 0, ends) == 0);
    left = ends[0], right = ends[1];
  }
  ~SocketPair() { close_left(), close_right(); }
  SocketPair(const SocketPair&) = delete;
  SocketPair& operator=(const SocketPair&) = delete;
  void close_left() {
    if (left >= 0) ::close(left);
    left = -1;
  }
  void close_right() {
    if (right >= 0) ::close(right);
    right = -1;
  }
};

struct Pipe {
  int out = -1, in = -1;
  Pipe() {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    out = ends[0], in = ends[1];
  }
  ~Pipe() { ::close(out), ::close(in); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
};

struct TemporaryFile {
  int fd = -1;
  explicit TemporaryFile(const std::string& text = "") {
    fd = memfd_create("simring-test", 0);
    REQUIRE(fd >= 0);
    REQUIRE(pwrite(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  }
  ~TemporaryFile() { ::close(fd); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
};

}  // namespace percore::sim::test
