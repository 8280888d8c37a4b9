#include "members.hpp"

#include <cstdlib>

#include <fmt/core.h>

namespace lesson {

std::vector<percore::CpuSet> places_for(std::size_t members) {
  const auto map = percore::Topology::of_this_machine();
  const auto places =
      map ? percore::place_unbound(*map, members) : percore::Places(std::unexpected(map.error()));
  if (places) return *places;
  fmt::print(stderr, "mesh: {}\n", places.error());
  std::exit(3);
}

}  // namespace lesson
