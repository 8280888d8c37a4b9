// spawn100, spawn, spawn10k, yield1, yield2, yield1k, latency and memory on percore.
#include <measure.hpp>

#include <cstring>
#include <percore/executor.hpp>
#include <vector>

namespace {

using percore::JoinHandle;
using percore::Task;

Task<std::uint64_t> give_index(std::uint64_t index) {
  co_return index;
}

Task<std::uint64_t> spawn_and_join(std::size_t tasks,
                                   std::vector<JoinHandle<std::uint64_t>>& handles) {
  for (std::size_t i = 0; i < tasks; ++i) handles.push_back(percore::spawn(give_index(i)));
  std::uint64_t sum = 0;
  for (auto& handle : handles) sum += co_await handle;
  handles.clear();
  co_return sum;
}

Task<double> measure_spawn(std::size_t tasks) {
  std::vector<JoinHandle<std::uint64_t>> handles;
  handles.reserve(tasks);
  bench::RoundTimer timer(bench::spawns_a_round);
  while (timer.next()) {
    for (std::size_t done = 0; done < bench::spawns_a_round; done += tasks) {
      const std::uint64_t sum = co_await spawn_and_join(tasks, handles);
      bench::check_sum(sum, tasks * (tasks - 1) / 2);
    }
  }
  co_return timer.median_ns();
}

Task<std::uint64_t> yield_times(std::size_t times) {
  for (std::size_t i = 0; i < times; ++i) co_await percore::yield();
  co_return times;
}

Task<double> measure_yield1() {
  bench::RoundTimer timer(bench::yields_a_round);
  while (timer.next()) {
    for (std::size_t i = 0; i < bench::yields_a_round; ++i) co_await percore::yield();
  }
  co_return timer.median_ns();
}

Task<> yield_in_tasks(std::size_t tasks, std::size_t times,
                      std::vector<JoinHandle<std::uint64_t>>& handles) {
  for (std::size_t i = 0; i < tasks; ++i) handles.push_back(percore::spawn(yield_times(times)));
  std::uint64_t sum = 0;
  for (auto& handle : handles) sum += co_await handle;
  handles.clear();
  bench::check_sum(sum, tasks * times);
}

Task<double> measure_yields(std::size_t tasks, std::size_t times) {
  std::vector<JoinHandle<std::uint64_t>> handles;
  handles.reserve(tasks);
  bench::RoundTimer timer(tasks * times);
  while (timer.next()) co_await yield_in_tasks(tasks, times, handles);
  co_return timer.median_ns();
}

Task<double> measure_concurrent(std::size_t tasks) {
  std::vector<JoinHandle<std::uint64_t>> handles;
  handles.reserve(tasks);
  bench::RoundTimer timer(bench::concurrent_a_round);
  while (timer.next()) {
    for (std::size_t done = 0; done < bench::concurrent_a_round; done += tasks)
      co_await yield_in_tasks(tasks, bench::concurrent_yields, handles);
  }
  co_return timer.median_ns();
}

Task<std::int64_t> first_instruction() {
  co_return bench::now_ns();
}

Task<std::vector<double>> measure_latency() {
  std::vector<double> samples;
  samples.reserve(bench::latency_samples);
  for (std::size_t i = 0; i < bench::latency_warm_up + bench::latency_samples; ++i) {
    const std::int64_t spawned = bench::now_ns();
    auto handle = percore::spawn(first_instruction());
    const std::int64_t started = co_await handle;
    if (i >= bench::latency_warm_up) samples.push_back(static_cast<double>(started - spawned));
  }
  co_return samples;
}

// Tasks wait here until all of them do. The list goes through the awaiters, so it costs what lies
// in the frames.
class Gate {
 public:
  class Awaiter {
   public:
    explicit Awaiter(Gate& gate) noexcept : gate_(gate) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiting) noexcept {
      waiting_ = percore::Runnable::of(awaiting);
      next_ = std::exchange(gate_.first_, this);
    }
    void await_resume() const noexcept {}

   private:
    friend Gate;
    Gate& gate_;
    Awaiter* next_ = nullptr;
    percore::Runnable waiting_;
  };

