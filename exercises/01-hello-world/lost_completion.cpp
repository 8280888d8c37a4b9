#include <liburing.h>

#include <cstddef>
#include <span>

// Exercise 01.1, kind: fix. One line is missing. The checker calls collect() after each round of
// operations; leave its name and its parameters as they are.

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
  return completions;
}
