// Reads and writes: plain, vectored, and into registered buffers.

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>

#include "buffer_ring.hpp"
#include "file_opcodes.hpp"
#include "network.hpp"
#include "state.hpp"

namespace percore::sim {

namespace {

constexpr unsigned vectors_max = 1024;  // UIO_MAXIOV
constexpr std::size_t pipe_atom_bytes =
    4096;  // PIPE_BUF: a pipe that polls writable takes so much without blocking

bool is_vectored(const Operation& operation) {
  return operation.sqe.opcode == IORING_OP_READV || operation.sqe.opcode == IORING_OP_WRITEV;
}

// An eventfd, a timerfd and the like: a short read of one is not short, but EINVAL.
bool moves_whole(int fd) {
  struct stat status;
  return !network::owns(fd) && fstat(fd, &status) == 0 && (status.st_mode & S_IFMT) == 0;
}

// The parts to move, shortened to `bytes_max` where a fault asks for that.
std::vector<iovec> parts_of(const Operation& operation, std::uint64_t bytes_max) {
  std::vector<iovec> parts = operation.vectors;
  if (!is_vectored(operation)) parts.push_back(operation.single);
  if (bytes_max == 0) return parts;
  std::uint64_t left = bytes_max;
  for (iovec& part : parts) {
    part.iov_len = std::min<std::uint64_t>(part.iov_len, left);
    left -= part.iov_len;
  }
  return parts;
}

// A stream has no offset, and writing to it could block even when it polls writable.
ssize_t write_stream(int fd, std::vector<iovec>& parts) {
  const msghdr message{.msg_name = nullptr,
                       .msg_namelen = 0,
                       .msg_iov = parts.data(),
                       .msg_iovlen = parts.size(),
                       .msg_control = nullptr,
                       .msg_controllen = 0,
                       .msg_flags = 0};
  const ssize_t sent = sendmsg(fd, &message, MSG_DONTWAIT);
  if (sent >= 0 || errno != ENOTSOCK) return sent;
  const ssize_t written =
      pwritev2(fd, parts.data(), static_cast<int>(parts.size()), -1, RWF_NOWAIT);
  if (written >= 0 || (errno != EOPNOTSUPP && errno != EINVAL)) return written;
  std::size_t left = pipe_atom_bytes;
  for (iovec& part : parts) {
    part.iov_len = std::min(part.iov_len, left);
    left -= part.iov_len;
  }
  return writev(fd, parts.data(), static_cast<int>(parts.size()));
}

// As the system calls: -1 and errno.
ssize_t move_modelled(const Operation& operation, int fd, const std::vector<iovec>& parts) {
  network::Parts message{.parts = parts};
  const int moved =
      operation.is_read() ? network::receive(fd, message, 0) : network::send(fd, message, 0);
  if (moved < 0) errno = -moved;
  return moved < 0 ? -1 : moved;
}

// What has no position: a ring reads it whatever the offset says, pread refuses it. An eventfd lets
// lseek pass all the same.
bool is_stream(int fd) {
  return moves_whole(fd) || (lseek(fd, 0, SEEK_CUR) < 0 && errno == ESPIPE);
}

ssize_t move_bytes(const Operation& operation, int fd, std::vector<iovec> parts) {
  const auto count = static_cast<int>(parts.size());
  const auto offset = static_cast<off_t>(operation.sqe.off);
  if (network::owns(fd)) return move_modelled(operation, fd, parts);
  const bool stream = is_stream(fd);
  if (operation.is_read()) {
    if (stream) return readv(fd, parts.data(), count);
    return preadv2(fd, parts.data(), count, offset, operation.sqe.rw_flags);
  }
  if (stream) return write_stream(fd, parts);
  return pwritev2(fd, parts.data(), count, offset, operation.sqe.rw_flags);
}

bool opened_for(const Operation& operation, int fd) {
  const int access = fcntl(fd, F_GETFL) & O_ACCMODE;
  return access == O_RDWR || access == (operation.is_write() ? O_WRONLY : O_RDONLY);
}

// ioprio_check_cap: a class from 0 to 3, and no level without a class.
bool priority_valid(unsigned priority) {
  constexpr unsigned class_shift = 13, class_max = 3;
  return priority == 0 || (priority >> class_shift != 0 && priority >> class_shift <= class_max);
}

}  // namespace

int prepare_transfer(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  if (!priority_valid(sqe.ioprio)) return -EINVAL;
  operation.length = sqe.len;
  if ((sqe.flags & IOSQE_BUFFER_SELECT) != 0) return 0;
  operation.single = {.iov_base = reinterpret_cast<void*>(sqe.addr), .iov_len = sqe.len};
  return 0;
}

int prepare_fixed(Operation& operation) {
  if (const int error = prepare_transfer(operation); error != 0) return error;
  return check_registered_range(operation);
}

int check_registered_range(Operation& operation) {
  const auto& registered = operation.ring->fixed_buffers.slots;
  if (operation.sqe.buf_index >= registered.size()) return -EFAULT;
  operation.buffer = registered[operation.sqe.buf_index];
  if (operation.buffer == nullptr) return -EFAULT;
  const iovec& whole = operation.buffer->buffer;
  const auto begin = reinterpret_cast<std::uint64_t>(whole.iov_base);
  const std::uint64_t end = begin + whole.iov_len;
  const bool inside = operation.sqe.addr >= begin && operation.sqe.addr + operation.sqe.len <= end;
  return inside ? 0 : -EFAULT;
}

int prepare_vectored(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  if (!priority_valid(sqe.ioprio) || sqe.len > vectors_max) return -EINVAL;
  const auto* const first = reinterpret_cast<const iovec*>(sqe.addr);
  if (!mapped(first, sqe.len * sizeof(iovec))) return -EFAULT;
  operation.vectors.assign(
      first, first + sqe.len);  // the kernel's copy: the program's array may go after the submit
  for (const iovec& part : operation.vectors) {
    if (part.iov_len > std::numeric_limits<std::size_t>::max() / 2) return -EINVAL;
    operation.length += part.iov_len;
  }
  return 0;
}

std::size_t transfer_arguments(const io_uring_sqe& sqe, std::span<Argument, arguments_max> out) {
  out[0] = {"buffer", sqe.addr, sqe.len};
  return 1;
}

std::size_t vectored_arguments(const io_uring_sqe& sqe, std::span<Argument, arguments_max> out) {
  out[0] = {"iovec array", sqe.addr, sqe.len * sizeof(iovec)};
  return 1;
}

bool transfer_breaks_link(const Operation& operation, int result) {
  return result < 0 || static_cast<std::uint64_t>(result) != operation.length;
}

void draw_transfer_faults(Operation& operation) {
  Session& now = session();
  if (fault_happens(now.options.again_results_percent)) operation.fault_result = -EAGAIN;
  if (fault_happens(now.options.interrupted_results_percent)) operation.fault_result = -EINTR;
  if (fault_happens(now.options.short_results_percent) && operation.length > 1 &&
      !moves_whole(file_of(operation))) {
    operation.bytes_max = draw_amount(operation.length - 1);
  }
  if (now.memory != nullptr && operation.is_write() &&
      fault_happens(now.options.no_space_percent)) {
    operation.no_space = true;
    operation.bytes_max = draw_amount(operation.length) - 1;
  }
}

short transfer_events(const Operation& operation) {
  return operation.is_write() ? POLLOUT : POLLIN;
}

namespace {

long transfer_in_memory(const Operation& operation, OpenFile& file) {
  MemoryFiles& memory = *session().memory;
  const std::vector<iovec> parts = parts_of(operation, 0);
  const Transfer transfer{.offset = operation.sqe.off,
                          .rw_flags = static_cast<int>(operation.sqe.rw_flags),
                          .bytes_max = operation.bytes_max,
                          .no_space = operation.no_space};
  return operation.is_write() ? memory.write(file, parts, transfer)
                              : memory.read(file, parts, transfer);
}

}  // namespace

int perform_transfer(Operation& operation) {
  const int fd = file_of(operation);
  if (fd < 0) return -EBADF;
  int error = 0;
  const bool is_ready = ready(fd, transfer_events(operation), error);
  if (error != 0) return error;
  if (!check_buffers(operation)) return -EFAULT;
  if (operation.fault_result != 0) {
    note(operation.ring,
         {.kind = Event::Kind::fault, .result = operation.fault_result, .operation = operation.id});
    return operation.fault_result;
  }
  // A send to a socket without room never blocks, and may fail at once.
  if (!is_ready && !(operation.is_write() && is_socket(fd)))
    return opened_for(operation, fd) ? would_block : -EBADF;
  if (operation.bytes_max != 0 || operation.no_space) {
    note(operation.ring, {.kind = Event::Kind::fault,
                          .result = static_cast<int>(operation.bytes_max),
                          .operation = operation.id});
  }
  const bool selects = (operation.sqe.flags & IOSQE_BUFFER_SELECT) != 0;
  if (selects && !select_buffer(operation, operation.length, operation.single)) return -ENOBUFS;
  OpenFile* const file = memory_file(fd);
  const ssize_t moved =
      file != nullptr
          ? transfer_in_memory(operation, *file)
          : result_of_call(move_bytes(operation, fd, parts_of(operation, operation.bytes_max)));
  if (moved == -EAGAIN && (operation.sqe.rw_flags & RWF_NOWAIT) == 0) return would_block;
  if (moved < 0) return static_cast<int>(moved);
  if (operation.is_read()) rehash_overlapping(*operation.ring, operation);
  if (!selects) return static_cast<int>(moved);
  finish(operation, static_cast<int>(moved), use_selected_buffer(operation));
  return under_way;
}

}  // namespace percore::sim
