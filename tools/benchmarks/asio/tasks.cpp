// spawn100, spawn, spawn10k, yield1, yield2, yield1k, latency and memory on Asio, in its best form
// for one thread: no locking (ASIO_CONCURRENCY_HINT_UNSAFE), the executor's own type in place of
// any_io_executor, and a yield that names no executor, which halves its cost: the handler's own is
// then known to be the right one. Built twice: as it is, and with ASIO_DISABLE_THREADS, a form for
// programs that have one thread in all. tools/bench takes the better one of each suite.
#include <asio.hpp>
#include <measure.hpp>

#include <optional>
#include <string>
#include <vector>

namespace {

using Executor = asio::io_context::executor_type;
template <typename T>
using Awaitable = asio::awaitable<T, Executor>;
using Token = asio::use_awaitable_t<Executor>;
constexpr Token token{};
using Handler = asio::async_result<Token, void()>::handler_type;

// What co_spawn's completion handler writes, and who waits for it. Asio has no join handle of its
// own; this is less than experimental::promise does. The waiter goes to the back, so it is woken
// once and finds the rest done.
struct Join {
  std::uint64_t value = 0;
  bool done = false;
  std::optional<Handler> waiting;

  auto wait() {
    return asio::async_initiate<const Token, void()>(
        [this](Handler handler) { waiting.emplace(std::move(handler)); }, token);
  }
};

template <typename Coroutine>
void spawn(const Executor& executor, Coroutine coroutine, Join& join) {
  join.done = false;
  asio::co_spawn(executor, std::move(coroutine),
                 [executor, &join](std::exception_ptr, std::uint64_t value) {
                   join.value = value;
                   join.done = true;
                   if (!join.waiting) return;
                   Handler waiter = std::move(*join.waiting);
                   join.waiting.reset();
                   asio::post(executor, std::move(waiter));
                 });
}

Awaitable<std::uint64_t> give_index(std::uint64_t index) {
  co_return index;
}

Awaitable<void> measure_spawn(Executor executor, std::size_t tasks, double& ns) {
  std::vector<Join> joins(tasks);
  bench::RoundTimer timer(bench::spawns_a_round);
  while (timer.next()) {
    for (std::size_t done = 0; done < bench::spawns_a_round; done += tasks) {
      for (std::size_t i = 0; i < tasks; ++i) spawn(executor, give_index(i), joins[i]);
      std::uint64_t sum = 0;
      for (Join& join : joins) {
        if (!join.done) co_await join.wait();
        sum += join.value;
      }
      bench::check_sum(sum, tasks * (tasks - 1) / 2);
    }
  }
  ns = timer.median_ns();
}

Awaitable<std::uint64_t> yield_times(std::size_t times) {
  for (std::size_t i = 0; i < times; ++i) co_await asio::defer(token);
  co_return times;
}

Awaitable<void> yield_in_tasks(Executor executor, std::size_t times, std::vector<Join>& joins) {
  for (Join& join : joins) spawn(executor, yield_times(times), join);
  std::uint64_t sum = 0;
  for (Join& join : joins) {
    if (!join.done) co_await join.wait();
    sum += join.value;
  }
  bench::check_sum(sum, joins.size() * times);
}

Awaitable<void> measure_yields(Executor executor, std::size_t tasks, std::size_t times,
                               double& ns) {
  std::vector<Join> joins(tasks);
  bench::RoundTimer timer(tasks * times);
  while (timer.next()) co_await yield_in_tasks(executor, times, joins);
  ns = timer.median_ns();
}

Awaitable<void> measure_concurrent(Executor executor, std::size_t tasks, double& ns) {
  std::vector<Join> joins(tasks);
  bench::RoundTimer timer(bench::concurrent_a_round);
  while (timer.next()) {
    for (std::size_t done = 0; done < bench::concurrent_a_round; done += tasks)
      co_await yield_in_tasks(executor, bench::concurrent_yields, joins);
  }
  ns = timer.median_ns();
}

Awaitable<void> measure_yield1(double& ns) {
  bench::RoundTimer timer(bench::yields_a_round);
  while (timer.next()) {
    for (std::size_t i = 0; i < bench::yields_a_round; ++i) co_await asio::defer(token);
  }
  ns = timer.median_ns();
}

Awaitable<std::uint64_t> first_instruction() {
  co_return static_cast<std::uint64_t>(bench::now_ns());
}

Awaitable<void> measure_latency(Executor executor, std::vector<double>& samples) {
  samples.reserve(bench::latency_samples);
  Join join;
  for (std::size_t i = 0; i < bench::latency_warm_up + bench::latency_samples; ++i) {
    const std::int64_t spawned = bench::now_ns();
    spawn(executor, first_instruction(), join);
    if (!join.done) co_await join.wait();
    const auto started = static_cast<std::int64_t>(join.value);
    if (i >= bench::latency_warm_up) samples.push_back(static_cast<double>(started - spawned));
  }
}

Awaitable<std::uint64_t> wait_at(std::vector<Handler>& gate, std::uint64_t index) {
  co_await asio::async_initiate<const Token, void()>(
      [&gate](Handler handler) { gate.push_back(std::move(handler)); }, token);
  co_return index;
}

Awaitable<void> measure_memory(Executor executor, std::size_t tasks, double& bytes_a_task) {
  const std::int64_t before = bench::resident_bytes();
  std::vector<Handler> gate;
  gate.reserve(tasks);
  std::vector<Join> joins(tasks);
  for (std::size_t i = 0; i < tasks; ++i) spawn(executor, wait_at(gate, i), joins[i]);
  co_await asio::defer(token);
  bytes_a_task = static_cast<double>(bench::resident_bytes() - before) / static_cast<double>(tasks);
  for (Handler& handler : gate) asio::post(executor, std::move(handler));
  std::uint64_t sum = 0;
  for (Join& join : joins) {
    if (!join.done) co_await join.wait();
    sum += join.value;
  }
  bench::check_sum(sum, tasks * (tasks - 1) / 2);
}

}  // namespace

