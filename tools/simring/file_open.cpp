// Opcodes that open, close and describe files, and the one that fills registered slots.

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "file_opcodes.hpp"
#include "network.hpp"

namespace percore::sim {

namespace {

constexpr std::size_t open_how_bytes_max = 4096;  // PAGE_SIZE

int prepare_any_open(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  if (sqe.buf_index != 0) return -EINVAL;
  if (asks_for_slot(sqe)) return -EBADF;
  operation.paths.resize(1);
  if (const int error = read_path(sqe.addr, false, operation.paths[0]); error != 0) return error;
  // A slot lives as long as its ring: closing it on exec has no meaning.
  const bool closes_on_exec = (operation.open.flags & O_CLOEXEC) != 0;
  return sqe.file_index != 0 && closes_on_exec ? -EINVAL : 0;
}

// As openat(2), unlike openat2(2), forgives what it does not know.
void forgive(open_how& how) {
  constexpr std::uint64_t known = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND |
                                  O_NONBLOCK | O_SYNC | O_DSYNC | FASYNC | O_DIRECT | 0100000 |
                                  O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH |
                                  O_TMPFILE;
  how.flags &= known;
  how.mode &= 07777;
  if ((how.flags & O_PATH) != 0) how.flags &= O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC;
  const bool creates = (how.flags & O_CREAT) != 0 || (how.flags & O_TMPFILE) == O_TMPFILE;
  if (!creates) how.mode = 0;
}

// What a newer structure has beyond ours must be zero, as copy_struct_from_user demands.
int read_open_how(std::uint64_t address, std::size_t size, open_how& out) {
  if (size < sizeof out) return -EINVAL;
  if (size > open_how_bytes_max) return -E2BIG;
  const auto* const bytes = reinterpret_cast<const unsigned char*>(address);
  if (!mapped(bytes, size)) return -EFAULT;
  std::memcpy(&out, bytes, sizeof out);
  const bool more =
      std::any_of(bytes + sizeof out, bytes + size, [](auto byte) { return byte != 0; });
  return more ? -E2BIG : 0;
}

}  // namespace

void draw_open_faults(Operation& operation) {
  if (fault_happens(session().options.too_many_files_percent)) operation.fault_result = -EMFILE;
}

int prepare_open(Operation& operation) {
  operation.open = {.flags = operation.sqe.open_flags, .mode = operation.sqe.len, .resolve = 0};
  forgive(operation.open);
  return prepare_any_open(operation);
}

int prepare_open2(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  const int error = read_open_how(sqe.addr2, sqe.len, operation.open);
  return error != 0 ? error : prepare_any_open(operation);
}

std::size_t open2_arguments(const io_uring_sqe& sqe, std::span<Argument, arguments_max> out) {
  out[0] = {"path", sqe.addr, 1};
  out[1] = {"open_how", sqe.addr2, sqe.len};
  return 2;
}

int perform_open(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  int result = 0;
  if (struck(operation, result)) return result;
  const std::string& path = operation.paths[0];
  MemoryFiles* const memory = memory_at(sqe.fd, path);
  result = memory != nullptr ? memory->open(sqe.fd, path, operation.open)
                             : result_of_call(syscall(SYS_openat2, sqe.fd, path.c_str(),
                                                      &operation.open, sizeof operation.open));
  if (result < 0 || sqe.file_index == 0) return result;
  return install_direct(*operation.ring, result, sqe.file_index);
}

int prepare_close(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  if (sqe.off != 0 || sqe.addr != 0 || sqe.len != 0 || sqe.rw_flags != 0 || sqe.buf_index != 0)
    return -EINVAL;
  if (asks_for_slot(sqe)) return -EBADF;
  return sqe.file_index != 0 && sqe.fd != 0 ? -EINVAL : 0;
}

int perform_close(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  int result = 0;
  if (struck(operation, result)) return result;
  if (sqe.file_index != 0) return remove_direct(*operation.ring, sqe.file_index);
  if (find_ring(sqe.fd) != nullptr) return -EBADF;  // io_uring does not close rings
  hold_file(sqe.fd);
  network::close(sqe.fd);
  return result_of_call(::close(sqe.fd));
}

int prepare_statx(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  if (sqe.buf_index != 0 || sqe.splice_fd_in != 0) return -EINVAL;
  if (asks_for_slot(sqe)) return -EBADF;
  operation.single = {.iov_base = reinterpret_cast<void*>(sqe.addr2),
                      .iov_len = sizeof(struct statx)};
  operation.paths.resize(1);
  const bool may_be_empty = (sqe.statx_flags & AT_EMPTY_PATH) != 0;
  return read_path(sqe.addr, may_be_empty, operation.paths[0]);
}

int perform_statx(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  int result = 0;
  if (struck(operation, result)) return result;
  if (!check_buffers(operation)) return -EFAULT;
  // Into memory of our own first: what the kernel refuses with EFAULT, a copy would die of.
  struct statx found{};
  const std::string& path = operation.paths[0];
  MemoryFiles* const memory = memory_at(sqe.fd, path);
  result = memory != nullptr
               ? memory->statx(sqe.fd, path, sqe.statx_flags, sqe.len, found)
               : result_of_call(::statx(sqe.fd, path.c_str(), static_cast<int>(sqe.statx_flags),
                                        sqe.len, &found));
  if (result < 0) return result;
  void* const out = operation.single.iov_base;
  if (!mapped(out, sizeof found)) return -EFAULT;
  std::memcpy(out, &found, sizeof found);
  rehash_overlapping(*operation.ring, operation);
  return 0;
}

int prepare_files_update(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  if (asks_for_slot(sqe)) return -EINVAL;
  if (sqe.rw_flags != 0 || sqe.splice_fd_in != 0 || sqe.len == 0) return -EINVAL;
  operation.single = {.iov_base = reinterpret_cast<void*>(sqe.addr),
                      .iov_len = sqe.len * sizeof(int)};
  return 0;
}

int perform_files_update(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  int result = 0;
  if (struck(operation, result)) return result;
  if (!check_buffers(operation)) return -EFAULT;
  auto* const files = static_cast<int*>(operation.single.iov_base);
  Ring& ring = *operation.ring;
  const bool allocates = sqe.off == IORING_FILE_INDEX_ALLOC;
  if (!ring.files.registered()) return -ENXIO;
  if (!mapped(files, operation.single.iov_len)) return -EFAULT;
  if (!allocates)
    return update_files(ring, static_cast<unsigned>(sqe.off), files, sqe.len, nullptr);
  result = allocate_files(ring, files, sqe.len);
  rehash_overlapping(ring, operation);
  return result;
}

}  // namespace percore::sim
