#include <percore/check.hpp>
#include <percore/sim.hpp>

#include "executor_support.hpp"

using namespace checks;

namespace {

Task<int> index_of(int index) {
  co_return index;
}

Task<int> spawn_and_join(int count) {
  std::vector<JoinHandle<int>> handles;
  handles.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) handles.push_back(spawn(index_of(i)));
  int sum = 0;
  for (auto& handle : handles) sum += co_await handle;
  co_return sum;
}

Task<void> yields(int count) {
  for (int i = 0; i < count; ++i) co_await percore::yield();
}

Task<void> two_that_yield(percore::check::Run& run, int count) {
  auto other = spawn(yields(count + 1));
  co_await percore::yield();
  run.count_from_here();
  co_await yields(count);
  run.count_to_here();
  co_await other;
}

// The second time: pools and queues have their size.
Task<void> spawn_twice(percore::check::Run& run, int count) {
  static_cast<void>(co_await spawn_and_join(count));
  run.count_from_here();
  static_cast<void>(co_await spawn_and_join(count));
  run.count_to_here();
}

}  // namespace

PERCORE_MEASURE(spawn_join, "spawn a task and await it", 100) {
  run_on_executor(spawn_twice(run, 100));
}

PERCORE_MEASURE(yield_in_turn, "a yield, with another task ready", 100) {
  run_on_executor(two_that_yield(run, 100));
}
