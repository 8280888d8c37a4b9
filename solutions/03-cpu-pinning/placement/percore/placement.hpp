#pragma once

#include <percore/contract/placement.hpp>

namespace percore {

/// See contract/placement.hpp, as for all in this file.
/// Throws   std::bad_alloc. Thread   any.
Places place_unbound(const Topology& topology, std::size_t count);
Places place_fixed(const Topology& topology, const CpuSet& cpus);
Places place_fenced(const Topology& topology, std::size_t count, const CpuSet& cpus);
Places place_spread(const Topology& topology, std::size_t count);
Places place_pack(const Topology& topology, std::size_t count);
Places place_custom(const Topology& topology, const std::vector<CpuSet>& sets);

}  // namespace percore
