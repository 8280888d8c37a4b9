#include "failing_new.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace percore::sim {
// Of the simulated ring, and no part of its interface: whether this thread is inside of it. Not
// there in a program that runs on the kernel.
[[gnu::weak]] bool inside_simulation() noexcept;
}  // namespace percore::sim

namespace percore::test {

namespace {

std::atomic<std::uint64_t> made = 0;
std::atomic<std::int64_t> live = 0;
// Only where one thread allocates.
std::uint64_t left_to_succeed = 0;
bool will_fail = false;
bool has_failed = false;

// Which blocks are counted is written in front of each.
struct alignas(16) Head {
  bool counted;
};

void* allocate(std::size_t size_bytes) {
  const bool counted = sim::inside_simulation == nullptr || !sim::inside_simulation();
  if (counted && will_fail && left_to_succeed-- == 0) {
    will_fail = false;
    has_failed = true;
    throw std::bad_alloc();
  }
  void* const block = std::malloc(sizeof(Head) + size_bytes);
  if (block == nullptr) throw std::bad_alloc();
  if (counted) ++made, ++live;
  return new (block) Head{counted} + 1;
}

void release(void* memory) noexcept {
  if (memory == nullptr) return;
  Head* const head = static_cast<Head*>(memory) - 1;
  if (head->counted) --live;
  std::free(head);
}

}  // namespace

void fail_after(std::uint64_t count) noexcept {
  left_to_succeed = count;
  will_fail = true;
  has_failed = false;
}
bool stop_failing() noexcept {
  will_fail = false;
  return has_failed;
}
std::uint64_t allocations() noexcept {
  return made;
}
std::int64_t live_blocks() noexcept {
  return live;
}

}  // namespace percore::test

void* operator new(std::size_t size_bytes) {
  return percore::test::allocate(size_bytes);
}
void* operator new[](std::size_t size_bytes) {
  return percore::test::allocate(size_bytes);
}
void operator delete(void* memory) noexcept {
  percore::test::release(memory);
}
void operator delete[](void* memory) noexcept {
  percore::test::release(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  percore::test::release(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  percore::test::release(memory);
}
