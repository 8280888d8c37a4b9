// What each way of greeting costs: in system calls, in time, in steps of the two rings.
#include <fcntl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <count_calls.hpp>

#include <fmt/core.h>

#include "measure.hpp"
#include "raw_ring.hpp"

namespace lesson {
namespace {

using percore::lesson::CallWindow;

constexpr unsigned queue_entries = 256;

struct Work {
  int fd;
  unsigned lines;
};

void count_write(CallWindow& window, void* argument) {
  const auto& work = *static_cast<Work*>(argument);
  const auto lines = greetings(work.lines);
  window.open();
  write_one_by_one(work.fd, lines);
  window.close();
}

void count_one_by_one(CallWindow& window, void* argument) {
  const auto& work = *static_cast<Work*>(argument);
  const auto lines = greetings(work.lines);
  RawRing ring(queue_entries);
  window.open();
  ring_one_by_one(ring, work.fd, lines);
  window.close();
}

void count_batch(CallWindow& window, void* argument) {
  const auto& work = *static_cast<Work*>(argument);
  const auto lines = greetings(work.lines);
  RawRing ring(queue_entries);
  window.open();
  ring_in_a_batch(ring, work.fd, lines);
  window.close();
}

}  // namespace

int show_counts(unsigned lines) {
  Work work{open("/dev/null", O_WRONLY | O_CLOEXEC), lines};
  const auto write_calls = percore::lesson::count_calls(count_write, &work);
  const auto one_by_one_calls = percore::lesson::count_calls(count_one_by_one, &work);
  const auto batch_calls = percore::lesson::count_calls(count_batch, &work);
  close(work.fd);
  fmt::print("{} lines, system calls as the kernel saw them\n\n", lines);
  fmt::print("  {:<24}  {}\n", "write(2), one by one", write_calls.in_words());
  fmt::print("  {:<24}  {}\n", "the ring, one by one", one_by_one_calls.in_words());
  fmt::print("  {:<24}  {}\n", "the ring, in a batch", batch_calls.in_words());
  return write_calls.problem.empty() ? 0 : 3;
}

namespace {

template <typename Round>
double nanoseconds_a_line(unsigned lines_a_round, Round round) {
  constexpr unsigned lines_in_all = 1U << 16;
  constexpr int tries = 5;
  double best = 1e18;  // the least disturbed try
  for (int attempt = 0; attempt < tries; ++attempt) {
    const auto start = std::chrono::steady_clock::now();
    for (unsigned lines = 0; lines < lines_in_all; lines += lines_a_round) round();
    const std::chrono::duration<double, std::nano> elapsed =
        std::chrono::steady_clock::now() - start;
    best = std::min(best, elapsed.count() / lines_in_all);
  }
  return best;
}

}  // namespace

/// Writes to /dev/null, which does nothing with the bytes: what is left is the price of asking.
int show_costs() {
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  RawRing ring(queue_entries);
  const auto one = greetings(1);
  fmt::print("{:<28}{:>10}\n", "", "ns a line");
  const double plain = nanoseconds_a_line(1, [&] { write_one_by_one(nowhere, one); });
  fmt::print("{:<28}{:>10.0f}\n", "write(2), one by one", plain);
  for (const unsigned batch : {1U, 4U, 16U, 64U, 256U}) {
    const auto lines = greetings(batch);
    const double cost = nanoseconds_a_line(batch, [&] { ring_in_a_batch(ring, nowhere, lines); });
    fmt::print("{:<28}{:>10.0f}\n", fmt::format("the ring, {} at a time", batch), cost);
  }
  close(nowhere);
  return 0;
}

namespace {

constexpr unsigned devices = 10;
constexpr long answer_milliseconds = 20;

/// A timer stands for a disk or a peer: asked now, it can be read answer_milliseconds later.
int slow_device() {
  const int device = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  if (device < 0) must(-errno, "making a timer");
  return device;
}

void ask(int device) {
  itimerspec when{};
  when.it_value.tv_nsec = answer_milliseconds * 1'000'000;
  if (timerfd_settime(device, 0, &when, nullptr) != 0) must(-errno, "arming a timer");
}

void blocking_reads(const std::array<int, devices>& sources) {
  for (const int device : sources) {
    std::uint64_t answer = 0;
    ask(device);
    if (read(device, &answer, sizeof answer) < 0) must(-errno, "reading a timer");
  }
}

void reads_in_flight_together(const std::array<int, devices>& sources) {
  RawRing ring(devices);
  std::array<std::uint64_t, devices>
      answers{};  // the kernel writes here until the last completion came
  for (unsigned index = 0; index < devices; ++index) {
    ask(sources[index]);
    io_uring_sqe* entry = io_uring_get_sqe(&ring);
    io_uring_prep_read(entry, sources[index], &answers[index], sizeof answers[index], 0);
    io_uring_sqe_set_data64(entry, index);
  }
  must(io_uring_submit_and_wait(&ring, devices), "entering the kernel");
  io_uring_cq_advance(&ring, devices);
}

double milliseconds(void (*work)(const std::array<int, devices>&),
                    const std::array<int, devices>& sources) {
  const auto start = std::chrono::steady_clock::now();
  work(sources);
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

}  // namespace

int show_waiting() {
  std::array<int, devices> sources{};
  for (int& device : sources) device = slow_device();
  fmt::print("{} devices, each answers {} ms after it is asked; one thread\n\n", devices,
             answer_milliseconds);
  fmt::print("  {:<36}{:>5.0f} ms\n", "read(2), one by one", milliseconds(blocking_reads, sources));
  fmt::print("  {:<36}{:>5.0f} ms\n", "the ring, ten reads in flight",
             milliseconds(reads_in_flight_together, sources));
  for (const int device : sources) close(device);
  return 0;
}

namespace {

void show_step(RawRing& ring, const char* step) {
  fmt::print("{:<34}{:>7}{:>9}{:>9}{:>11}{:>9}\n", step, ring.sq.sqe_tail, *ring.sq.ktail,
             *ring.sq.khead, *ring.cq.ktail, *ring.cq.khead);
}

}  // namespace

/// The four indices of the two rings, and liburing's own tail, after each step of a batch of three.
int show_rings() {
  RawRing ring(8);
  fmt::print("{:<34}{:>25}{:>20}\n", "", "submission queue", "completion queue");
  fmt::print("{:<34}{:>7}{:>9}{:>9}{:>11}{:>9}\n", "", "filled", "tail", "head", "tail", "head");
  show_step(ring, "a new ring");
  for (std::uint64_t name = 0; name < 3; ++name) {
    io_uring_sqe* entry = io_uring_get_sqe(&ring);
    io_uring_prep_nop(entry);
    io_uring_sqe_set_data64(entry, name);
  }
  show_step(ring, "three entries filled in");
  must(io_uring_submit_and_wait(&ring, 3), "entering the kernel");
  show_step(ring, "one enter: submit, wait for 3");
  io_uring_cqe* completion = nullptr;
  must(io_uring_peek_cqe(&ring, &completion), "looking at the completion queue");
  show_step(ring, "looked at the first completion");
  io_uring_cqe_seen(&ring, completion);
  show_step(ring, "said that it was seen");
  io_uring_cq_advance(&ring, 2);
  show_step(ring, "and the other two");
  return 0;
}

}  // namespace lesson
