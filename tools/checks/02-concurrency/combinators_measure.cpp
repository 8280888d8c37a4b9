// What waiting for several costs with the learner's module, beside ours. Shown after a pass.

#include "combinators_support.hpp"

using namespace checks;

namespace {

Task<unsigned> at_once(unsigned value) {
  co_return value;
}
std::vector<Task<unsigned>> some(unsigned count) {
  std::vector<Task<unsigned>> tasks;
  for (unsigned i = 0; i < count; ++i) tasks.push_back(at_once(i));
  return tasks;
}
Task<> all(percore::check::Run& run) {
  auto tasks = some(100);
  run.count_from_here();
  static_cast<void>(co_await percore::when_all(std::move(tasks)));
  run.count_to_here();
}
Task<> any(percore::check::Run& run) {
  auto tasks = some(100);
  run.count_from_here();
  static_cast<void>(co_await percore::when_any(std::move(tasks)));
  run.count_to_here();
}
Task<> in_time(percore::check::Run& run) {
  static_cast<void>(co_await percore::with_timeout(at_once(1), now() + ms(1)));
  run.count_from_here();
  for (unsigned i = 0; i < 100; ++i)
    static_cast<void>(co_await percore::with_timeout(at_once(i), now() + ms(1)));
  run.count_to_here();
}

}  // namespace

PERCORE_MEASURE(all_of_a_hundred, "when_all of 100, each", 100) {
  run_on_executor(all(run));
}
PERCORE_MEASURE(first_of_a_hundred, "when_any of 100, each", 100) {
  run_on_executor(any(run));
}
PERCORE_MEASURE(a_timeout_in_time, "with_timeout, in time", 100) {
  run_on_executor(in_time(run));
}
