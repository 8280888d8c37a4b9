#include <cstdint>
#include <exception>
#include <functional>
#include <percore/executor_pool.hpp>
#include <percore/placement.hpp>
#include <set>
#include <stdexcept>

using Item = std::function<std::uint64_t(std::uint64_t)>;

namespace {

// Every count()th item, from the shard's own number on. What the item refers to outlives the pool.
percore::Task<std::uint64_t> own_items(percore::Shard& shard, std::uint64_t items,
                                       const Item& item) {
  std::uint64_t sum = 0;
  for (std::uint64_t number = shard.number(); number < items; number += shard.count()) {
    sum += item(number);
    co_await percore::yield();
  }
  co_return sum;
}

std::size_t cores_of(const percore::Topology& map) {
  std::set<unsigned> cores;
  for (const percore::Cpu& cpu : map.cpus()) cores.insert(cpu.core);
  return cores.size();
}

}  // namespace

/// Adds up item(0) + ... + item(items - 1), with one executor on each core of the map.
/// item      called once for each number, on the executor of shard number % cores; may throw.
/// Throws    what an item has thrown, the one of the lowest shard where there are several, when all
///           executors have ended: each gives up its own items at its first exception, and no
///           other's.
std::uint64_t on_every_core(const percore::Topology& map, std::uint64_t items, const Item& item) {
  const auto places = place_spread(map, cores_of(map));
  if (!places) throw std::runtime_error(places.error());
  percore::ExecutorPool<std::uint64_t> pool(
      *places, [&item, items](percore::Shard& shard) { return own_items(shard, items, item); });
  std::uint64_t sum = 0;
  for (const auto& outcome : pool.join()) {
    if (!outcome.has_value()) std::rethrow_exception(outcome.error());
    sum += *outcome;
  }
  return sum;
}
