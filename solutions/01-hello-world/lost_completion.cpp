#include <liburing.h>

#include <cstddef>
#include <span>

/// Takes every completion that is there out of `ring`; no system call.
/// results   results[n] becomes the result of operation n: each entry was named with its number.
/// Returns   how many completions there were.
unsigned collect(io_uring& ring, std::span<int> results) {
  unsigned completions = 0;
  unsigned head = 0;
  io_uring_cqe* completion = nullptr;
  io_uring_for_each_cqe(&ring, head, completion) {
    const std::size_t operation = io_uring_cqe_get_data64(completion);
    results[operation] = completion->res;
    ++completions;
  }
  io_uring_cq_advance(&ring, completions);
  return completions;
}
