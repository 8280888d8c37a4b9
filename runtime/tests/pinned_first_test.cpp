// O1: a member's thread is pinned before it allocates anything. Seen from below: operator new
// counts on each thread, and the call that pins notes the count.
#include <doctest/doctest.h>

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <percore/executor_pool.hpp>
#include <percore/topology.hpp>
#include <vector>

namespace {

thread_local std::uint64_t allocated_by_this_thread = 0;
std::atomic<std::uint64_t> allocated_before_pins = 0;
std::atomic<unsigned> pins = 0;

}  // namespace

void* operator new(std::size_t size_bytes) {
  ++allocated_by_this_thread;
  void* const memory = std::malloc(size_bytes == 0 ? 1 : size_bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

// In front of the C library's.
extern "C" int sched_setaffinity(pid_t thread, std::size_t size_bytes,
                                 const cpu_set_t* mask) noexcept {
  ++pins;
  allocated_before_pins += allocated_by_this_thread;
  return static_cast<int>(syscall(SYS_sched_setaffinity, thread, size_bytes, mask));
}

using namespace percore;

namespace {

Task<std::uint64_t> count_own_allocations(Shard&) {
  co_await yield();
  co_return allocated_by_this_thread;
}

}  // namespace

TEST_CASE("a member's thread is pinned before it allocates anything") {
  CpuSet first;
  first.add(allowed_cpus().value().next(0));
  ExecutorPool<std::uint64_t> pool(std::vector<CpuSet>(3, first), count_own_allocations);
  const auto outcomes = pool.join();
  CHECK(pins == 3);
  CHECK(allocated_before_pins == 0);
  for (const auto& outcome : outcomes) CHECK(outcome.value() > 0);  // and it does count
}
