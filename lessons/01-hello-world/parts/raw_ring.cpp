// Three ways of writing the same lines. Read ring_in_a_batch(): it is what a runtime's ring does
// all day.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "raw_ring.hpp"

namespace lesson {
namespace {

/// A result is the bytes written or a negative errno; `errno` itself stays untouched.
void must_be_whole(const io_uring_cqe* completion, std::span<const std::string> lines) {
  const std::string& line = lines[completion->user_data];
  must(completion->res, "writing a line");
  if (static_cast<std::size_t>(completion->res) == line.size()) return;
  std::fprintf(
      stderr,
      "hello: only %d of %zu bytes were written; exercise 01.3 shows how to go on after that\n",
      completion->res, line.size());
  std::exit(1);
}

/// Looks at every completion that is there, then gives all their places back at once. Returns how
/// many there were.
unsigned harvest(RawRing& ring, std::span<const std::string> lines) {
  unsigned head = 0;
  unsigned seen = 0;
  io_uring_cqe* completion = nullptr;
  io_uring_for_each_cqe(&ring, head, completion) {
    must_be_whole(completion, lines);
    ++seen;
  }
  io_uring_cq_advance(&ring, seen);
  return seen;
}

void submit_and_wait(RawRing& ring, unsigned completions) {
  int result = 0;
  do {
    result = io_uring_submit_and_wait(&ring, completions);
  } while (result == -EINTR);  // a signal came: nothing is lost, wait again
  must(result, "entering the kernel");
}

}  // namespace

RawRing::RawRing(unsigned entries) : io_uring{} {
  const int error = io_uring_queue_init(entries, this, 0);
  if (error == 0) return;
  std::fprintf(stderr,
               "hello: the kernel gives no io_uring (%s); `./tools/percore doctor` says why and "
               "what to do\n",
               std::strerror(-error));
  std::exit(3);
}

void must(int result, const char* what) {
  if (result >= 0) return;
  std::fprintf(stderr, "hello: %s failed: %s\n", what, std::strerror(-result));
  std::exit(1);
}

std::string greeting(unsigned index) {
  return "hello from operation " + std::to_string(index) + "\n";
}

std::vector<std::string> greetings(unsigned count) {
  std::vector<std::string> lines;
  lines.reserve(count);
  for (unsigned index = 0; index < count; ++index) lines.push_back(greeting(index));
  return lines;
}

void write_one_by_one(int fd, std::span<const std::string> lines) {
  for (const std::string& line : lines) {
    if (write(fd, line.data(), line.size()) < 0) must(-errno, "writing a line");
  }
}

void ring_one_by_one(RawRing& ring, int fd, std::span<const std::string> lines) {
  for (std::size_t index = 0; index < lines.size(); ++index) {
    io_uring_sqe* entry =
        io_uring_get_sqe(&ring);  // never null: the queue was emptied the turn before
    io_uring_prep_write(entry, fd, lines[index].data(), static_cast<unsigned>(lines[index].size()),
                        -1);
    io_uring_sqe_set_data64(entry, index);
    submit_and_wait(ring, 1);
    harvest(ring, lines);
  }
}

void ring_in_a_batch(RawRing& ring, int fd, std::span<const std::string> lines) {
  unsigned in_flight = 0;
  for (std::size_t index = 0; index < lines.size(); ++index) {
    io_uring_sqe* entry = io_uring_get_sqe(&ring);
    if (entry == nullptr) {  // the queue is full: hand over what is in it, then there is room
      submit_and_wait(ring, in_flight);
      in_flight -= harvest(ring, lines);
      entry = io_uring_get_sqe(&ring);
    }
    io_uring_prep_write(entry, fd, lines[index].data(), static_cast<unsigned>(lines[index].size()),
                        -1);
    io_uring_sqe_set_data64(entry, index);
    ++in_flight;
  }
  while (in_flight > 0) {
    submit_and_wait(ring, in_flight);
    in_flight -= harvest(ring, lines);
  }
}

}  // namespace lesson
