// The floor of the task suites: bare coroutines, frames from a free list, a ring buffer of handles.
// There is no exception, no join that waits, no I/O and no safety: what a runtime adds is the
// distance from here.
#include <measure.hpp>

#include <array>
#include <coroutine>
#include <exception>
#include <string>
#include <utility>

namespace {

// One free list: all frames of a suite are of one size.
struct FreeFrame {
  FreeFrame* next;
};
FreeFrame* free_frames = nullptr;

struct Queue {
  static constexpr std::size_t capacity = 16'384;  // more than any suite has ready at once
  std::array<std::coroutine_handle<>, capacity> slots;
  std::size_t head = 0;
  std::size_t tail = 0;

  void push(std::coroutine_handle<> coroutine) { slots[tail++ % capacity] = coroutine; }
  void run() {
    while (head != tail) slots[head++ % capacity].resume();
  }
};
Queue ready;

struct Bare {
  struct promise_type {
    std::uint64_t value = 0;

    Bare get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_value(std::uint64_t result) { value = result; }
    [[noreturn]] void unhandled_exception() { std::terminate(); }
    static void* operator new(std::size_t size_bytes) {
      if (free_frames == nullptr) return ::operator new(size_bytes);
      return std::exchange(free_frames, free_frames->next);
    }
    static void operator delete(void* frame, std::size_t) {
      auto* const free_frame = static_cast<FreeFrame*>(frame);
      free_frame->next = free_frames;
      free_frames = free_frame;
    }
  };
  std::coroutine_handle<promise_type> coroutine;
};

struct Yield {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) const { ready.push(awaiting); }
  void await_resume() const noexcept {}
};

std::uint64_t take(Bare task) {
  const std::uint64_t value = task.coroutine.promise().value;
  task.coroutine.destroy();
  return value;
}

Bare give_index(std::uint64_t index) {
  co_return index;
}

double measure_spawn(std::size_t tasks) {
  std::vector<Bare> handles;
  handles.reserve(tasks);
  bench::RoundTimer timer(bench::spawns_a_round);
  while (timer.next()) {
    for (std::size_t done = 0; done < bench::spawns_a_round; done += tasks) {
      for (std::size_t i = 0; i < tasks; ++i) {
        handles.push_back(give_index(i));
        ready.push(handles.back().coroutine);
      }
      ready.run();
      std::uint64_t sum = 0;
      for (const Bare task : handles) sum += take(task);
      handles.clear();
      bench::check_sum(sum, tasks * (tasks - 1) / 2);
    }
  }
  return timer.median_ns();
}

Bare yield_times(std::size_t times) {
  for (std::size_t i = 0; i < times; ++i) co_await Yield{};
  co_return times;
}

void yield_in_tasks(std::size_t tasks, std::size_t times, std::vector<Bare>& handles) {
  for (std::size_t i = 0; i < tasks; ++i) {
    handles.push_back(yield_times(times));
    ready.push(handles.back().coroutine);
  }
  ready.run();
  std::uint64_t sum = 0;
  for (const Bare task : handles) sum += take(task);
  handles.clear();
  bench::check_sum(sum, tasks * times);
}

double measure_yields(std::size_t tasks, std::size_t times) {
  std::vector<Bare> handles;
  handles.reserve(tasks);
  bench::RoundTimer timer(tasks * times);
  while (timer.next()) yield_in_tasks(tasks, times, handles);
  return timer.median_ns();
}

double measure_concurrent(std::size_t tasks) {
  std::vector<Bare> handles;
  handles.reserve(tasks);
  bench::RoundTimer timer(bench::concurrent_a_round);
  while (timer.next()) {
    for (std::size_t done = 0; done < bench::concurrent_a_round; done += tasks)
      yield_in_tasks(tasks, bench::concurrent_yields, handles);
  }
  return timer.median_ns();
}

Bare first_instruction() {
  co_return static_cast<std::uint64_t>(bench::now_ns());
}

std::vector<double> measure_latency() {
  std::vector<double> samples;
  samples.reserve(bench::latency_samples);
  for (std::size_t i = 0; i < bench::latency_warm_up + bench::latency_samples; ++i) {
    const std::int64_t spawned = bench::now_ns();
    const Bare task = first_instruction();
    ready.push(task.coroutine);
    ready.run();
    const auto started = static_cast<std::int64_t>(take(task));
    if (i >= bench::latency_warm_up) samples.push_back(static_cast<double>(started - spawned));
  }
  return samples;
}

Bare suspend_once(std::uint64_t index) {
  co_await std::suspend_always{};
  co_return index;
}

double measure_memory() {
  ready.slots.fill(nullptr);  // resident from the start, as it would be in a program that has run
  const std::int64_t before = bench::resident_bytes();
  std::vector<Bare> handles;
  handles.reserve(bench::suspended_tasks);
  for (std::size_t i = 0; i < bench::suspended_tasks; ++i) {
    handles.push_back(suspend_once(i));
    handles.back().coroutine.resume();
  }
  const std::int64_t after = bench::resident_bytes();
  std::uint64_t sum = 0;
  for (const Bare task : handles) {
    task.coroutine.resume();
    sum += take(task);
  }
  bench::check_sum(sum, bench::suspended_tasks * (bench::suspended_tasks - 1) / 2);
  return static_cast<double>(after - before) / static_cast<double>(bench::suspended_tasks);
}

}  // namespace

int main(int argument_count, char** arguments) {
  const std::string suite = argument_count > 1 ? arguments[1] : "";
  if (const std::size_t tasks = bench::spawned_at_once(suite); tasks != 0) {
    bench::print_json({{suite, measure_spawn(tasks), "ns"}});
  } else if (suite == "yield1") {
    bench::print_json({{suite, measure_yields(1, bench::yields_a_round), "ns"}});
  } else if (suite == "yield2") {
    bench::print_json({{suite, measure_yields(2, bench::yields_a_round), "ns"}});
  } else if (suite == "yield1k") {
    bench::print_json({{suite, measure_yields(bench::yielding_tasks, bench::yields_a_task), "ns"}});
  } else if (suite == "latency") {
    bench::print_json(bench::latency_metrics(measure_latency()));
  } else if (suite == "concurrent") {
    std::vector<bench::Metric> metrics;
    for (const auto& [at_once, name] : bench::concurrent)
      metrics.push_back({name, measure_concurrent(at_once), "ns"});
    bench::print_json(metrics);
  } else if (suite == "memory") {
    bench::print_json({{suite, measure_memory(), "B"}});
  } else {
    bench::unknown_suite("tasks", suite.c_str(),
                         "spawn100, spawn, spawn10k, yield1, yield2, yield1k, latency, concurrent, "
                         "memory");
  }
}