int main(int argument_count, char** arguments) {
  const std::string suite = argument_count > 1 ? arguments[1] : "";
  asio::io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
  const Executor executor = context.get_executor();
  const auto run = [&](Awaitable<void> root) {
    asio::co_spawn(executor, std::move(root), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
    context.run();
    context.restart();
  };
  double result = 0;
  if (const std::size_t tasks = bench::spawned_at_once(suite); tasks != 0) {
    run(measure_spawn(executor, tasks, result));
    bench::print_json({{suite, result, "ns"}});
  } else if (suite == "yield1") {
    run(measure_yield1(result));
    bench::print_json({{suite, result, "ns"}});
  } else if (suite == "yield2" || suite == "yield1k") {
    run(suite == "yield2"
            ? measure_yields(executor, 2, bench::yields_a_round, result)
            : measure_yields(executor, bench::yielding_tasks, bench::yields_a_task, result));
    bench::print_json({{suite, result, "ns"}});
  } else if (suite == "latency") {
    std::vector<double> samples;
    run(measure_latency(executor, samples));
    bench::print_json(bench::latency_metrics(samples));
  } else if (suite == "concurrent") {
    std::vector<bench::Metric> metrics;
    for (const auto& [at_once, name] : bench::concurrent) {
      run(measure_concurrent(executor, at_once, result));
      metrics.push_back({name, result, "ns"});
    }
    bench::print_json(metrics);
  } else if (suite == "memory") {
    run(measure_memory(executor, 1, result));  // what a runtime has once is not a task's
    run(measure_memory(executor, bench::suspended_tasks, result));
    bench::print_json({{suite, result, "B"}});
  } else {
    bench::unknown_suite("tasks", suite.c_str(),
                         "spawn100, spawn, spawn10k, yield1, yield2, yield1k, latency, concurrent, "
                         "memory");
  }
}
