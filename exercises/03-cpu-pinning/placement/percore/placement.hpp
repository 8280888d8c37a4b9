#pragma once

#include <percore/contract/placement.hpp>

namespace percore {

/// Where executors go on a machine. The contract, <percore/contract/placement.hpp>, has the
/// invariants A1 to A5: keep it open beside this file. You need not change this header; the bodies
/// are in placement.cpp.
/// Throws   std::bad_alloc. Thread   any.

// Step "given": the caller says where.
Places place_unbound(const Topology& topology, std::size_t count);
Places place_fixed(const Topology& topology, const CpuSet& cpus);
Places place_fenced(const Topology& topology, std::size_t count, const CpuSet& cpus);
Places place_custom(const Topology& topology, const std::vector<CpuSet>& sets);

// Step "spread": as far apart as can be.
Places place_spread(const Topology& topology, std::size_t count);

// Step "pack": as close together as can be.
Places place_pack(const Topology& topology, std::size_t count);

}  // namespace percore
