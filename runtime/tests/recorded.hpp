#pragma once

#include <doctest/doctest.h>

#include <percore/topology.hpp>
#include <string>
#include <string_view>

namespace percore::test {

inline CpuSet list(std::string_view text) {
  return CpuSet::parse(text).value();
}

/// A machine as its /sys was recorded, seen by a process that may run on `allowed`.
inline Topology recorded(const std::string& name, std::string_view allowed = "0-8191") {
  const auto read =
      Topology::read(std::string(PERCORE_TOPOLOGIES) + "/" + name + ".sysfs", list(allowed));
  REQUIRE_MESSAGE(read.has_value(), (read ? "" : read.error()));
  return *read;
}

}  // namespace percore::test
