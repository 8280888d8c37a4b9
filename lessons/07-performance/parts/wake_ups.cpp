#include "wake_ups.hpp"

#include <percore/histogram.hpp>
#include <percore/stats.hpp>
#include <percore/timer.hpp>
#include <vector>

#include <fmt/core.h>

#include "figures.hpp"

namespace lesson {
namespace {

using percore::Histogram;
using percore::JoinHandle;
using percore::Stats;
using percore::Task;
using percore::Time;

Task<> sleeps(Time until, Histogram& late) {
  const auto slept = co_await percore::sleep_until(until);
  if (slept) late.record(static_cast<std::uint64_t>((percore::now() - until).nanoseconds));
}

Task<> all_sleep(unsigned tasks, Time spread, Histogram& late) {
  std::vector<JoinHandle<void>> handles;
  handles.reserve(tasks);
  // All are asleep before the first one is due.
  const std::int64_t begin = percore::now().nanoseconds + 50'000'000;
  for (unsigned i = 0; i < tasks; ++i)
    handles.push_back(percore::spawn(sleeps(Time{begin + spread.nanoseconds * i / tasks}, late)));
  for (auto& handle : handles) co_await handle;
}

}  // namespace

void show_wake_ups(unsigned tasks, Time spread) {
  percore::Executor executor;
  Stats stats(executor);
  Histogram late({.value_max = 10'000'000'000});  // ten seconds
  executor.run(all_sleep(tasks, spread, late));
  fmt::print("{} tasks sleep, one is due each {:.1f} us; how late they go on\n\n",
             with_commas(tasks), static_cast<double>(spread.nanoseconds) / tasks / 1'000);
  fmt::print("{}\n", late.to_text({.unit = "ns"}));
  fmt::print("What the executor did meanwhile\n\n{}", to_text(stats.snapshot()));
}

}  // namespace lesson
