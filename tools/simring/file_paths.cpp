// Opcodes on names: rename, unlink, mkdir, symlink, link. The paths are copied at the submit; what
// they lead to is looked up when the work is done.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstring>

#include "file_opcodes.hpp"

namespace percore::sim {

int read_path(std::uint64_t address, bool may_be_empty, std::string& out) {
  constexpr std::uint64_t page_bytes = 4096;
  out.clear();
  while (true) {
    const std::uint64_t from = address + out.size();
    const auto* const part = reinterpret_cast<const char*>(from);
    const std::size_t room = std::min<std::size_t>(page_bytes - from % page_bytes, PATH_MAX);
    if (!mapped(part, room)) return -EFAULT;
    const std::size_t length = strnlen(part, std::min(room, PATH_MAX - out.size()));
    out.append(part, length);
    if (out.size() == PATH_MAX) return -ENAMETOOLONG;
    if (length < room) break;
  }
  return out.empty() && !may_be_empty ? -ENOENT : 0;
}

bool struck(const Operation& operation, int& result) {
  if (operation.fault_result == 0) return false;
  result = operation.fault_result;
  note(operation.ring, {.kind = Event::Kind::fault, .result = result, .operation = operation.id});
  return true;
}

namespace {

int read_two_paths(Operation& operation, std::uint64_t first, bool first_may_be_empty,
                   std::uint64_t second) {
  operation.paths.resize(2);
  const int error = read_path(first, first_may_be_empty, operation.paths[0]);
  return error != 0 ? error : read_path(second, false, operation.paths[1]);
}

}  // namespace

std::size_t path_arguments(const io_uring_sqe& sqe, std::span<Argument, arguments_max> out) {
  out[0] = {"path", sqe.addr, 1};
  return 1;
}

std::size_t two_paths_arguments(const io_uring_sqe& sqe, std::span<Argument, arguments_max> out) {
  out[0] = {"old path", sqe.addr, 1};
  out[1] = {"new path", sqe.addr2, 1};
  return 2;
}

int prepare_rename(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  if (sqe.buf_index != 0 || sqe.splice_fd_in != 0) return -EINVAL;
  if (asks_for_slot(sqe)) return -EBADF;
  return read_two_paths(operation, sqe.addr, false, sqe.addr2);
}

int perform_rename(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  int fault = 0;
  if (struck(operation, fault)) return fault;
  const std::string &from = operation.paths[0], &to = operation.paths[1];
  const auto to_folder = static_cast<int>(sqe.len);
  MemoryFiles* memory = memory_at(sqe.fd, from);
  if (memory == nullptr) memory = memory_at(to_folder, to);
  if (memory != nullptr) return memory->rename(sqe.fd, from, to_folder, to, sqe.rename_flags);
  return result_of_call(syscall(SYS_renameat2, sqe.fd, operation.paths[0].c_str(),
                                static_cast<int>(sqe.len), operation.paths[1].c_str(),
                                sqe.rename_flags));
}

int prepare_unlink(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  if (sqe.off != 0 || sqe.len != 0 || sqe.buf_index != 0 || sqe.splice_fd_in != 0) return -EINVAL;
  if (asks_for_slot(sqe)) return -EBADF;
  if ((sqe.unlink_flags & ~unsigned{AT_REMOVEDIR}) != 0) return -EINVAL;
  operation.paths.resize(1);
  return read_path(sqe.addr, false, operation.paths[0]);
}

int perform_unlink(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  int fault = 0;
  if (struck(operation, fault)) return fault;
  if (MemoryFiles* const memory = memory_at(sqe.fd, operation.paths[0]))
    return memory->unlink(sqe.fd, operation.paths[0], sqe.unlink_flags);
  const auto flags = static_cast<int>(sqe.unlink_flags);
  return result_of_call(unlinkat(sqe.fd, operation.paths[0].c_str(), flags));
}

int prepare_mkdir(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  if (sqe.off != 0 || sqe.rw_flags != 0 || sqe.buf_index != 0 || sqe.splice_fd_in != 0)
    return -EINVAL;
  if (asks_for_slot(sqe)) return -EBADF;
  operation.paths.resize(1);
  return read_path(sqe.addr, false, operation.paths[0]);
}

int perform_mkdir(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  int fault = 0;
  if (struck(operation, fault)) return fault;
  if (MemoryFiles* const memory = memory_at(sqe.fd, operation.paths[0]))
    return memory->make_directory(sqe.fd, operation.paths[0], sqe.len);
  return result_of_call(mkdirat(sqe.fd, operation.paths[0].c_str(), sqe.len));
}

int prepare_symlink(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  if (sqe.len != 0 || sqe.rw_flags != 0 || sqe.buf_index != 0 || sqe.splice_fd_in != 0)
    return -EINVAL;
  if (asks_for_slot(sqe)) return -EBADF;
  return read_two_paths(operation, sqe.addr, false, sqe.addr2);
}

int perform_symlink(Operation& operation) {
  int fault = 0;
  if (struck(operation, fault)) return fault;
  const int folder = operation.sqe.fd;
  if (MemoryFiles* const memory = memory_at(folder, operation.paths[1]))
    return memory->make_symlink(operation.paths[0], folder, operation.paths[1]);
  return result_of_call(
      symlinkat(operation.paths[0].c_str(), operation.sqe.fd, operation.paths[1].c_str()));
}

int prepare_link(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  if (sqe.buf_index != 0 || sqe.splice_fd_in != 0) return -EINVAL;
  if (asks_for_slot(sqe)) return -EBADF;
  const bool may_be_empty = (sqe.hardlink_flags & AT_EMPTY_PATH) != 0;
  return read_two_paths(operation, sqe.addr, may_be_empty, sqe.addr2);
}

int perform_link(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  int fault = 0;
  if (struck(operation, fault)) return fault;
  const std::string &from = operation.paths[0], &to = operation.paths[1];
  const auto to_folder = static_cast<int>(sqe.len);
  MemoryFiles* memory = memory_at(sqe.fd, from);
  if (memory == nullptr && from.empty() && memory_file(sqe.fd) != nullptr)
    memory = session().memory.get();
  if (memory != nullptr) return memory->link(sqe.fd, from, to_folder, to, sqe.hardlink_flags);
  return result_of_call(linkat(sqe.fd, operation.paths[0].c_str(), static_cast<int>(sqe.len),
                               operation.paths[1].c_str(), static_cast<int>(sqe.hardlink_flags)));
}

}  // namespace percore::sim
