// Registered files and buffers: slots, tags, allocation, and what an operation keeps of them.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "fixture.hpp"
#include "folder.hpp"

namespace percore::sim::test {

namespace {

io_uring_sqe* read_slot(OpenRing& ring, std::uint64_t user_data, int slot, void* out,
                        unsigned size) {
  io_uring_sqe* const sqe = ring.read(user_data, slot, out, size);
  sqe->flags |= IOSQE_FIXED_FILE;
  return sqe;
}

}  // namespace

TEST_CASE("a slot keeps its file when the descriptor is closed") {
  const Run run(plain());
  OpenRing ring;
  const TemporaryFile file("text");
  const int fd = dup(file.fd);
  REQUIRE(io_uring_register_files(&ring.ring, &fd, 1) == 0);
  CHECK(io_uring_register_files(&ring.ring, &fd, 1) == -EBUSY);
  ::close(fd);
  char text[5] = {};
  read_slot(ring, 1, 0, text, 4);
  CHECK(result_of(ring.wait(1), 1) == 4);
  CHECK(std::string(text) == "text");
  read_slot(ring, 2, 1, text, 4);
  CHECK(result_of(ring.wait(1), 2) == -EBADF);
  CHECK(io_uring_unregister_files(&ring.ring) == 0);
  CHECK(io_uring_unregister_files(&ring.ring) == -ENXIO);
}

TEST_CASE("an update replaces slots, and says how far it came") {
  const Run run(plain());
  OpenRing ring;
  const TemporaryFile first("first"), second("second");
  CHECK(io_uring_register_files_update(&ring.ring, 0, &first.fd, 1) == -ENXIO);
  REQUIRE(io_uring_register_files_sparse(&ring.ring, 3) == 0);
  const int files[] = {first.fd, IORING_REGISTER_FILES_SKIP, 9999};
  CHECK(io_uring_register_files_update(&ring.ring, 0, files, 3) == 2);
  CHECK(io_uring_register_files_update(&ring.ring, 2, files + 2, 1) == -EBADF);
  CHECK(io_uring_register_files_update(&ring.ring, 1, files, 3) == -EINVAL);
  char text[7] = {};
  read_slot(ring, 1, 0, text, 5);
  CHECK(result_of(ring.wait(1), 1) == 5);
  int replace[] = {second.fd};
  io_uring_sqe* const sqe = ring.entry(2);
  io_uring_prep_files_update(sqe, replace, 1, 0);
  io_uring_sqe_set_data64(sqe, 2);
  CHECK(result_of(ring.wait(1), 2) == 1);
  read_slot(ring, 3, 0, text, 6);
  CHECK(result_of(ring.wait(1), 3) == 6);
  CHECK(std::string(text) == "second");
}

TEST_CASE("an operation under way keeps the file its slot held") {
  Run run(slow());
  OpenRing ring;
  const Pipe pipe;
  const TemporaryFile other("other");
  REQUIRE(io_uring_register_files(&ring.ring, &pipe.out, 1) == 0);
  char text[6] = {};
  read_slot(ring, 1, 0, text, 5);
  CHECK(io_uring_submit(&ring.ring) == 1);
  CHECK(io_uring_register_files_update(&ring.ring, 0, &other.fd, 1) == 1);
  CHECK(write(pipe.in, "piped", 5) == 5);
  CHECK(result_of(ring.wait(1), 1) == 5);
  CHECK(std::string(text) == "piped");
}

TEST_CASE("a tag is posted when nobody uses the resource any more") {
  Run run(slow());
  OpenRing ring;
  const Pipe pipe;
  const TemporaryFile other("other");
  const __u64 tags[] = {77};
  REQUIRE(io_uring_register_files_tags(&ring.ring, &pipe.out, tags, 1) == 0);
  char text[6] = {};
  read_slot(ring, 1, 0, text, 5);
  CHECK(io_uring_submit(&ring.ring) == 1);
  const __u64 other_tags[] = {78};
  CHECK(io_uring_register_files_update_tag(&ring.ring, 0, &other.fd, other_tags, 1) == 1);
  CHECK(io_uring_cq_ready(&ring.ring) == 0);  // the read still has it
  CHECK(write(pipe.in, "piped", 5) == 5);
  auto all = ring.wait(2);
  CHECK(all[0] == OpenRing::Completion{1, 5});
  CHECK(all[1] == OpenRing::Completion{77, 0});
  CHECK(io_uring_unregister_files(&ring.ring) == 0);
  CHECK(result_of(ring.harvest(), 78) == 0);
  ring.close();
  CHECK(run.broken.empty());
}

TEST_CASE("open into a slot, use it in the same chain, close the slot") {
  Run run(slow());
  const Folder folder;
  OpenRing ring;
  REQUIRE(io_uring_register_files_sparse(&ring.ring, 2) == 0);
  const std::string path = folder / "a";
  io_uring_sqe* sqe = ring.entry(1);
  io_uring_prep_openat_direct(sqe, AT_FDCWD, path.c_str(), O_CREAT | O_RDWR, 0600, 1);
  io_uring_sqe_set_data64(sqe, 1);
  sqe->flags |= IOSQE_IO_LINK;
  sqe = ring.write(2, 1, "hello", 5);
  sqe->flags |= IOSQE_FIXED_FILE | IOSQE_IO_LINK;
  sqe = ring.entry(3);
  io_uring_prep_close_direct(sqe, 1);
  io_uring_sqe_set_data64(sqe, 3);
  auto all = ring.wait(3);
  CHECK(result_of(all, 1) == 0);
  CHECK(result_of(all, 2) == 5);
  CHECK(result_of(all, 3) == 0);
  sqe = ring.entry(4);
  io_uring_prep_close_direct(sqe, 1);
  io_uring_sqe_set_data64(sqe, 4);
  sqe = ring.entry(5);
  io_uring_prep_close_direct(sqe, 2);
  io_uring_sqe_set_data64(sqe, 5);
  sqe = ring.entry(6);
  io_uring_prep_openat_direct(sqe, AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC, 0, 0);
  io_uring_sqe_set_data64(sqe, 6);
  all = ring.wait(3);
  CHECK(result_of(all, 4) == -EBADF);
  CHECK(result_of(all, 5) == -EINVAL);
  CHECK(result_of(all, 6) == -EINVAL);
}

TEST_CASE("slots are allocated from their range, in turn") {
  const Run run(plain());
  const Folder folder;
  OpenRing ring;
  const std::string path = folder / "a";
  const auto open = [&] {
    io_uring_sqe* const sqe = ring.entry(1);
    io_uring_prep_openat_direct(sqe, AT_FDCWD, path.c_str(), O_CREAT | O_RDWR, 0600,
                                IORING_FILE_INDEX_ALLOC - 1);
    sqe->file_index = IORING_FILE_INDEX_ALLOC;
    io_uring_sqe_set_data64(sqe, 1);
    return result_of(ring.wait(1), 1);
  };
  CHECK(open() == -ENFILE);
  REQUIRE(io_uring_register_files_sparse(&ring.ring, 4) == 0);
  CHECK(open() == 0);
  CHECK(io_uring_register_file_alloc_range(&ring.ring, 2, 2) == 0);
  CHECK(io_uring_register_file_alloc_range(&ring.ring, 2, 3) == -EINVAL);
  CHECK(open() == 2);
  CHECK(open() == 3);
  CHECK(open() == -ENFILE);
  int fd = ::dup(0);
  int array[] = {fd};
  io_uring_sqe* const sqe = ring.entry(2);
  io_uring_prep_files_update(sqe, array, 1, 0);
  sqe->off = IORING_FILE_INDEX_ALLOC;
  io_uring_sqe_set_data64(sqe, 2);
  CHECK(result_of(ring.wait(1), 2) == -ENFILE);
  ::close(fd);
}

TEST_CASE("registered buffers: sparse tables, updates, and what the kernel refuses") {
  Run run(slow());
  OpenRing ring;
  const TemporaryFile file("0123456789");
  static char memory[64], other[64];
  const iovec whole{memory, sizeof memory}, second{other, sizeof other}, hole{nullptr, 0};
  const iovec bad{nullptr, 5}, empty{memory, 0};
  CHECK(io_uring_register_buffers_update_tag(&ring.ring, 0, &whole, nullptr, 1) == -ENXIO);
  CHECK(io_uring_register_buffers(&ring.ring, &bad, 1) == -EFAULT);
  CHECK(io_uring_register_buffers(&ring.ring, &empty, 1) == -EFAULT);
  REQUIRE(io_uring_register_buffers_sparse(&ring.ring, 2) == 0);
  const auto read = [&](std::uint64_t user_data, void* out, int index) {
    io_uring_sqe* const sqe = ring.entry(user_data);
    io_uring_prep_read_fixed(sqe, file.fd, out, 10, 0, index);
    io_uring_sqe_set_data64(sqe, user_data);
  };
  read(1, memory, 0);
  CHECK(result_of(ring.wait(1), 1) == -EFAULT);
  const __u64 tag = 99;
  CHECK(io_uring_register_buffers_update_tag(&ring.ring, 1, &whole, &tag, 1) == 1);
  read(2, memory + 54, 1);
  read(3, memory + 55, 1);  // one byte too far
  auto all = ring.wait(2);
  CHECK(result_of(all, 2) == 10);
  CHECK(result_of(all, 3) == -EFAULT);
  CHECK(std::string(memory + 54, 10) == "0123456789");
  CHECK(io_uring_register_buffers_update_tag(&ring.ring, 1, &second, nullptr, 1) == 1);
  CHECK(result_of(ring.harvest(), 99) == 0);
  CHECK(io_uring_register_buffers_update_tag(&ring.ring, 1, &hole, nullptr, 1) == 1);
  read(4, other, 1);
  CHECK(result_of(ring.wait(1), 4) == -EFAULT);
  CHECK(io_uring_unregister_buffers(&ring.ring) == 0);
  ring.close();
  CHECK(run.broken.empty());
}

TEST_CASE("descriptors of slots and of operations are closed again") {
  const auto lowest_free = [] {
    const int fd = dup(0);
    ::close(fd);
    return fd;
  };
  const auto highest_open = [] {
    for (int fd = 1023; fd > 0; --fd) {
      if (fcntl(fd, F_GETFD) >= 0) return fd;
    }
    return 0;
  };
  const int free_before = lowest_free(), open_before = highest_open();
  {
    const Run run(slow());
    const TemporaryFile file("text");
    OpenRing ring;
    REQUIRE(io_uring_register_files(&ring.ring, &file.fd, 1) == 0);
    char text[4];
    read_slot(ring, 1, 0, text, 4);
    ring.wait(1);
    io_uring_sqe* const sqe = ring.entry(2);
    io_uring_prep_openat_direct(sqe, AT_FDCWD, "/", O_RDONLY, 0, 0);
    io_uring_sqe_set_data64(sqe, 2);
    CHECK(result_of(ring.wait(1), 2) == 0);
  }
  CHECK(lowest_free() == free_before);
  CHECK(highest_open() == open_before);
}

TEST_CASE("limits of kernel threads are kept and told") {
  const Run run(plain());
  OpenRing ring;
  unsigned values[] = {3, 0};
  CHECK(io_uring_register_iowq_max_workers(&ring.ring, values) == 0);
  CHECK(values[0] != 0);
  const unsigned unbounded = values[1];
  values[0] = values[1] = 0;
  CHECK(io_uring_register_iowq_max_workers(&ring.ring, values) == 0);
  CHECK(values[0] == 3);
  CHECK(values[1] == unbounded);
}

}  // namespace percore::sim::test