  Awaiter operator co_await() noexcept { return Awaiter(*this); }
  void open() noexcept {
    for (Awaiter* awaiter = std::exchange(first_, nullptr); awaiter != nullptr;) {
      Awaiter* const next = awaiter->next_;  // a resumed awaiter's frame may be gone
      awaiter->waiting_.schedule();
      awaiter = next;
    }
  }

 private:
  Awaiter* first_ = nullptr;
};

// Not inlined, so that its frame is made in the pool and not in the caller's.
[[gnu::noinline]] Task<std::uint64_t> wait_at(Gate& gate, std::uint64_t index) {
  co_await gate;
  co_return index;
}

Task<std::uint64_t> suspend_and_open(std::size_t tasks, double& bytes_a_task) {
  Gate gate;
  const std::int64_t before = bench::resident_bytes();
  std::vector<JoinHandle<std::uint64_t>> handles;
  handles.reserve(tasks);
  for (std::size_t i = 0; i < tasks; ++i) handles.push_back(percore::spawn(wait_at(gate, i)));
  co_await percore::yield();
  bytes_a_task = static_cast<double>(bench::resident_bytes() - before) / static_cast<double>(tasks);
  gate.open();
  std::uint64_t sum = 0;
  for (auto& handle : handles) sum += co_await handle;
  co_return sum;
}

// The frames of two tasks made one after the other lie side by side in the pool.
double frame_bytes() {
  Gate gate;
  auto first = wait_at(gate, 0);
  auto second = wait_at(gate, 1);
  const auto first_coroutine = first.release();
  const auto second_coroutine = second.release();
  const auto* const low = static_cast<const char*>(first_coroutine.address());
  const auto* const high = static_cast<const char*>(second_coroutine.address());
  first = Task<std::uint64_t>::adopt(first_coroutine);
  second = Task<std::uint64_t>::adopt(second_coroutine);
  return static_cast<double>(high - low);
}

std::vector<bench::Metric> measure_memory(percore::Executor& executor) {
  const double frame = frame_bytes();
  double bytes_a_task = 0;
  executor.run(suspend_and_open(1, bytes_a_task));  // what a runtime has once is not a task's
  const std::uint64_t sum = executor.run(suspend_and_open(bench::suspended_tasks, bytes_a_task));
  bench::check_sum(sum, bench::suspended_tasks * (bench::suspended_tasks - 1) / 2);
  return {{"memory", bytes_a_task, "B"}, {"memory_frame", frame, "B"}};
}

}  // namespace

int main(int argument_count, char** arguments) {
  const std::string_view suite = argument_count > 1 ? arguments[1] : "";
  percore::Executor executor;
  if (const std::size_t tasks = bench::spawned_at_once(suite); tasks != 0) {
    bench::print_json({{std::string(suite), executor.run(measure_spawn(tasks)), "ns"}});
  } else if (suite == "yield1") {
    bench::print_json({{"yield1", executor.run(measure_yield1()), "ns"}});
  } else if (suite == "yield2") {
    bench::print_json({{"yield2", executor.run(measure_yields(2, bench::yields_a_round)), "ns"}});
  } else if (suite == "yield1k") {
    const double ns = executor.run(measure_yields(bench::yielding_tasks, bench::yields_a_task));
    bench::print_json({{"yield1k", ns, "ns"}});
  } else if (suite == "latency") {
    bench::print_json(bench::latency_metrics(executor.run(measure_latency())));
  } else if (suite == "concurrent") {
    std::vector<bench::Metric> metrics;
    for (const auto& [at_once, name] : bench::concurrent)
      metrics.push_back({name, executor.run(measure_concurrent(at_once)), "ns"});
    bench::print_json(metrics);
  } else if (suite == "memory") {
    bench::print_json(measure_memory(executor));
  } else {
    bench::unknown_suite("tasks", arguments[argument_count > 1 ? 1 : 0],
                         "spawn100, spawn, spawn10k, yield1, yield2, yield1k, latency, concurrent, "
                         "memory");
  }
}
