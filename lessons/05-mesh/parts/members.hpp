#pragma once

#include <percore/executor_pool.hpp>
#include <percore/placement.hpp>
#include <vector>

namespace lesson {

/// Where that many executors go: CPUs of this machine, the same ones again where there are fewer.
/// Ends the program with a sentence when the machine's map cannot be read.
std::vector<percore::CpuSet> places_for(std::size_t members);

/// Runs root(shard) on that many executors, to their ends. Returns how long that took.
template <typename Root>
percore::Time run_members(std::size_t members, Root root) {
  const percore::Time began = percore::now();
  percore::ExecutorPool<void> pool(places_for(members), root);
  for (const auto& outcome : pool.join())
    if (!outcome) std::rethrow_exception(outcome.error());
  return percore::now() - began;
}

}  // namespace lesson
