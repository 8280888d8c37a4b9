// 02.3 timer, once on the kernel.

#include <percore/check.hpp>
#include <percore/executor.hpp>
#include <percore/timer.hpp>
#include <vector>

using percore::Executor;
using percore::JoinHandle;
using percore::now;
using percore::spawn;
using percore::Task;
using percore::Time;
using percore::check::require;

namespace {

Task<> sleeps(Time duration, std::vector<std::int64_t>& order) {
  const Time start = now();
  const auto slept = co_await percore::sleep_for(duration);
  require(slept.has_value(), "on the kernel a sleep gave an error");
  require(now() - start >= duration, "on the kernel a sleep of {} ns took {} ns",
          duration.nanoseconds, (now() - start).nanoseconds);
  order.push_back(duration.nanoseconds);
}
Task<> ticks(unsigned times) {
  const Time period{500'000};
  const Time start = now();
  percore::Interval interval(period, start);
  std::int64_t told = 0;
  for (unsigned tick = 0; tick < times; ++tick) {
    const auto passed = co_await interval.next();
    require(passed.has_value(), "on the kernel a tick gave an error");
    told += static_cast<std::int64_t>(*passed);
    require((now() - start).nanoseconds >= told * period.nanoseconds,
            "on the kernel a tick came before its place on the grid");
  }
}
Task<> sleeps_for_ever(bool& cancelled) {
  const auto slept = co_await percore::sleep_for(Time{3'600'000'000'000});
  cancelled = !slept.has_value();
}
Task<> all(bool& cancelled) {
  std::vector<std::int64_t> order;
  auto third = spawn(sleeps(Time{6'000'000}, order));
  auto first = spawn(sleeps(Time{2'000'000}, order));
  auto second = spawn(sleeps(Time{4'000'000}, order));
  co_await third;
  co_await first;
  co_await second;
  require(order == std::vector<std::int64_t>{2'000'000, 4'000'000, 6'000'000},
          "on the kernel three sleepers did not wake in the order of their deadlines");
  co_await ticks(5);
  spawn(sleeps_for_ever(cancelled)).detach();
  co_await percore::yield();
}

}  // namespace

PERCORE_CHECK("interval", on_the_kernel_sleepers_wake_in_time, "D1",
              "no timer fires before its deadline", "Lesson 02, *The deadline*") {
  bool cancelled = false;
  run.waits_for("sleeps of some milliseconds, on the kernel");
  Executor executor({.ring = {.entries = 8}});
  executor.run(all(cancelled));
  require(cancelled, "on the kernel a sleeper was not told of the executor's end");
  require(executor.ring().counts().enters <= 60, "on the kernel 8 sleeps cost {} enters",
          executor.ring().counts().enters);
}
