#include <percore/check.hpp>
#include <percore/task.hpp>

#include "task_support.hpp"

using namespace checks;

namespace {

Task<int> index_of(int index) {
  co_return index;
}

// The first await warms the pool of frames.
Task<int> awaits(percore::check::Run& run, int count) {
  int sum = co_await index_of(0);
  run.count_from_here();
  for (int i = 0; i < count; ++i) sum += co_await index_of(i);
  run.count_to_here();
  co_return sum;
}

}  // namespace

PERCORE_MEASURE(await, "create and await a task", 100) {
  Stop stop;
  auto task = awaits(run, 100);
  run_chain(task.start(percore::Continuation::call(stop)));
}
