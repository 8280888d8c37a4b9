// spawn100, spawn, spawn10k, yield1, yield2, yield1k, concurrent, latency, timer and memory on
// libuv. It has no tasks: what comes nearest is a handle on the heap with a callback and, in place
// of a join, a sum that is looked at in the end. What is to run soon is an idle handle, called once
// in each turn of the loop; a callback that returns and is called again in the next turn stands for
// a yield. A task that waits is a timer. Its timers have a grain of a millisecond.
#include <uv.h>

#include <measure.hpp>

#include <memory>
#include <string>

namespace {

uv_loop_t loop;

// A task: it returns its index when it has been called `yields_left` times and once more.
struct Callback {
  uv_idle_t handle;
  std::uint64_t index;
  std::size_t yields_left;
};

std::uint64_t sum = 0;

void closed(uv_handle_t* handle) {
  delete static_cast<Callback*>(handle->data);
}

void called(uv_idle_t* handle) {
  auto& task = *static_cast<Callback*>(handle->data);
  if (task.yields_left-- != 0) return;
  sum += task.index;
  uv_close(reinterpret_cast<uv_handle_t*>(handle), closed);
}

void spawn(std::uint64_t index, std::size_t yields) {
  auto* const task = new Callback{.handle = {}, .index = index, .yields_left = yields};
  uv_idle_init(&loop, &task->handle);
  task->handle.data = task;
  uv_idle_start(&task->handle, called);
}

void run_tasks(std::size_t tasks, std::size_t yields) {
  sum = 0;
  for (std::size_t i = 0; i < tasks; ++i) spawn(i, yields);
  uv_run(&loop, UV_RUN_DEFAULT);
  bench::check_sum(sum, tasks * (tasks - 1) / 2);
}

// All of a round in runs of `tasks` at once; the figure is that of one operation.
double measure(std::size_t tasks, std::size_t yields, std::size_t tasks_a_round,
               std::size_t operations_a_round) {
  bench::RoundTimer timer(operations_a_round);
  while (timer.next())
    for (std::size_t done = 0; done < tasks_a_round; done += tasks) run_tasks(tasks, yields);
  return timer.median_ns();
}

std::int64_t spawned_at = 0;
std::vector<double> samples;

void first_call(uv_idle_t* handle) {
  const std::int64_t started = bench::now_ns();
  samples.push_back(static_cast<double>(started - spawned_at));
  uv_close(reinterpret_cast<uv_handle_t*>(handle), closed);
}

void measure_latency() {
  for (std::size_t i = 0; i < bench::latency_warm_up + bench::latency_samples; ++i) {
    if (i == bench::latency_warm_up) samples.clear();
    spawned_at = bench::now_ns();
    auto* const task = new Callback{.handle = {}, .index = 0, .yields_left = 0};
    uv_idle_init(&loop, &task->handle);
    task->handle.data = task;
    uv_idle_start(&task->handle, first_call);
    uv_run(&loop, UV_RUN_DEFAULT);
  }
}

std::size_t slept = 0;
std::int64_t sleep_from = 0;

void woken(uv_timer_t* timer) {
  if (slept >= bench::sleeps_warm_up) samples.push_back(bench::late_us(sleep_from));
  if (++slept == bench::sleeps_warm_up + bench::sleeps) return;
  sleep_from = bench::now_ns();
  uv_update_time(&loop);
  uv_timer_start(timer, woken, 1, 0);  // a millisecond: there is no shorter one
}

void measure_sleeps() {
  uv_timer_t timer;
  uv_timer_init(&loop, &timer);
  sleep_from = bench::now_ns();
  uv_timer_start(&timer, woken, 1, 0);
  uv_run(&loop, UV_RUN_DEFAULT);
}

struct Waiting {
  uv_timer_t timer;
  std::uint64_t index;
};

double measure_memory(std::size_t tasks) {
  const std::int64_t before = bench::resident_bytes();
  std::vector<std::unique_ptr<Waiting>> waiting;
  waiting.reserve(tasks);
  for (std::size_t i = 0; i < tasks; ++i) {
    waiting.push_back(std::make_unique<Waiting>(Waiting{.timer = {}, .index = i}));
    uv_timer_init(&loop, &waiting.back()->timer);
    uv_timer_start(&waiting.back()->timer, [](uv_timer_t*) {}, 3'600'000, 0);
  }
  uv_run(&loop, UV_RUN_NOWAIT);
  const std::int64_t after = bench::resident_bytes();
  std::uint64_t added = 0;
  for (const auto& one : waiting) {
    added += one->index;
    uv_close(reinterpret_cast<uv_handle_t*>(&one->timer), nullptr);
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  bench::check_sum(added, tasks * (tasks - 1) / 2);
  return static_cast<double>(after - before) / static_cast<double>(tasks);
}

}  // namespace

int main(int argument_count, char** arguments) {
  const std::string suite = argument_count > 1 ? arguments[1] : "";
  uv_loop_init(&loop);
  samples.reserve(bench::latency_warm_up + bench::latency_samples);
  if (const std::size_t spawned = bench::spawned_at_once(suite); spawned != 0) {
    const double ns = measure(spawned, 0, bench::spawns_a_round, bench::spawns_a_round);
    bench::print_json({{suite, ns, "ns"}});
  } else if (suite == "yield1" || suite == "yield2") {
    const std::size_t tasks = suite == "yield1" ? 1 : 2;
    const std::size_t yields = bench::yields_a_round;
    bench::print_json({{suite, measure(tasks, yields, tasks, tasks * yields), "ns"}});
  } else if (suite == "yield1k") {
    const std::size_t tasks = bench::yielding_tasks, yields = bench::yields_a_task;
    bench::print_json({{suite, measure(tasks, yields, tasks, tasks * yields), "ns"}});
  } else if (suite == "concurrent") {
    std::vector<bench::Metric> metrics;
    for (const auto& [at_once, name] : bench::concurrent) {
      const std::size_t all = bench::concurrent_a_round;
      metrics.push_back({name, measure(at_once, bench::concurrent_yields, all, all), "ns"});
    }
    bench::print_json(metrics);
  } else if (suite == "latency") {
    measure_latency();
    bench::print_json(bench::latency_metrics(samples));
  } else if (suite == "timer") {
    samples.clear();
    measure_sleeps();
    bench::print_json(bench::timer_metrics(samples));
  } else if (suite == "memory") {
    measure_memory(1);  // what the loop has once is not a task's
    bench::print_json({{suite, measure_memory(bench::suspended_tasks), "B"}});
  } else {
    bench::unknown_suite("tasks", suite.c_str(),
                         "spawn100, spawn, spawn10k, yield1, yield2, yield1k, concurrent, "
                         "latency, timer, memory");
  }
}
