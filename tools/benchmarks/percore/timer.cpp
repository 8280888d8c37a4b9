// timer: sleeps on percore, and how late each goes on.
#include <measure.hpp>

#include <percore/timer.hpp>
#include <string>
#include <vector>

namespace {

percore::Task<std::vector<double>> measure_sleeps() {
  std::vector<double> late_us;
  late_us.reserve(bench::sleeps);
  for (std::size_t i = 0; i < bench::sleeps_warm_up + bench::sleeps; ++i) {
    const std::int64_t from = bench::now_ns();
    (void)co_await percore::sleep_for(percore::Time{bench::sleep_ns});
    if (i >= bench::sleeps_warm_up) late_us.push_back(bench::late_us(from));
  }
  co_return late_us;
}

}  // namespace

int main(int argument_count, char** arguments) {
  const std::string suite = argument_count > 1 ? arguments[1] : "";
  if (suite != "timer") bench::unknown_suite("timer", suite.c_str(), "timer");
  percore::Executor executor;
  bench::print_json(bench::timer_metrics(executor.run(measure_sleeps())));
}
