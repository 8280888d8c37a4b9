#pragma once

#include <map>
#include <percore/topology.hpp>
#include <string>

namespace lesson {

/// The map as text: a line for each cache, [ ] around a core's CPUs, ( ) around an efficiency core.
/// marks   what stands below a CPU, by its number; without marks the lines for them are left out.
std::string picture_of(const percore::Topology& map,
                       const std::map<unsigned, std::string>& marks = {});

/// "8 CPUs, 4 cores, 1 last-level cache, 1 node, 1 package".
std::string counts_of(const percore::Topology& map);

}  // namespace lesson
