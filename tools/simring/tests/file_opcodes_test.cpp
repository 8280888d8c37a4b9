// Opcodes on files, on a real folder: what they do, what the kernel refuses, and which results let
// a linked operation start.

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "fixture.hpp"
#include "folder.hpp"

namespace percore::sim::test {

namespace {

constexpr unsigned op_ftruncate = 55;  // liburing 2.3 has no name for it

int run_one(OpenRing& ring, io_uring_sqe* sqe) {
  io_uring_sqe_set_data64(sqe, 7);
  return result_of(ring.wait(1), 7);
}

int open_file(OpenRing& ring, const std::string& path, int flags) {
  io_uring_sqe* const sqe = ring.entry(7);
  io_uring_prep_openat(sqe, AT_FDCWD, path.c_str(), flags, 0644);
  return run_one(ring, sqe);
}

int close_file(OpenRing& ring, int fd) {
  io_uring_sqe* const sqe = ring.entry(7);
  io_uring_prep_close(sqe, fd);
  return run_one(ring, sqe);
}

off_t size_of(const std::string& path) {
  struct stat found{};
  return stat(path.c_str(), &found) == 0 ? found.st_size : -errno;
}

template <typename Prepare>
int on_file(OpenRing& ring, int fd, Prepare prepare) {
  io_uring_sqe* const sqe = ring.entry(7);
  prepare(sqe, fd);
  return run_one(ring, sqe);
}

[[gnu::noinline]] void prepare_open_with_path_of_own_frame(OpenRing& ring) {
  char path[64] = "/tmp/a-path-that-lives-in-this-frame";
  io_uring_prep_openat(ring.entry(7), AT_FDCWD, path, O_RDONLY, 0);
  io_uring_sqe_set_data64(&ring.ring.sq.sqes[0], 7);
  asm volatile("" ::"r"(path) : "memory");
}

}  // namespace

TEST_CASE("open, statx and close; the path is copied at the submit") {
  Run run(slow());
  const Folder folder;
  OpenRing ring;
  auto path = std::make_unique<std::string>(folder / "a");
  io_uring_prep_openat(ring.entry(1), AT_FDCWD, path->c_str(), O_CREAT | O_RDWR, 0640);
  io_uring_sqe_set_data64(&ring.ring.sq.sqes[0], 1);
  CHECK(io_uring_submit(&ring.ring) == 1);
  path.reset();
  const int fd = result_of(ring.wait(1), 1);
  REQUIRE(fd >= 0);
  CHECK(pwrite(fd, "hello", 5, 0) == 5);
  auto found = std::make_unique<struct statx>();
  io_uring_sqe* const sqe = ring.entry(2);
  io_uring_prep_statx(sqe, fd, "", AT_EMPTY_PATH, STATX_SIZE, found.get());
  CHECK(run_one(ring, sqe) == 0);
  CHECK(found->stx_size == 5);
  CHECK(close_file(ring, fd) == 0);
  CHECK(close_file(ring, fd) == -EBADF);
  CHECK(open_file(ring, folder / "missing", O_RDONLY) == -ENOENT);
  CHECK(open_file(ring, "", O_RDONLY) == -ENOENT);
  CHECK(open_file(ring, std::string(5000, 'x'), O_RDONLY) == -ENAMETOOLONG);
  ring.close();
  CHECK(run.broken.empty());
}

TEST_CASE("openat2 takes the size of its structure seriously") {
  const Run run(plain());
  const Folder folder;
  OpenRing ring;
  const std::string path = folder / "a";
  const auto open2 = [&](open_how how, unsigned size) {
    io_uring_sqe* const sqe = ring.entry(7);
    io_uring_prep_openat2(sqe, AT_FDCWD, path.c_str(), &how);
    sqe->len = size;
    return run_one(ring, sqe);
  };
  const open_how create{.flags = O_CREAT | O_RDWR, .mode = 0600, .resolve = 0};
  const int fd = open2(create, sizeof create);
  CHECK(fd >= 0);
  CHECK(close_file(ring, fd) == 0);
  CHECK(open2(create, 8) == -EINVAL);
  CHECK(open2(create, 5000) == -E2BIG);
  CHECK(open2({.flags = O_RDWR, .mode = 0600, .resolve = 0}, sizeof create) == -EINVAL);
  CHECK(open2({.flags = O_RDWR, .mode = 0, .resolve = 1u << 30}, sizeof create) == -EINVAL);
}

TEST_CASE("fsync, sync_file_range, fallocate, ftruncate and advice act on the file") {
  const Run run(slow());
  const Folder folder;
  OpenRing ring;
  const std::string path = folder / "a";
  const int fd = open_file(ring, path, O_CREAT | O_RDWR);
  const auto call = [&](auto prepare) { return on_file(ring, fd, prepare); };
  CHECK(call([](auto* sqe, int file) { io_uring_prep_fallocate(sqe, file, 0, 0, 9000); }) == 0);
  CHECK(size_of(path) == 9000);
  CHECK(call([](auto* sqe, int file) {
          io_uring_prep_rw(op_ftruncate, sqe, file, nullptr, 0, 100);
        }) == 0);
  CHECK(size_of(path) == 100);
  CHECK(call([](auto* sqe, int file) { io_uring_prep_fsync(sqe, file, 0); }) == 0);
  CHECK(call([](auto* sqe, int file) { io_uring_prep_fsync(sqe, file, IORING_FSYNC_DATASYNC); }) ==
        0);
  CHECK(call([](auto* sqe, int file) {
          io_uring_prep_sync_file_range(sqe, file, 50, 0, SYNC_FILE_RANGE_WRITE);
        }) == 0);
  CHECK(call([](auto* sqe, int file) {
          io_uring_prep_fadvise(sqe, file, 0, 0, POSIX_FADV_SEQUENTIAL);
        }) == 0);
  CHECK(call([](auto* sqe, int file) { io_uring_prep_fadvise(sqe, file, 0, 0, 77); }) == -EINVAL);
  CHECK(call([](auto* sqe, int file) { io_uring_prep_fsync(sqe, file, 2); }) == -EINVAL);
  CHECK(call([](auto* sqe, int file) {
          io_uring_prep_fsync(sqe, file, 0);
          sqe->addr = 1;
        }) == -EINVAL);
  CHECK(call([](auto* sqe, int file) {
          io_uring_prep_rw(op_ftruncate, sqe, file, nullptr, 1, 100);
        }) == -EINVAL);
  CHECK(call([](auto* sqe, int) { io_uring_prep_fsync(sqe, 9999, 0); }) == -EBADF);
  CHECK(close_file(ring, fd) == 0);
}

TEST_CASE("madvise acts on the program's memory") {
  const Run run(plain());
  OpenRing ring;
  constexpr std::size_t size = 8192;
  void* const memory =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  std::memset(memory, 'x', size);
  io_uring_sqe* const sqe = ring.entry(1);
  io_uring_prep_madvise(sqe, memory, size, MADV_DONTNEED);
  CHECK(run_one(ring, sqe) == 0);
  CHECK(*static_cast<char*>(memory) == 0);
  munmap(memory, size);
}

TEST_CASE("mkdir, rename, link, symlink and unlink act on names") {
  const Run run(slow());
  const Folder folder;
  OpenRing ring;
  const auto call = [&](auto prepare) {
    io_uring_sqe* const sqe = ring.entry(7);
    prepare(sqe);
    return run_one(ring, sqe);
  };
  const std::string d = folder / "d", a = d + "/a", b = d + "/b", c = d + "/c", s = d + "/s";
  CHECK(call([&](auto* sqe) { io_uring_prep_mkdirat(sqe, AT_FDCWD, d.c_str(), 0700); }) == 0);
  CHECK(call([&](auto* sqe) { io_uring_prep_mkdirat(sqe, AT_FDCWD, d.c_str(), 0700); }) == -EEXIST);
  CHECK(close_file(ring, open_file(ring, a, O_CREAT | O_WRONLY)) == 0);
  const auto rename = [&](const std::string& from, const std::string& to, unsigned flags) {
    return call([&](auto* sqe) {
      io_uring_prep_renameat(sqe, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags);
    });
  };
  CHECK(rename(a, b, 0) == 0);
  CHECK(rename(a, b, 0) == -ENOENT);
  const auto link = [&](const std::string& from, const std::string& to) {
    return call([&](auto* sqe) {
      io_uring_prep_linkat(sqe, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), 0);
    });
  };
  CHECK(link(b, c) == 0);
  CHECK(rename(b, c, RENAME_NOREPLACE) == -EEXIST);
  CHECK(call([&](auto* sqe) { io_uring_prep_symlinkat(sqe, "b", AT_FDCWD, s.c_str()); }) == 0);
  CHECK(std::filesystem::read_symlink(s) == "b");
  const auto unlink = [&](const std::string& path, int flags) {
    return call([&](auto* sqe) { io_uring_prep_unlinkat(sqe, AT_FDCWD, path.c_str(), flags); });
  };
  CHECK(unlink(d, 0) == -EISDIR);
  CHECK(unlink(d, AT_REMOVEDIR) == -ENOTEMPTY);
  CHECK(unlink(b, 1 << 20) == -EINVAL);
  for (const std::string& path : {b, c, s}) CHECK(unlink(path, 0) == 0);
  CHECK(unlink(d, AT_REMOVEDIR) == 0);
}

