#pragma once

#include <concepts>
#include <expected>
#include <percore/cpu_set.hpp>
#include <span>
#include <string>

/// Contract of the module `topology`, version 1. Ours, never swapped.
///
/// Invariants (lesson 03):
///   M1  The map holds the CPUs that are online and that this thread may use, and no other: what
///       the machine has beyond them is nobody's to count on.
///   M2  CPUs that share a core, a last-level cache, a NUMA node or a package have that number in
///       common; CPUs that do not, differ in it.
///   M3  What a machine does not tell (a container without cache folders, a kernel without NUMA) is
///       filled in by what encloses it, and never makes reading fail.
namespace percore {

inline constexpr int topology_contract_version = 1;

/// What kind of core a CPU is a thread of, where a machine has several.
enum class CpuKind { performance, efficiency };

/// One hardware thread. All numbers but `id` are counted from 0 in the order of the lowest CPU that
/// has them, over the whole machine: two cores never share a number, as the kernel's core_id may.
struct Cpu {
  unsigned id;       ///< the kernel's number
  unsigned package;  ///< the chip
  unsigned node;     ///< the NUMA node: the memory that is near
  unsigned cache;    ///< who shares its last-level cache
  unsigned core;
  unsigned thread;  ///< which of its core's threads: 0, 1, ...; also where the others are missing
  CpuKind kind;

  bool operator==(const Cpu&) const = default;
};

/// Source   the kernel's Documentation/admin-guide/cputopology.rst and
///          Documentation/ABI/stable/sysfs-devices-system-cpu.
template <typename T>
concept TopologyContract = requires(const T const_topology, const std::string& root, CpuSet allowed,
                                    bool (*filter)(const Cpu&)) {
  // root      a folder laid out as /sys, or a recording of one (tools/record_topology).
  // allowed   the CPUs that may be used.
  // Errors    one sentence: what could not be read.
  { T::read(root, allowed) } -> std::same_as<std::expected<T, std::string>>;
  // This machine, and what sched_getaffinity(2) allows this thread.
  { T::of_this_machine() } -> std::same_as<std::expected<T, std::string>>;
  // The CPUs for which `filter` is true, with the numbers they have in the whole
  // map. May be empty.
  { const_topology.where(filter) } -> std::same_as<T>;
  // By id.
  { const_topology.cpus() } -> std::same_as<std::span<const Cpu>>;
};

// And beside the class, std::expected<CpuSet, std::string> allowed_cpus(): the CPUs on which the
// calling thread may run, or one sentence with the kernel's reason. Source: sched_getaffinity(2).

}  // namespace percore
