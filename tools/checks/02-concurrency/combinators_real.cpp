// 02.7 combinators, once on the kernel.

#include <percore/check.hpp>
#include <percore/combinators.hpp>
#include <percore/executor.hpp>
#include <stdexcept>
#include <vector>

using percore::now;
using percore::Task;
using percore::Time;
using percore::check::require;

namespace {

constexpr Time ms(std::int64_t milliseconds) {
  return {milliseconds * 1'000'000};
}
Task<int> gives(int value, Time after) {
  static_cast<void>(co_await percore::sleep_for(after));
  if (value < 0) throw std::runtime_error("negative");
  co_return value;
}
Task<> all() {
  std::vector<Task<int>> tasks;
  for (int i = 0; i < 5; ++i) tasks.push_back(gives(i, ms(5 - i)));
  const auto values = co_await percore::when_all(std::move(tasks));
  require(values == std::vector<int>{0, 1, 2, 3, 4},
          "on the kernel the values of five tasks came in another order");
  std::vector<Task<int>> race;
  race.push_back(gives(1, ms(200)));
  race.push_back(gives(2, ms(1)));
  const auto first = co_await percore::when_any(std::move(race));
  require(first.index == 1 && first.value == 2,
          "on the kernel a task of 200 ms ended before one of 1 ms");
  const auto late = co_await percore::with_timeout(gives(3, ms(300)), now() + ms(1));
  require(!late.has_value(), "on the kernel a task of 300 ms was in time for 1 ms");
  const auto in_time = co_await percore::with_timeout(gives(4, ms(1)), now() + ms(5'000));
  require(in_time.has_value() && *in_time == 4, "on the kernel a task of 1 ms was late for 5 s");
  bool thrown = false;
  try {
    static_cast<void>(co_await percore::when_all(gives(-1, ms(1)), gives(5, ms(2))));
  } catch (const std::runtime_error&) {
    thrown = true;
  }
  require(thrown, "on the kernel the exception of one of two tasks was lost");
}

}  // namespace

PERCORE_CHECK("timeout", on_the_kernel_all_come_to_their_end, "C1",
              "when_all() waits for every one of its tasks", "Lesson 02, *All of them*") {
  run.waits_for("tasks that sleep for some milliseconds, on the kernel");
  percore::Executor executor({.ring = {.entries = 8}});
  executor.run(all());
}