TEST_CASE("a failed rename or fsync does not stop what is linked behind it; a failed open does") {
  const Run run(slow());
  const Folder folder;
  OpenRing ring;
  const std::string from = folder / "from", to = folder / "to", made = folder / "made";
  io_uring_sqe* sqe = ring.entry(1);
  io_uring_prep_renameat(sqe, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), 0);
  io_uring_sqe_set_data64(sqe, 1);
  sqe->flags |= IOSQE_IO_LINK;
  sqe = ring.entry(2);
  io_uring_prep_mkdirat(sqe, AT_FDCWD, made.c_str(), 0700);
  io_uring_sqe_set_data64(sqe, 2);
  auto all = ring.wait(2);
  CHECK(result_of(all, 1) == -ENOENT);
  CHECK(result_of(all, 2) == 0);
  sqe = ring.entry(3);
  io_uring_prep_openat(sqe, AT_FDCWD, from.c_str(), O_RDONLY, 0);
  io_uring_sqe_set_data64(sqe, 3);
  sqe->flags |= IOSQE_IO_LINK;
  ring.entry(4);
  all = ring.wait(2);
  CHECK(result_of(all, 3) == -ENOENT);
  CHECK(result_of(all, 4) == -ECANCELED);
  sqe = ring.entry(5);
  io_uring_prep_fsync(sqe, 9999, 0);  // no descriptor: that one does
  io_uring_sqe_set_data64(sqe, 5);
  sqe->flags |= IOSQE_IO_LINK;
  ring.entry(6);
  all = ring.wait(2);
  CHECK(result_of(all, 5) == -EBADF);
  CHECK(result_of(all, 6) == -ECANCELED);
}

