#pragma once

#include <percore/executor_pool.hpp>
#include <percore/placement.hpp>
#include <vector>

namespace lesson {

inline constexpr std::size_t members_min = 2;
inline constexpr std::size_t members_max = 64;

/// As many as there are CPUs that this program may use, within the limits above.
/// Ends the program with a sentence when the machine's map cannot be read, as do the next two.
std::size_t members_of_this_machine();

/// What so many members are: "cores" where each has a CPU of its own, else "members".
const char* name_of(std::size_t members);

/// Where that many executors go: each is pinned to a CPU of its own, far from the others; where
/// there are more of them than CPUs, each may run on all.
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
