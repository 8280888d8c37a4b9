// A program of several threads, run as a process of its own: with the same seed twice (threads.py),
// and under ThreadSanitizer, which must still see a race that the program itself has.
//   threads_sample SEED          prints the run's hash
//   threads_sample SEED --race   the threads also count without a lock

#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include "threads_fixture.hpp"

using namespace percore;

namespace {

constexpr unsigned executors = 3, rounds = 8;

struct Shared {
  sim::test::Bell bells[executors];
  std::mutex mutex;
  std::condition_variable all_started;
  unsigned started = 0;
  unsigned sum = 0;        // guarded by the mutex
  unsigned unguarded = 0;  // by nothing
};

void work(Shared& shared, unsigned number, bool race) {
  io_uring ring;
  if (io_uring_queue_init(8, &ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN) != 0)
    std::abort();
  {
    std::unique_lock lock(shared.mutex);
    if (++shared.started == executors) shared.all_started.notify_all();
    shared.all_started.wait(lock, [&] { return shared.started == executors; });
  }
  // Freshly allocated: its address differs from process to process, and must not matter.
  const std::vector<std::uint64_t> ballast(1000 + static_cast<unsigned>(getpid()) % 1000);
  for (unsigned round = 0; round != rounds; ++round) {
    if (number != 0 || round != 0) {
      do shared.bells[number].arm(ring, 1);
      while (sim::test::wait_for_one(ring) != sizeof(std::uint64_t));
    }
    {
      const std::lock_guard lock(shared.mutex);
      shared.sum += number + static_cast<unsigned>(ballast[round]);
    }
    if (race) ++shared.unguarded;
    shared.bells[(number + 1) % executors].ring();
  }
  io_uring_queue_exit(&ring);
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return 2;
  const std::uint64_t seed = std::strtoull(arguments[1], nullptr, 10);
  const bool race = count > 2 && std::strcmp(arguments[2], "--race") == 0;
  sim::Options options = sim::rough(seed);
  options.watch_descriptors = false;  // a sanitizer that reports opens some
  sim::begin(options);
  {
    Shared shared;
    std::vector<std::jthread> threads;
    for (unsigned number = 0; number != executors; ++number)
      threads.emplace_back([&shared, number, race] { work(shared, number, race); });
    threads.clear();
    if (shared.sum != rounds * executors * (executors - 1) / 2) return 1;
  }
  const bool whole = sim::end();
  std::printf("%016llx\n", static_cast<unsigned long long>(sim::trace_hash()));
  return whole ? 0 : 1;
}
