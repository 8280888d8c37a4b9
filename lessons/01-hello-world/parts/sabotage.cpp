// The classic mistakes of submission and completion, made on purpose on the real rings.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <count_calls.hpp>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include "raw_ring.hpp"
#include "sabotage.hpp"

namespace lesson {
namespace {

void queue_nop(RawRing& ring, std::uint64_t name) {
  io_uring_sqe* entry = io_uring_get_sqe(&ring);
  io_uring_prep_nop(entry);
  io_uring_sqe_set_data64(entry, name);
}

/// The head of the completion queue is ours to move. Left alone, the first completion stays the
/// first one for ever.
void forgotten_advance() {
  RawRing ring(4);
  const unsigned places = ring.cq.ring_entries;
  unsigned operation = 0;
  for (; operation < 3; ++operation) {
    queue_nop(ring, operation);
    must(io_uring_submit_and_wait(&ring, 1), "entering the kernel");
    io_uring_cqe* completion = nullptr;
    must(io_uring_peek_cqe(&ring, &completion), "looking at the completion queue");
    fmt::print("operation {} submitted; the completion at the head is operation {}'s\n", operation,
               std::uint64_t{completion->user_data});
    // io_uring_cqe_seen(&ring, completion) belongs here.
  }
  for (; operation < places + 1; ++operation) {
    queue_nop(ring, operation);
    must(io_uring_submit(&ring), "entering the kernel");
  }
  const bool overflow = (*ring.sq.kflags & IORING_SQ_CQ_OVERFLOW) != 0;
  fmt::print(
      "{} operations submitted; places in the completion queue: {}, taken: {}; overflow: {}\n",
      operation, places, io_uring_cq_ready(&ring), overflow ? "yes" : "no");
  fmt::print(
      "\nWhat happened: without io_uring_cqe_seen() the head never moved. Operation 0 was told {} "
      "times, the others\n"
      "never, until the queue was full and the kernel had to keep the rest aside. This is "
      "invariant I2.\n",
      3);
}

/// Memory that two owners use one after the other, as the stack and the heap do: a place given back
/// is given out again.
struct ReusedMemory {
  std::array<char, 32> bytes;
  std::string_view text() const {
    return {bytes.data(), std::find(bytes.begin(), bytes.end(), '\0')};
  }
  void fill(std::string_view text) {
    bytes.fill('\0');
    std::ranges::copy(text, bytes.begin());
  }
};

/// A read stays in flight until there is something to read. Its buffer is the kernel's for as long.
void dead_buffer() {
  RawRing ring(4);
  std::array<int, 2> pipe_ends{};
  if (pipe(pipe_ends.data()) != 0) must(-errno, "making a pipe");
  ReusedMemory memory{};

  io_uring_sqe* entry = io_uring_get_sqe(&ring);
  io_uring_prep_read(entry, pipe_ends[0], memory.bytes.data(), memory.bytes.size(), -1);
  io_uring_sqe_set_data64(entry, 1);
  must(io_uring_submit(&ring), "entering the kernel");
  fmt::print(
      "a read of an empty pipe is in flight; its function returns and gives its buffer back\n");

  memory.fill("balance: 1000 crowns");
  fmt::print("the next owner of the same bytes writes   \"{}\"\n", memory.text());

  constexpr std::string_view late = "hello, world";
  if (write(pipe_ends[1], late.data(), late.size()) < 0) must(-errno, "writing to the pipe");
  io_uring_cqe* completion = nullptr;
  must(io_uring_wait_cqe(&ring, &completion), "waiting");
  fmt::print("\"{}\" comes through the pipe; the read completes with res = {}\n", late,
             completion->res);
  io_uring_cqe_seen(&ring, completion);
  fmt::print("the owner, who touched nothing, finds     \"{}\"\n", memory.text());
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  fmt::print(
      "\nWhat happened: the buffer died before its completion came, so the kernel wrote into "
      "memory that had become\n"
      "someone else's. No tool of the compiler sees it: the kernel did the writing. This is "
      "invariant I3.\n");
}

constexpr unsigned many = 64;

void submit_each_entry(percore::lesson::CallWindow& window, void* descriptor) {
  const int fd = *static_cast<int*>(descriptor);
  RawRing ring(many);
  const std::vector<std::string> lines = greetings(many);
  window.open();
  for (unsigned index = 0; index < many; ++index) {
    io_uring_sqe* entry = io_uring_get_sqe(&ring);
    io_uring_prep_write(entry, fd, lines[index].data(), static_cast<unsigned>(lines[index].size()),
                        -1);
    io_uring_sqe_set_data64(entry, index);
    must(io_uring_submit(&ring),
         "entering the kernel");  // the mistake: this belongs behind the loop
  }
  io_uring_cqe* completion = nullptr;
  must(io_uring_wait_cqe_nr(&ring, &completion, many), "waiting");
  io_uring_cq_advance(&ring, many);
  window.close();
}

void submit_once(percore::lesson::CallWindow& window, void* descriptor) {
  RawRing ring(many);
  const std::vector<std::string> lines = greetings(many);
  window.open();
  ring_in_a_batch(ring, *static_cast<int*>(descriptor), lines);
  window.close();
}

void submit_each() {
  int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  const auto each = percore::lesson::count_calls(submit_each_entry, &nowhere);
  const auto once = percore::lesson::count_calls(submit_once, &nowhere);
  close(nowhere);
  fmt::print("{} lines, a submit for each entry:  {}\n", many, each.in_words());
  fmt::print("{} lines, one submit for all:       {}\n", many, once.in_words());
  fmt::print(
      "\nWhat happened: everything works, and nothing was gained over write(2). The queue is there "
      "so that one enter\n"
      "carries many entries: `hello --cost` shows what each enter costs. This is invariant I6.\n");
}

/// io_uring_get_sqe() hands out a place that was used before, with what was written there before.
void stale_user_data() {
  RawRing ring(2);
  for (std::uint64_t name = 1; name <= 2; ++name) queue_nop(ring, name);
  must(io_uring_submit_and_wait(&ring, 2), "entering the kernel");
  io_uring_cq_advance(&ring, 2);
  fmt::print("operations 1 and 2 are complete and forgotten\n");

  for (int entries = 0; entries < 2; ++entries) {
    io_uring_prep_nop(io_uring_get_sqe(&ring));
    // io_uring_sqe_set_data64(entry, 3 + entries) belongs here.
  }
  must(io_uring_submit_and_wait(&ring, 2), "entering the kernel");
  unsigned head = 0;
  io_uring_cqe* completion = nullptr;
  io_uring_for_each_cqe(&ring, head, completion) {
    fmt::print("a new operation completes and says it is operation {}\n",
               std::uint64_t{completion->user_data});
  }
  io_uring_cq_advance(&ring, 2);
  fmt::print(
      "\nWhat happened: the entries were not given a name, so they kept the one of the operation "
      "that used the place\n"
      "before. In a runtime the name is an address, and a task that ended long ago is resumed. "
      "This is invariant I1.\n");
}

/// A submission queue is bounded, and a full one answers with a null pointer.
void full_queue() {
  RawRing ring(4);
  unsigned queued = 0;
  for (unsigned operation = 0; operation < 6; ++operation) {
    io_uring_sqe* entry = io_uring_get_sqe(&ring);
    if (entry == nullptr) {
      fmt::print(
          "operation {}: io_uring_get_sqe() returns null, and the program goes on without it\n",
          operation);
      continue;
    }
    io_uring_prep_nop(entry);
    io_uring_sqe_set_data64(entry, operation);
    ++queued;
  }
  must(io_uring_submit_and_wait(&ring, queued), "entering the kernel");
  fmt::print("6 operations asked for, {} completions\n", io_uring_cq_ready(&ring));
  fmt::print(
      "\nWhat happened: the queue had 4 places, and the two entries that found it full were "
      "dropped. A full queue is\n"
      "no error: submit what is there, then there is room. This is invariant I4.\n");
}

constexpr std::array<Sabotage, 5> list = {{
    {"forgotten-advance", "the head of the completion queue is never moved", forgotten_advance},
    {"dead-buffer", "a buffer is given back while the kernel still has it", dead_buffer},
    {"submit-each", "every entry is submitted by itself", submit_each},
    {"stale-user-data", "an entry is submitted without a name", stale_user_data},
    {"full-queue", "a full submission queue is not expected", full_queue},
}};

}  // namespace

std::span<const Sabotage> sabotages() {
  return list;
}

}  // namespace lesson
