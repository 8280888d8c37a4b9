// Faults of files: each happens with its option and not without, and changes no other draw.

#include <fcntl.h>

#include <cerrno>

#include "memory_fixture.hpp"

namespace percore::sim::test {

namespace {

// A little work on files that takes every answer; returns how often each error came.
struct Errors {
  unsigned limits = 0, sync_errors = 0, full = 0, short_writes = 0, others = 0;

  void take(int result, int wanted) {
    if (result == -EMFILE) return void(++limits);
    if (result == -EIO) return void(++sync_errors);
    if (result == -ENOSPC) return void(++full);
    if (result < 0) return void(++others);
    short_writes += result < wanted;
  }
};

Errors work(const Options& options) {
  const Run run(options);
  FileRing ring;
  Errors errors;
  for (unsigned round = 0; round != 50; ++round) {
    const int fd = ring.open_at("/sim/a", O_CREAT | O_RDWR);
    errors.take(fd, 0);
    if (fd < 0) continue;
    errors.take(ring.put(fd, std::string(2000, 'x')), 2000);
    errors.take(ring.sync(fd), 0);
    errors.take(ring.reserve(fd, 5000), 0);
    CHECK(ring.shut(fd) == 0);
  }
  return errors;
}

}  // namespace

TEST_CASE("EMFILE, EIO and ENOSPC come with their options, and only then") {
  const Errors none = work(in_memory());
  CHECK(none.limits + none.sync_errors + none.full + none.short_writes + none.others == 0);
  Options options = in_memory();
  options.too_many_files_percent = 30;
  CHECK(work(options).limits > 5);
  options = in_memory();
  options.sync_error_percent = 30;
  const Errors syncs = work(options);
  CHECK(syncs.sync_errors > 5);
  CHECK(syncs.full + syncs.limits + syncs.others == 0);
  options = in_memory();
  options.no_space_percent = 30;
  const Errors full = work(options);
  CHECK(full.full > 5);
  CHECK(full.short_writes > 5);
  CHECK(full.sync_errors + full.limits + full.others == 0);
}

TEST_CASE("rough() has each of them in some of its seeds, and in some none") {
  unsigned with_limits = 0, with_errors = 0, with_full = 0;
  for (std::uint64_t seed = 0; seed != 60; ++seed) {
    const Options options = rough(seed);
    with_limits += options.too_many_files_percent != 0;
    with_errors += options.sync_error_percent != 0;
    with_full += options.no_space_percent != 0;
  }
  for (const unsigned count : {with_limits, with_errors, with_full}) {
    CHECK(count > 10);
    CHECK(count < 50);
  }
}

TEST_CASE("a suppressed fault of a file leaves the others where they were") {
  Options options = in_memory();
  options.sync_error_percent = 30;
  const Errors all = work(options);
  options.suppressed_faults = {1};
  CHECK(work(options).sync_errors == all.sync_errors - 1);
  options.suppressed_faults = {};
  options.fault_limit = 2;
  CHECK(work(options).sync_errors == 2);
}

TEST_CASE("a scripted fault strikes the next operation of its kind, at its byte, once") {
  const Run run(in_memory());
  FileRing ring;
  script({.opcode = IORING_OP_OPENAT, .result = -EMFILE});
  CHECK(ring.open_at("/sim/a", O_CREAT | O_RDWR) == -EMFILE);
  const int fd = ring.open_at("/sim/a", O_CREAT | O_RDWR);
  REQUIRE(fd >= 0);
  script({.opcode = IORING_OP_WRITE, .byte = 150, .result = -EIO});
  script({.opcode = IORING_OP_READ, .byte = 0, .bytes_max = 10});
  CHECK(ring.put(fd, std::string(100, 'a'), 0) == 100);
  CHECK(ring.put(fd, std::string(50, 'a'), 100) == 50);  // up to that byte, and not it
  CHECK(ring.put(fd, std::string(50, 'a'), 151) == 50);
  CHECK(ring.put(fd, std::string(50, 'a'), 150) == -EIO);
  CHECK(ring.put(fd, std::string(50, 'a'), 150) == 50);
  char out[100];
  CHECK(ring.one(ring.read(7, fd, out, sizeof out, 1)) == 100);
  CHECK(ring.one(ring.read(7, fd, out, sizeof out, 0)) == 10);
  CHECK(ring.one(ring.read(7, fd, out, sizeof out, 0)) == 100);
  ring.shut(fd);
}

}  // namespace percore::sim::test
