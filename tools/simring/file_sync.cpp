// Opcodes on the content of an open file: syncing, reserving, cutting, and advice.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "file_opcodes.hpp"

namespace percore::sim {

namespace {

// Returns  false with the result when nothing is to be done.
bool find_file(Operation& operation, int& fd, int& result) {
  fd = file_of(operation);
  result = -EBADF;
  operation.failed = fd < 0 || fcntl(fd, F_GETFD) < 0;
  return !operation.failed && !struck(operation, result);
}

}  // namespace

bool never_breaks_link(const Operation&, int) {
  return false;
}

int prepare_fsync(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  if (sqe.addr != 0 || sqe.buf_index != 0 || sqe.splice_fd_in != 0) return -EINVAL;
  return (sqe.fsync_flags & ~IORING_FSYNC_DATASYNC) == 0 ? 0 : -EINVAL;
}

void draw_sync_faults(Operation& operation) {
  if (fault_happens(session().options.sync_error_percent)) operation.fault_result = -EIO;
}

void draw_space_faults(Operation& operation) {
  if (fault_happens(session().options.no_space_percent)) operation.no_space = true;
}

// The range is a hint that a system call cannot give: of a real file all is synced.
int perform_fsync(Operation& operation) {
  int fd = -1, result = 0;
  const bool found = find_file(operation, fd, result);
  OpenFile* const file = found || result == -EIO ? memory_file(fd) : nullptr;
  if (file != nullptr)
    return session().memory->sync(*file, operation.sqe.off, operation.sqe.len, result == -EIO);
  if (!found) return result;
  const bool data_only = (operation.sqe.fsync_flags & IORING_FSYNC_DATASYNC) != 0;
  return result_of_call(data_only ? fdatasync(fd) : fsync(fd));
}

int prepare_sync_file_range(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  return sqe.addr != 0 || sqe.buf_index != 0 || sqe.splice_fd_in != 0 ? -EINVAL : 0;
}

int perform_sync_file_range(Operation& operation) {
  int fd = -1, result = 0;
  if (!find_file(operation, fd, result)) return result;
  const io_uring_sqe& sqe = operation.sqe;
  if (const OpenFile* const file = memory_file(fd))
    return session().memory->sync_range_hint(*file, static_cast<std::int64_t>(sqe.off), sqe.len,
                                             sqe.sync_range_flags);
  return result_of_call(
      sync_file_range(fd, static_cast<off_t>(sqe.off), sqe.len, sqe.sync_range_flags));
}

int prepare_fallocate(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  return sqe.buf_index != 0 || sqe.rw_flags != 0 || sqe.splice_fd_in != 0 ? -EINVAL : 0;
}

int perform_fallocate(Operation& operation) {
  int fd = -1, result = 0;
  if (!find_file(operation, fd, result)) return result;
  const io_uring_sqe& sqe = operation.sqe;
  if (OpenFile* const file = memory_file(fd))
    return session().memory->allocate(*file, sqe.len, static_cast<std::int64_t>(sqe.off),
                                      static_cast<std::int64_t>(sqe.addr), operation.no_space);
  if (operation.no_space) return -ENOSPC;
  return result_of_call(fallocate(fd, static_cast<int>(sqe.len), static_cast<off_t>(sqe.off),
                                  static_cast<off_t>(sqe.addr)));
}

int prepare_ftruncate(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  const bool clean = sqe.rw_flags == 0 && sqe.addr == 0 && sqe.len == 0 && sqe.buf_index == 0 &&
                     sqe.splice_fd_in == 0 && sqe.addr3 == 0;
  return clean ? 0 : -EINVAL;
}

int perform_ftruncate(Operation& operation) {
  int fd = -1, result = 0;
  if (!find_file(operation, fd, result)) return result;
  if (OpenFile* const file = memory_file(fd))
    return session().memory->truncate(*file, static_cast<std::int64_t>(operation.sqe.off));
  return result_of_call(ftruncate(fd, static_cast<off_t>(operation.sqe.off)));
}

int prepare_advice(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  return sqe.buf_index != 0 || sqe.splice_fd_in != 0 ? -EINVAL : 0;
}

int perform_fadvise(Operation& operation) {
  int fd = -1, result = 0;
  if (!find_file(operation, fd, result)) return result;
  const io_uring_sqe& sqe = operation.sqe;
  const auto length = static_cast<off_t>(sqe.addr != 0 ? sqe.addr : sqe.len);
  if (const OpenFile* const file = memory_file(fd))
    return session().memory->advise(*file, sqe.fadvise_advice);
  return -posix_fadvise(fd, static_cast<off_t>(sqe.off), length,
                        static_cast<int>(sqe.fadvise_advice));
}

int perform_madvise(Operation& operation) {
  int result = 0;
  if (struck(operation, result)) return result;
  const io_uring_sqe& sqe = operation.sqe;
  const std::size_t length = sqe.off != 0 ? sqe.off : sqe.len;
  return result_of_call(
      madvise(reinterpret_cast<void*>(sqe.addr), length, static_cast<int>(sqe.fadvise_advice)));
}

}  // namespace percore::sim
