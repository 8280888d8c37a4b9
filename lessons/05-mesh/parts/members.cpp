#include "members.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>

#include <fmt/core.h>

namespace lesson {
namespace {

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "mesh: {}\n", why);
  std::exit(3);
}

percore::Topology this_machine() {
  auto map = percore::Topology::of_this_machine();
  if (!map) give_up(map.error());
  return *std::move(map);
}

}  // namespace

std::size_t members_of_this_machine() {
  return std::clamp(this_machine().cpus().size(), members_min, members_max);
}

const char* name_of(std::size_t members) {
  return members <= this_machine().cpus().size() ? "cores" : "members";
}

std::vector<percore::CpuSet> places_for(std::size_t members) {
  const percore::Topology map = this_machine();
  const percore::Places places = members <= map.cpus().size()
                                     ? percore::place_spread(map, members)
                                     : percore::place_unbound(map, members);
  if (!places) give_up(places.error());
  return *places;
}

}  // namespace lesson
