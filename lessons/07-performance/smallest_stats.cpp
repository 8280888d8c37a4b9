// The smallest account of an executor: what it did while a thousand tasks asked the kernel.
#include <fmt/core.h>

#include <percore/io.hpp>
#include <percore/stats.hpp>
#include <vector>

percore::Task<> asks_ten_times() {
  for (unsigned i = 0; i < 10; ++i) {
    const auto answer = co_await percore::nop();
    if (!answer) co_return;
  }
}

percore::Task<> thousand_ask(const percore::Stats& stats) {
  const percore::StatsSnapshot before = stats.snapshot();
  std::vector<percore::JoinHandle<void>> handles;
  for (unsigned i = 0; i < 1'000; ++i) handles.push_back(percore::spawn(asks_ten_times()));
  for (auto& handle : handles) co_await handle;
  fmt::print("{}", to_text(difference(stats.snapshot(), before)));
}

int main() {
  percore::Executor executor;
  percore::Stats stats(executor);
  executor.run(thousand_ask(stats));
}
