// What an await costs with the learner's task, beside ours. Shown after a pass.

#include "task_support.hpp"

using namespace checks;

namespace {

Task<int> number(int value) {
  co_return value;
}
Task<int> awaits(int times) {
  int sum = 0;
  for (int i = 0; i < times; ++i) {
    const int value = co_await number(i);
    sum += value;
  }
  co_return sum;
}
Task<int> chain(int depth) {
  if (depth == 0) co_return 0;
  const int below = co_await chain(depth - 1);
  co_return below + 1;
}

void count(percore::check::Run& run, Task<int> task) {
  Stop stop;
  const auto coroutine = task.start(Continuation::call(stop));
  run.count_from_here();
  run_chain(coroutine);
  run.count_to_here();
}

}  // namespace

PERCORE_MEASURE(an_await, "an await", 1000) {
  count(run, awaits(1000));
}
PERCORE_MEASURE(an_await_in_a_chain, "an await in a chain of 1000", 1000) {
  count(run, chain(1000));
}
