// How cost grows on percore: `growth WHAT N` measures one point of a curve; tools/bench growth
// draws it.
//   tasks N     spawn N tasks, await them all; and N tasks that yield in turn
//   timers N    N tasks that sleep at once: to spawn and arm them, and to fire and join them
//   depth N     N NOPs in flight
//   queues N    a switch between two task queues where N are there (an executor has room for
//               1,024); a turn of one where the others have nothing to run, and where all have
//   shares N    whose turn is it, among N that are ready, and where one of N is (the module
//               fair_share alone)
#include <measure.hpp>

#include <cstdlib>
#include <memory>
#include <percore/fair_share.hpp>
#include <percore/io.hpp>
#include <percore/task_queue.hpp>
#include <percore/timer.hpp>
#include <string>
#include <vector>

namespace {

using percore::JoinHandle;
using percore::Task;
using Handles = std::vector<JoinHandle<std::uint64_t>>;

Task<std::uint64_t> give_index(std::uint64_t index) {
  co_return index;
}

Task<std::uint64_t> join(Handles& handles) {
  std::uint64_t sum = 0;
  for (auto& handle : handles) sum += co_await handle;
  handles.clear();
  co_return sum;
}

Task<double> measure_spawns(std::size_t tasks) {
  Handles handles;
  handles.reserve(tasks);
  const std::size_t times = std::max<std::size_t>(1, bench::spawns_a_round / tasks);
  bench::RoundTimer timer(times * tasks);
  while (timer.next()) {
    for (std::size_t time = 0; time < times; ++time) {
      for (std::size_t i = 0; i < tasks; ++i) handles.push_back(percore::spawn(give_index(i)));
      const std::uint64_t sum = co_await join(handles);
      bench::check_sum(sum, tasks * (tasks - 1) / 2);
    }
  }
  co_return timer.median_ns();
}

Task<std::uint64_t> yield_times(std::size_t times) {
  for (std::size_t i = 0; i < times; ++i) co_await percore::yield();
  co_return times;
}

Task<double> measure_yields(std::size_t tasks) {
  Handles handles;
  handles.reserve(tasks);
  // Enough of them that spawning is not seen.
  const std::size_t times = std::max<std::size_t>(20, bench::yields_a_round / tasks);
  bench::RoundTimer timer(tasks * times);
  while (timer.next()) {
    for (std::size_t i = 0; i < tasks; ++i) handles.push_back(percore::spawn(yield_times(times)));
    const std::uint64_t sum = co_await join(handles);
    bench::check_sum(sum, tasks * times);
  }
  co_return timer.median_ns();
}

Task<std::uint64_t> sleep_once(percore::Time deadline) {
  const auto slept = co_await percore::sleep_until(deadline);
  co_return slept ? 1 : 0;
}

struct TimerCost {
  double arm_ns = 0;
  double fire_ns = 0;
};

enum class Order { of_arming, any };

// None is due while they are armed, in the order of their deadlines or in one that has nothing to
// do with it; then the clock passes all of them, so that no sleep and no spinning is in the figure.
Task<> measure_armed(std::size_t timers, Order order, Handles& handles, TimerCost& cost) {
  const auto count = static_cast<std::int64_t>(timers);
  const percore::Time first = percore::now() + percore::Time{5'000'000 + 1'000 * count};
  const std::int64_t from = bench::cpu_ns();
  for (std::uint64_t i = 0; i < timers; ++i) {
    const std::uint64_t drawn = (i + 1) * 0x9e3779b97f4a7c15 % (200 * timers);
    const std::uint64_t later = order == Order::any ? drawn : 200 * i;
    const percore::Time deadline = first + percore::Time{static_cast<std::int64_t>(later)};
    handles.push_back(percore::spawn(sleep_once(deadline)));
  }
  co_await percore::yield();
  const std::int64_t armed = bench::cpu_ns();
  const percore::Time last = first + percore::Time{200 * count};
  if (percore::now() >= first) std::fprintf(stderr, "some were due before all were armed\n");
  while (percore::now() < last) percore::cpu_relax();
  const std::int64_t due = bench::cpu_ns();
  const std::uint64_t slept = co_await join(handles);
  bench::check_sum(slept, timers);
  cost.arm_ns = static_cast<double>(armed - from) / static_cast<double>(timers);
  cost.fire_ns = static_cast<double>(bench::cpu_ns() - due) / static_cast<double>(timers);
}

TimerCost measure_timers(percore::Executor& executor, std::size_t timers, Order order) {
  Handles handles;
  handles.reserve(timers);
  std::vector<double> arm, fire;
  // The first one touches the memory.
  for (std::size_t round = 0; round <= std::max<std::size_t>(2, 50'000 / timers); ++round) {
    TimerCost cost;
    executor.run(measure_armed(timers, order, handles, cost));
    if (round == 0) continue;
    arm.push_back(cost.arm_ns);
    fire.push_back(cost.fire_ns);
  }
  return {bench::percentile(arm, 50), bench::percentile(fire, 50)};
}

Task<std::uint64_t> nop_times(std::size_t times) {
  std::uint64_t completed = 0;
  for (std::size_t i = 0; i < times; ++i) {
    const auto result = co_await percore::nop();
    completed += result.has_value() ? 1 : 0;
  }
  co_return completed;
}

Task<double> measure_nops(std::size_t depth) {
  constexpr std::size_t nops = 25'600;
  Handles handles;
  handles.reserve(depth);
  bench::RoundTimer timer(nops / depth * depth);
  while (timer.next()) {
    for (std::size_t i = 0; i < depth; ++i)
      handles.push_back(percore::spawn(nop_times(nops / depth)));
    const std::uint64_t completed = co_await join(handles);
    bench::check_sum(completed, nops / depth * depth);
  }
  co_return timer.median_ns();
}

Task<double> measure_switches(percore::TaskQueue& first, percore::TaskQueue& second) {
  constexpr std::size_t switches = 10'000;
  bench::RoundTimer timer(switches);
  while (timer.next()) {
    for (std::size_t i = 0; i < switches; i += 2) {
      co_await percore::move_to(first);
      co_await percore::move_to(second);
    }
  }
  co_return timer.median_ns();
}

double measure_queues(percore::Executor& executor, std::size_t count) {
  percore::TaskQueues queues(executor);
  for (std::size_t i = 0; i < count; ++i) queues.add({.name = std::to_string(i)});
  return executor.run(measure_switches(queues.default_queue(), queues.add({.name = "busy"})));
}

// In each of `queues` a task yields without end. With a quantum of a nanosecond each turn is of the
// next one.
Task<double> measure_turns(const std::vector<percore::TaskQueue*>& queues) {
  Handles handles;
  const std::size_t times = std::max<std::size_t>(20, 10'000 / queues.size());
  bench::RoundTimer timer(times * queues.size());
  while (timer.next()) {
    for (percore::TaskQueue* queue : queues)
      handles.push_back(percore::spawn_into(*queue, yield_times(times)));
    const std::uint64_t sum = co_await join(handles);
    bench::check_sum(sum, times * queues.size());
  }
  co_return timer.median_ns();
}

double measure_turns_among(std::size_t count, std::size_t ready) {
  percore::Executor executor({.ring = {}, .resumes_per_turn_max = 1});
  percore::TaskQueues queues(executor, {.quantum = percore::Time{1}});
  std::vector<percore::TaskQueue*> busy;
  for (std::size_t i = 0; i < count; ++i) {
    percore::TaskQueue& queue = queues.add({.name = std::to_string(i)});
    if (busy.size() < ready) busy.push_back(&queue);
  }
  // Two tasks: one that is alone in its executor comes back from a yield at once.
  if (ready == 1) busy.push_back(busy.front());
  return executor.run(measure_turns(busy));
}

// Each has run for a different time, so that the order changes with every turn.
double measure_shares(std::size_t count, std::size_t ready) {
  percore::FairShare fair;
  std::vector<std::unique_ptr<percore::ShareHolder>> holders;
  for (std::size_t i = 0; i < count; ++i) {
    const auto shares = static_cast<unsigned>(1 + i * 37 % percore::shares_max);
    holders.push_back(std::make_unique<percore::ShareHolder>(shares));
    if (i < ready) fair.wake(*holders.back());
  }
  constexpr std::size_t turns = 100'000;
  bench::RoundTimer timer(turns);
  while (timer.next()) {
    for (std::size_t i = 0; i < turns; ++i) {
      const auto ran = static_cast<std::int64_t>(500 + i % 501);
      fair.charge(*fair.pick(), percore::Time{ran});
    }
  }
  for (std::size_t i = 0; i < ready; ++i) fair.sleep(*holders[i]);
  return timer.median_ns();
}

}  // namespace

int main(int argument_count, char** arguments) {
  const std::string what = argument_count > 2 ? arguments[1] : "";
  const std::size_t count = argument_count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 0;
  if (count == 0 || (what == "queues" && count > 1'000))
    bench::unknown_suite("growth", what.c_str(), "tasks N, timers N, depth N, queues N, shares N");
  percore::Executor executor;
  if (what == "tasks") {
    const double spawn = executor.run(measure_spawns(count));
    bench::print_json(
        {{"spawn", spawn, "ns"}, {"yield", executor.run(measure_yields(count)), "ns"}});
  } else if (what == "timers") {
    const TimerCost any = measure_timers(executor, count, Order::any);
    const TimerCost ordered = measure_timers(executor, count, Order::of_arming);
    bench::print_json({{"timer_arm", any.arm_ns, "ns"},
                       {"timer_fire", any.fire_ns, "ns"},
                       {"timer_fire_in_order", ordered.fire_ns, "ns"}});
  } else if (what == "depth") {
    bench::print_json({{"nop", executor.run(measure_nops(count)), "ns"}});
  } else if (what == "queues") {
    bench::print_json({{"queue_switch", measure_queues(executor, count), "ns"},
                       {"queue_turn_one", measure_turns_among(count, 1), "ns"},
                       {"queue_turn_all", measure_turns_among(count, count), "ns"}});
  } else if (what == "shares") {
    bench::print_json({{"pick_and_charge", measure_shares(count, count), "ns"},
                       {"pick_and_charge_one", measure_shares(count, 1), "ns"}});
  } else {
    bench::unknown_suite("growth", what.c_str(), "tasks N, timers N, depth N, queues N, shares N");
  }
}
