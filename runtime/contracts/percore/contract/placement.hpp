#pragma once

#include <cstddef>
#include <expected>
#include <percore/topology.hpp>
#include <string>
#include <vector>

/// Contract of the module `placement`, version 1. Ours, never swapped.
///
/// Invariants (lesson 03):
///   A1  Each executor gets a set of CPUs that is not empty and holds only CPUs of the map. A CPU
///       that the map lacks is an error that names it and says which there are.
///   A2  Where executors are pinned (fixed, spread, pack) each set is one CPU, and no CPU is given
///       twice.
///   A3  Spread: at each level (package, node, cache, core) the executors are shared out evenly:
///       a part has two more than one beside it only where that one has no room. No core gets a
///       second executor while another core has none.
///   A4  Pack: the executors of the machine lie in as few packages as can hold them, those of a
///       package in as few of its nodes, those of a node in as few caches, those of a cache in as
///       few cores.
///   A5  Too few CPUs is an error that says how many there are. Nothing is given out twice to make
///       it fit.
namespace percore {

inline constexpr int placement_contract_version = 1;

/// Where each executor may run: one set for each, in their order.
using Places = std::expected<std::vector<CpuSet>, std::string>;

/// What the module must offer. All are pure: they look at nothing but their arguments.
///   place_unbound(topology, count)         each on any CPU of the map
///   place_fixed(topology, cpus)            one executor on each of these CPUs, ascending
///   place_fenced(topology, count, cpus)    each on any of these CPUs
///   place_spread(topology, count)          as far apart as can be: the most cache and memory
///                                          bandwidth for each
///   place_pack(topology, count)            as close together as can be: the cheapest messages
///   place_custom(topology, sets)           these sets, looked over
/// Topology::where() gives the map of a part of the machine, such as one node, to place within.

}  // namespace percore
