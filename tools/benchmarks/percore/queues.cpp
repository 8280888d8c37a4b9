// queue_yield, queue_switch, queue_spawn and need_preempt on percore: what task queues cost.
#include <measure.hpp>

#include <percore/task_queue.hpp>
#include <string>
#include <vector>

namespace {

using percore::JoinHandle;
using percore::Task;
using percore::TaskQueue;
using percore::TaskQueues;

Task<std::uint64_t> give_index(std::uint64_t index) {
  co_return index;
}

Task<std::uint64_t> yield_times(std::size_t times) {
  for (std::size_t i = 0; i < times; ++i) co_await percore::yield();
  co_return times;
}

// Two tasks of one queue yield to each other: beside yield2, what a queue with a quantum adds.
Task<double> measure_yields(TaskQueue& queue) {
  bench::RoundTimer timer(2 * bench::yields_a_round);
  while (timer.next()) {
    auto first = percore::spawn_into(queue, yield_times(bench::yields_a_round));
    auto second = percore::spawn_into(queue, yield_times(bench::yields_a_round));
    const std::uint64_t from_first = co_await first;
    const std::uint64_t from_second = co_await second;
    bench::check_sum(from_first + from_second, 2 * bench::yields_a_round);
  }
  co_return timer.median_ns();
}

// A task goes to a queue that is empty, and back: each time the queue that it leaves is charged and
// sleeps, the other wakes, and the scheduler picks.
Task<double> measure_switches(TaskQueue& first, TaskQueue& second) {
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

Task<double> measure_spawns(TaskQueue& queue) {
  constexpr std::size_t tasks = 1'000;
  std::vector<JoinHandle<std::uint64_t>> handles;
  handles.reserve(tasks);
  bench::RoundTimer timer(bench::spawns_a_round);
  while (timer.next()) {
    for (std::size_t done = 0; done < bench::spawns_a_round; done += tasks) {
      for (std::size_t i = 0; i < tasks; ++i)
        handles.push_back(percore::spawn_into(queue, give_index(i)));
      std::uint64_t sum = 0;
      for (auto& handle : handles) sum += co_await handle;
      handles.clear();
      bench::check_sum(sum, tasks * (tasks - 1) / 2);
    }
  }
  co_return timer.median_ns();
}

Task<double> measure_looks() {
  constexpr std::size_t looks = 100'000;
  bench::RoundTimer timer(looks);
  while (timer.next()) {
    for (std::size_t i = 0; i < looks; ++i) co_await percore::yield_if_needed();
  }
  co_return timer.median_ns();
}

}  // namespace

int main(int argument_count, char** arguments) {
  const std::string suite = argument_count > 1 ? arguments[1] : "";
  if (suite != "queues") bench::unknown_suite("queues", suite.c_str(), "queues");
  percore::Executor executor;
  TaskQueues queues(executor);
  TaskQueue& first = queues.add({.name = "first", .shares = 1000});
  TaskQueue& second = queues.add({.name = "second", .shares = 500});
  const double yield = executor.run(measure_yields(first));
  const double spawn = executor.run(measure_spawns(first));
  const double look = executor.run(measure_looks());
  const double change = executor.run(measure_switches(first, second));
  bench::print_json({{"queue_yield", yield, "ns"},
                     {"queue_spawn", spawn, "ns"},
                     {"queue_look", look, "ns"},
                     {"queue_switch", change, "ns"}});
}
