// Files in memory as a running program sees them. That they answer as a kernel's do is what the
// fidelity scripts compare; here is what those cannot.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "memory_fixture.hpp"

namespace percore::sim::test {

TEST_CASE("a file in memory is written, read, listed, and unknown to ordinary system calls") {
  Run run(in_memory(slow()));
  FileRing ring;
  const int fd = ring.open_at("/sim/a", O_CREAT | O_RDWR);
  REQUIRE(fd >= 0);
  CHECK(ring.put(fd, "hello", 3) == 5);
  char text[9] = {};
  ring.read(1, fd, text, 8, 0);
  CHECK(result_of(ring.wait(1), 1) == 8);
  CHECK(std::string(text, 8) == std::string("\0\0\0hello", 8));
  CHECK(file_content("/sim/a") == std::string("\0\0\0hello", 8));
  CHECK(folder_names("/sim") == std::vector<std::string>{"a"});
  CHECK(access("/sim/a", F_OK) == -1);
  struct stat seen{};
  CHECK(fstat(fd, &seen) == 0);
  CHECK(seen.st_size == 0);
  CHECK(file_content("/sim/b") == std::nullopt);
  CHECK(folder_names("/sim/a") == std::nullopt);
  CHECK(ring.shut(fd) == 0);
  ring.close();
  CHECK(run.broken.empty());
}

TEST_CASE("only paths below the folder are in memory; from one to the other is EXDEV") {
  const Run run(in_memory());
  FileRing ring;
  CHECK(ring.open_at("/simulated/a", O_CREAT | O_RDWR) == -ENOENT);
  CHECK(ring.shut(ring.open_at("/sim/a", O_CREAT | O_RDWR)) == 0);
  CHECK(ring.move("/sim/a", "/tmp/a") == -EXDEV);
  CHECK(ring.move("/tmp", "/sim/a") == -EXDEV);
  const int real = ring.open_at("/dev/null", O_WRONLY);
  CHECK(ring.put(real, "gone") == 4);
  CHECK(ring.shut(real) == 0);
}

TEST_CASE("an ordinary close and dup mean what they mean elsewhere") {
  const Run run(in_memory());
  FileRing ring;
  const int fd = ring.open_at("/sim/a", O_CREAT | O_RDWR);
  const int copy = dup(fd);
  ::close(fd);
  CHECK(ring.put(copy, "text", static_cast<std::uint64_t>(-1)) == 4);
  const int again = dup(copy);
  CHECK(ring.put(again, "more", static_cast<std::uint64_t>(-1)) == 4);  // one position for both
  CHECK(file_content("/sim/a") == "textmore");
  ::close(copy);
  ::close(again);
  CHECK(ring.put(again, "late") == -EBADF);
  Pipe pipe;  // takes a number that was a file's
  CHECK(ring.put(pipe.in, "pipe") == 4);
  CHECK(file_content("/sim/a") == "textmore");
}

TEST_CASE("a removed file lives on while it is open") {
  const Run run(in_memory());
  FileRing ring;
  const int fd = ring.open_at("/sim/a", O_CREAT | O_RDWR);
  CHECK(ring.remove("/sim/a") == 0);
  CHECK(ring.put(fd, "text") == 4);
  char text[4];
  ring.read(1, fd, text, 4);
  CHECK(result_of(ring.wait(1), 1) == 4);
  CHECK(folder_names("/sim")->empty());
  ring.shut(fd);
}

TEST_CASE("O_DIRECT demands whole sectors of position, length and address") {
  Options options = in_memory();
  options.disk_sector_bytes = 4096;
  const Run run(options);
  FileRing ring;
  const int fd = ring.open_at("/sim/a", O_CREAT | O_RDWR | O_DIRECT);
  const std::unique_ptr<char, decltype(&std::free)> memory(
      static_cast<char*>(std::aligned_alloc(4096, 8192)), std::free);
  const auto write = [&](unsigned aside, unsigned length, std::uint64_t offset) {
    return ring.one(ring.write(7, fd, memory.get() + aside, length, offset));
  };
  CHECK(write(0, 4096, 4096) == 4096);
  CHECK(write(0, 512, 0) == -EINVAL);
  CHECK(write(0, 4096, 512) == -EINVAL);
  CHECK(write(512, 4096, 0) == -EINVAL);
  CHECK(ring.one(ring.read(7, fd, memory.get(), 8192, 0)) == 8192);
  CHECK(ring.one(ring.read(7, fd, memory.get(), 100, 0)) == -EINVAL);
  CHECK(ring.one(ring.read(7, fd, memory.get(), 4096, 8192)) == 0);  // the end is the end
  struct statx found{};
  io_uring_sqe* const sqe = ring.entry(7);
  io_uring_prep_statx(sqe, AT_FDCWD, "/sim/a", 0, STATX_BASIC_STATS | STATX_DIOALIGN, &found);
  CHECK(ring.one(sqe) == 0);
  CHECK(found.stx_dio_offset_align == 4096);
  CHECK(found.stx_size == 8192);
  ring.shut(fd);
}

TEST_CASE("an open whose O_DIRECT is refused truncates nothing, and leaves a new file") {
  Options options = in_memory();
  options.direct_io = DirectIo::refused;
  const Run run(options);
  CHECK(make_file("/sim/old", "content") == 0);
  FileRing ring;
  CHECK(ring.open_at("/sim/old", O_RDWR | O_TRUNC | O_DIRECT) == -EINVAL);
  CHECK(file_content("/sim/old") == "content");
  CHECK(ring.open_at("/sim/new", O_RDWR | O_CREAT | O_DIRECT) == -EINVAL);
  CHECK(file_content("/sim/new") == "");
}

TEST_CASE("a full disk: short writes, then ENOSPC, and room again after a removal") {
  Options options = in_memory();
  options.disk_bytes_max = 4096;
  const Run run(options);
  FileRing ring;
  const int a = ring.open_at("/sim/a", O_CREAT | O_RDWR),
            b = ring.open_at("/sim/b", O_CREAT | O_RDWR);
  CHECK(ring.put(a, std::string(3000, 'a')) == 3000);
  CHECK(ring.put(b, std::string(3000, 'b')) == 1024);  // 3,072 are taken in whole sectors
  CHECK(ring.put(b, "b", 2000) == -ENOSPC);
  CHECK(ring.reserve(b, 8192) == -ENOSPC);
  CHECK(ring.put(a, std::string(3000, 'A')) == 3000);  // its own sectors are its own
  CHECK(ring.cut(a, 0) == 0);
  CHECK(ring.put(b, std::string(2000, 'b'), 1024) == 2000);
  ring.shut(a), ring.shut(b);
}

TEST_CASE("a file may have holes and ends where the kernel's does") {
  const Run run(in_memory());
  FileRing ring;
  const int fd = ring.open_at("/sim/a", O_CREAT | O_RDWR);
  const std::uint64_t far = 1ull << 43;
  CHECK(ring.put(fd, "x", far) == 1);
  char byte = 'y';
  CHECK(ring.one(ring.read(7, fd, &byte, 1, far - 1)) == 1);
  CHECK(byte == 0);
  CHECK(ring.put(fd, "x", 1ull << 45) == -EFBIG);
  CHECK(ring.cut(fd, 1ull << 45) == -EFBIG);
  ring.shut(fd);
}

TEST_CASE("slots take files in memory like others") {
  const Run run(in_memory());
  FileRing ring;
  REQUIRE(io_uring_register_files_sparse(&ring.ring, 1) == 0);
  io_uring_sqe* sqe = ring.entry(7);
  io_uring_prep_openat_direct(sqe, AT_FDCWD, "/sim/a", O_CREAT | O_RDWR, 0600, 0);
  CHECK(ring.one(sqe) == 0);
  sqe = ring.write(7, 0, "text", 4);
  sqe->flags |= IOSQE_FIXED_FILE;
  CHECK(ring.one(sqe) == 4);
  CHECK(file_content("/sim/a") == "text");
}

TEST_CASE("make_file makes a file with its folders, and counts as no work of the program") {
  const Run run(in_memory());
  CHECK(make_file("/sim/d/e/a", "text") == 0);
  CHECK(make_file("/sim/d/e/a", "other") == 0);
  CHECK(make_file("/elsewhere/a", "text") == -EXDEV);
  CHECK(counts().disk_steps == 0);
  crash(0);
  CHECK(file_content("/sim/d/e/a") == "other");
}

TEST_CASE("a run begins with an empty disk, or with what the run before left") {
  {
    const Run run(in_memory());
    make_file("/sim/a", "text");
  }
  Options options = in_memory();
  options.keep_files = true;
  {
    const Run run(options);
    CHECK(file_content("/sim/a") == "text");
  }
  const Run run(in_memory());
  CHECK(file_content("/sim/a") == std::nullopt);
}

TEST_CASE("without files in memory there are none") {
  const Run run(plain());
  CHECK(make_file("/sim/a", "text") == -ENOENT);
  CHECK(file_content("/sim/a") == std::nullopt);
  CHECK_FALSE(crashed());
}

}  // namespace percore::sim::test