TEST_CASE("fields that an opcode does not use must be zero, and a slot is no folder") {
  const Run run(plain());
  OpenRing ring;
  for (const unsigned opcode :
       {unsigned{IORING_OP_FSYNC}, unsigned{IORING_OP_SYNC_FILE_RANGE},
        unsigned{IORING_OP_FALLOCATE}, unsigned{IORING_OP_OPENAT}, unsigned{IORING_OP_CLOSE},
        unsigned{IORING_OP_STATX}, unsigned{IORING_OP_RENAMEAT}, unsigned{IORING_OP_UNLINKAT},
        unsigned{IORING_OP_MKDIRAT}, unsigned{IORING_OP_SYMLINKAT}, unsigned{IORING_OP_LINKAT},
        unsigned{IORING_OP_FADVISE}, unsigned{IORING_OP_MADVISE}, op_ftruncate}) {
    CAPTURE(opcode);
    io_uring_sqe* sqe = ring.entry(7);
    io_uring_prep_rw(static_cast<int>(opcode), sqe, AT_FDCWD, "/", 0, 0);
    sqe->buf_index = 1;
    CHECK(run_one(ring, sqe) == -EINVAL);
  }
  for (const unsigned opcode :
       {unsigned{IORING_OP_OPENAT}, unsigned{IORING_OP_STATX}, unsigned{IORING_OP_UNLINKAT},
        unsigned{IORING_OP_MKDIRAT}, unsigned{IORING_OP_RENAMEAT}}) {
    CAPTURE(opcode);
    io_uring_sqe* const sqe = ring.entry(7);
    io_uring_prep_rw(static_cast<int>(opcode), sqe, 0, "/", 0, 0);
    sqe->flags |= IOSQE_FIXED_FILE;
    CHECK(run_one(ring, sqe) == -EBADF);
  }
}

TEST_CASE("argument_dead: a path that is gone before the submit") {
  Run run(slow());
  OpenRing ring;
  prepare_open_with_path_of_own_frame(ring);
  io_uring_submit(&ring.ring);
  CHECK(run.broke(Rule::argument_dead));
  CHECK(last_violation()->sentence.find("the path of IORING_OP_OPENAT") != std::string::npos);
  ring.wait(1);
}

TEST_CASE("buffer_freed: a statx buffer belongs to the kernel until the completion") {
  Run run(slow());
  OpenRing ring;
  auto found = std::make_unique<struct statx>();
  io_uring_prep_statx(ring.entry(7), AT_FDCWD, "/", 0, STATX_SIZE, found.get());
  io_uring_sqe_set_data64(&ring.ring.sq.sqes[0], 7);
  CHECK(io_uring_submit(&ring.ring) == 1);
  found.reset();
  CHECK(run.broke(Rule::buffer_freed));
  ring.wait(1);
}

TEST_CASE("closing a descriptor does not end the operations under way on it") {
  Run run(slow());
  const Pipe pipe;
  OpenRing ring;
  const int end = dup(pipe.out);
  char text[8] = {};
  ring.read(1, end, text, 5);
  io_uring_sqe* const sqe = ring.entry(2);
  io_uring_prep_close(sqe, end);
  io_uring_sqe_set_data64(sqe, 2);
  CHECK(result_of(ring.wait(1), 2) == 0);
  CHECK(fcntl(end, F_GETFD) == -1);
  CHECK(write(pipe.in, "hello", 5) == 5);
  CHECK(result_of(ring.wait(1), 1) == 5);
  CHECK(std::string(text) == "hello");
  ring.close();
  CHECK(run.broken.empty());
}

TEST_CASE("a scripted fault strikes before the work") {
  Run run(plain());
  const Folder folder;
  OpenRing ring;
  script({.operation = 1, .result = -EIO});
  const std::string path = folder / "d";
  io_uring_sqe* const sqe = ring.entry(7);
  io_uring_prep_mkdirat(sqe, AT_FDCWD, path.c_str(), 0700);
  CHECK(run_one(ring, sqe) == -EIO);
  CHECK(size_of(path) == -ENOENT);
}

}  // namespace percore::sim::test
