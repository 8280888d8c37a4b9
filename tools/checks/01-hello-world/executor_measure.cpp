// What spawning, joining and yielding cost with the learner's executor, beside ours. Shown after a
// pass.

#include "executor_support.hpp"

using namespace checks;

namespace {

Task<int> number(int value) {
  co_return value;
}
Task<> spawns(percore::check::Run& run, int times) {
  for (int warm = 0; warm < 10; ++warm) {
    JoinHandle<int> handle = spawn(number(warm));
    const int value = co_await handle;
    static_cast<void>(value);
  }
  run.count_from_here();
  for (int i = 0; i < times; ++i) {
    JoinHandle<int> handle = spawn(number(i));
    const int value = co_await handle;
    static_cast<void>(value);
  }
  run.count_to_here();
}
Task<> yields(int times) {
  for (int i = 0; i < times; ++i) co_await percore::yield();
}
Task<> two_yield(percore::check::Run& run, int times) {
  JoinHandle<void> other = spawn(yields(times));
  run.count_from_here();
  co_await yields(times);
  run.count_to_here();
  co_await other;
}
Task<> nops(percore::check::Run& run, int times) {
  run.count_from_here();
  for (int i = 0; i < times; ++i) {
    const auto result = co_await percore::nop();
    static_cast<void>(result);
  }
  run.count_to_here();
}

Task<> reads(percore::check::Run& run, const Pipe& full, int times) {
  std::byte byte{};
  run.count_from_here();
  for (int i = 0; i < times; ++i) {
    const auto got = co_await percore::read(full.reading_end(), std::span<std::byte>(&byte, 1));
    require(got.has_value() && *got == 1, "a read of one byte from a full pipe failed");
  }
  run.count_to_here();
}

}  // namespace

PERCORE_MEASURE(a_spawn_and_a_join, "a spawn and its join", 100) {
  run_on_executor(spawns(run, 100));
}
PERCORE_MEASURE(a_yield, "a yield, between two tasks", 200) {
  run_on_executor(two_yield(run, 100));
}
PERCORE_MEASURE(a_nop, "an awaited NOP", 100) {
  run_on_executor(nops(run, 100));
}
PERCORE_MEASURE(a_wait_for_one_read, "a wait for one read", 100) {
  auto options = run.options();
  options.inline_percent = 0;  // each read lets its task wait
  run.restart(options);
  const Pipe full;
  for (int i = 0; i < 100; ++i)
    require(write(full.ends[1], "!", 1) == 1, "a pipe could not be filled");
  run_on_executor(reads(run, full, 100));
}
