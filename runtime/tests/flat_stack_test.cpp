// T4: a million awaits leave the stack flat, in this build, with this compiler and these
// sanitizers.
#include <doctest/doctest.h>

#include <pthread.h>

#include <algorithm>
#include <cstdint>
#include <percore/task.hpp>
#include <stdexcept>

using namespace percore;

namespace {

constexpr int million = 1'000'000;

// The span of the stack over which coroutine bodies ran.
struct StackSpan {
  std::uintptr_t lowest = UINTPTR_MAX;
  std::uintptr_t highest = 0;
  void look() {
    const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    lowest = std::min(lowest, here);
    highest = std::max(highest, here);
  }
  std::uintptr_t bytes() const { return highest - lowest; }
};

StackSpan span;

struct Ignore : FinishHook {
  Ignore() : FinishHook{[](FinishHook&, std::coroutine_handle<>) noexcept {}} {}
};

Task<int> one(int v) {
  span.look();
  co_return v;
}

Task<long> loop(int count) {
  long sum = 0;
  for (int i = 0; i < count; ++i) {
    const int v = co_await one(1);
    span.look();
    sum += v;
  }
  co_return sum;
}

Task<long> chain(int depth) {
  span.look();
  if (depth == 0) co_return 0;
  const long below = co_await chain(depth - 1);
  span.look();
  co_return below + 1;
}

Task<long> failing_chain(int depth) {
  span.look();
  if (depth == 0) throw std::runtime_error("the bottom");
  const long below = co_await failing_chain(depth - 1);
  co_return below;
}

template <typename T>
T run(Task<T> task) {
  Ignore ignore;
  run_chain(task.start(Continuation::call(ignore)));
  return task.take_result();
}

// On a thread whose whole stack a growing use would overflow at once.
template <typename Body>
void on_small_stack(Body body) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 256 * 1024);
  pthread_t thread;
  const int error = pthread_create(
      &thread, &attributes,
      [](void* argument) -> void* {
        (*static_cast<Body*>(argument))();
        return nullptr;
      },
      &body);
  REQUIRE(error == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

constexpr std::uintptr_t flat_bytes = 4096;

}  // namespace

TEST_CASE("a million immediate awaits in a loop") {
  span = {};
  long sum = 0;
  on_small_stack([&] { sum = run(loop(million)); });
  CHECK(sum == million);
  CHECK(span.bytes() < flat_bytes);
}

TEST_CASE("a chain of awaits a million deep, down and up again") {
  span = {};
  long depth = 0;
  on_small_stack([&] { depth = run(chain(million)); });
  CHECK(depth == million);
  CHECK(span.bytes() < flat_bytes);
}

TEST_CASE("an exception that rises through a hundred thousand tasks") {
  span = {};
  bool caught = false;
  on_small_stack([&] {
    try {
      run(failing_chain(million / 10));
    } catch (const std::runtime_error&) {
      caught = true;
    }
  });
  CHECK(caught);
  CHECK(span.bytes() < flat_bytes);
}
