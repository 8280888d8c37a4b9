// nop1 and nop64 on percore: one task, then 64 tasks, that await a NOP of the ring over and over.
#include <measure.hpp>

#include <percore/executor.hpp>
#include <percore/io.hpp>
#include <string>
#include <vector>

namespace {

using percore::JoinHandle;
using percore::Task;

constexpr std::size_t nops_a_round = 6'400;

Task<std::uint64_t> nop_times(std::size_t times) {
  std::uint64_t completed = 0;
  for (std::size_t i = 0; i < times; ++i) {
    const auto result = co_await percore::nop();
    completed += result.has_value() ? 1 : 0;
  }
  co_return completed;
}

Task<double> measure_nops(std::size_t depth) {
  std::vector<JoinHandle<std::uint64_t>> handles;
  handles.reserve(depth);
  bench::RoundTimer timer(nops_a_round);
  while (timer.next()) {
    for (std::size_t i = 0; i < depth; ++i)
      handles.push_back(percore::spawn(nop_times(nops_a_round / depth)));
    std::uint64_t completed = 0;
    for (auto& handle : handles) completed += co_await handle;
    handles.clear();
    bench::check_sum(completed, nops_a_round);
  }
  co_return timer.median_ns();
}

}  // namespace

int main(int argument_count, char** arguments) {
  const std::string suite = argument_count > 1 ? arguments[1] : "";
  if (suite != "nop") bench::unknown_suite("nop", suite.c_str(), "nop");
  percore::Executor executor;
  const double one = executor.run(measure_nops(1));
  const double many = executor.run(measure_nops(64));
  bench::print_json({{"nop1", one, "ns"}, {"nop64", many, "ns"}});
}
