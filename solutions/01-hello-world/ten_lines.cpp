#include <liburing.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace {

// What is still to be written of a line, and where in the file.
struct Rest {
  std::string_view bytes;
  std::uint64_t offset = 0;
  bool in_flight = false;
};

// An entry for each rest that is not in flight, as long as there is room in the queue.
void queue_rests(io_uring& ring, int fd, std::span<Rest> rests) {
  for (std::size_t i = 0; i < rests.size(); ++i) {
    Rest& rest = rests[i];
    if (rest.bytes.empty() || rest.in_flight) continue;
    io_uring_sqe* const sqe = io_uring_get_sqe(&ring);
    if (sqe == nullptr) return;  // the queue is full: in the next turn
    const auto size = static_cast<unsigned>(rest.bytes.size());
    io_uring_prep_write(sqe, fd, rest.bytes.data(), size, rest.offset);
    io_uring_sqe_set_data64(sqe, i);
    rest.in_flight = true;
  }
}

// What a completion says about its line. Returns 0 or the error that ends everything.
int account(Rest& rest, int result) {
  rest.in_flight = false;
  if (result == -EINTR || result == -EAGAIN) return 0;  // nothing was written: the rest is the same
  if (result < 0) return result;
  if (result == 0) return -EIO;  // a file that takes no more bytes would keep us here for ever
  rest.bytes.remove_prefix(static_cast<std::size_t>(result));
  rest.offset += static_cast<std::uint64_t>(result);
  return 0;
}

unsigned count_in_flight(std::span<const Rest> rests) {
  unsigned count = 0;
  for (const Rest& rest : rests) count += rest.in_flight;
  return count;
}

}  // namespace

/// Writes `lines` into the empty regular file `fd`, one after the other, through `ring`.
/// Returns   0, or the negative errno of a write that failed, when nothing is in flight any more.
/// Cost      one io_uring_enter, if no write falls short and the lines fit into the queue.
int write_lines(io_uring& ring, int fd, std::span<const std::string_view> lines) {
  std::vector<Rest> rests;
  std::uint64_t offset = 0;
  for (const std::string_view line : lines) {
    rests.push_back({line, offset});
    offset += line.size();
  }
  int error = 0;
  queue_rests(ring, fd, rests);
  for (unsigned waiting = count_in_flight(rests); waiting != 0; waiting = count_in_flight(rests)) {
    const int entered = io_uring_submit_and_wait(&ring, waiting);
    // These pass: a signal, no memory, an overflow to be collected. Others leave entries behind
    // that the kernel never saw: there is no completion to wait for.
    if (entered < 0 && entered != -EINTR && entered != -EAGAIN && entered != -EBUSY) return entered;
    unsigned completions = 0;
    unsigned head = 0;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(&ring, head, cqe) {
      const int result = account(rests[io_uring_cqe_get_data64(cqe)], cqe->res);
      if (error == 0) error = result;
      ++completions;
    }
    io_uring_cq_advance(&ring, completions);
    if (error == 0) queue_rests(ring, fd, rests);
  }
  return error;
}
