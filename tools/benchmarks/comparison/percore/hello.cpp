// Hello from an executor on each core that the process may use.
#include <cstdio>
#include <percore/executor_pool.hpp>
#include <percore/placement.hpp>

percore::Task<> hello(percore::Shard& shard) {
  std::printf("Hello from executor %zu of %zu\n", shard.number(), shard.count());
  co_return;
}

int main() {
  const auto machine = percore::Topology::of_this_machine();
  if (!machine) return 1;
  const auto places = place_spread(*machine, machine->cpus().size());
  if (!places) return 1;
  percore::ExecutorPool<void>(*places, hello).join();
}
