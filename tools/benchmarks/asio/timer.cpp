// timer on Asio, in its best form for one thread; see tasks.cpp.
#include <asio.hpp>
#include <measure.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace {

using Executor = asio::io_context::executor_type;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;
constexpr asio::use_awaitable_t<Executor> token{};

asio::awaitable<void, Executor> measure_sleeps(Executor executor, std::vector<double>& late_us) {
  Timer timer(executor);
  for (std::size_t i = 0; i < bench::sleeps_warm_up + bench::sleeps; ++i) {
    const std::int64_t from = bench::now_ns();
    timer.expires_after(std::chrono::nanoseconds(bench::sleep_ns));
    co_await timer.async_wait(token);
    if (i >= bench::sleeps_warm_up) late_us.push_back(bench::late_us(from));
  }
}

}  // namespace

int main(int argument_count, char** arguments) {
  const std::string suite = argument_count > 1 ? arguments[1] : "";
  if (suite != "timer") bench::unknown_suite("timer", suite.c_str(), "timer");
  asio::io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
  std::vector<double> late_us;
  late_us.reserve(bench::sleeps);
  asio::co_spawn(context.get_executor(), measure_sleeps(context.get_executor(), late_us),
                 [](std::exception_ptr error) {
                   if (error) std::rethrow_exception(error);
                 });
  context.run();
  bench::print_json(bench::timer_metrics(late_us));
}
