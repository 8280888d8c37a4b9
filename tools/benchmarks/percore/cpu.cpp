// cpu on percore: two executors of a pool, a task for each chunk.
#include <primes.hpp>

#include <percore/executor_pool.hpp>
#include <vector>

namespace {

using percore::Task;

Task<std::uint64_t> one_chunk(std::uint64_t chunk) {
  co_return bench::primes_in(chunk);
}

Task<std::uint64_t> find_half(percore::Shard& shard) {
  std::uint64_t found = 0;
  for (std::size_t pass = 0; pass < bench::passes_a_round; ++pass) {
    std::vector<percore::JoinHandle<std::uint64_t>> handles;
    for (std::uint64_t chunk = shard.number(); chunk < bench::chunks; chunk += shard.count())
      handles.push_back(percore::spawn(one_chunk(chunk)));
    for (auto& handle : handles) found += co_await handle;
  }
  co_return found;
}

std::uint64_t one_round() {
  // Wherever this process may run: who measures decides that.
  percore::CpuSet anywhere;
  for (unsigned cpu = 0; cpu < percore::cpus_max; ++cpu) anywhere.add(cpu);
  percore::ExecutorPool<std::uint64_t> pool({anywhere, anywhere}, find_half);
  std::uint64_t found = 0;
  for (auto& outcome : pool.join()) found += outcome.value();
  return found;
}

}  // namespace

int main(int argument_count, char** arguments) {
  bench::measure_cpu(argument_count > 1 ? arguments[1] : "", one_round);
}
