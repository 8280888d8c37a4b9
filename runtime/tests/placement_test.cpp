#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <ostream>
#include <percore/placement.hpp>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "recorded.hpp"

using namespace percore;
using percore::test::list;
using percore::test::recorded;

namespace {

std::vector<Cpu> chosen(const Topology& topology, const Places& places) {
  REQUIRE_MESSAGE(places.has_value(), (places ? "" : places.error()));
  std::vector<Cpu> cpus;
  std::set<unsigned> seen;
  for (const CpuSet& place : *places) {
    REQUIRE(place.count() == 1);
    CHECK(seen.insert(place.next(0)).second);
    const auto found = std::ranges::find(topology.cpus(), place.next(0), &Cpu::id);
    REQUIRE(found != topology.cpus().end());
    cpus.push_back(*found);
  }
  return cpus;
}

std::size_t different(const std::vector<Cpu>& cpus, unsigned Cpu::* what) {
  std::set<unsigned> seen;
  for (const Cpu& cpu : cpus) seen.insert(cpu.*what);
  return seen.size();
}

// The most and the fewest executors in any group of the whole map.
std::size_t unevenness(const Topology& topology, const std::vector<Cpu>& cpus,
                       unsigned Cpu::* what) {
  std::map<unsigned, std::size_t> used;
  for (const Cpu& cpu : topology.cpus()) used[cpu.*what];
  for (const Cpu& cpu : cpus) ++used[cpu.*what];
  std::size_t least = cpus.size(), most = 0;
  for (const auto& [group, count] : used) {
    least = std::min(least, count);
    most = std::max(most, count);
  }
  return most - least;
}

// A part of the machine: what there is, and what was given.
struct Part {
  std::set<unsigned> cores, cores_taken;
  std::size_t cpus = 0, executors = 0;
};

// The parts of each level that lie in one part of the level above.
using Siblings = std::vector<std::map<unsigned, Part>>;

Siblings tree_of(const Topology& topology, const std::vector<Cpu>& given) {
  const std::vector<unsigned Cpu::*> levels{&Cpu::package, &Cpu::node, &Cpu::cache, &Cpu::core};
  std::map<std::vector<unsigned>, std::map<unsigned, Part>> parts;
  for (const Cpu& cpu : topology.cpus()) {
    const bool taken = std::ranges::find(given, cpu.id, &Cpu::id) != given.end();
    std::vector<unsigned> path;
    for (const auto level : levels) {
      Part& part = parts[path][cpu.*level];
      ++part.cpus;
      part.cores.insert(cpu.core);
      if (taken) ++part.executors;
      if (taken) part.cores_taken.insert(cpu.core);
      path.push_back(cpu.*level);
    }
  }
  Siblings siblings;
  for (auto& [path, beside] : parts) siblings.push_back(std::move(beside));
  return siblings;
}

bool even_at_each_level(const Siblings& tree) {
  bool core_free = false, core_shared = false;
  for (const auto& beside : tree) {
    for (const auto& [number, less] : beside) {
      core_free = core_free || less.cores_taken.size() < less.cores.size();
      core_shared = core_shared || less.cores_taken.size() < less.executors;
      for (const auto& [other, more] : beside) {
        if (more.executors < less.executors + 2) continue;
        const bool cores_full = less.cores_taken.size() == less.cores.size() &&
                                more.cores_taken.size() == more.executors;
        if (less.executors < less.cpus && !cores_full) return false;
      }
    }
  }
  return !(core_free && core_shared);
}

bool few_at_each_level(const Siblings& tree) {
  for (const auto& beside : tree) {
    std::vector<std::size_t> sizes;
    std::size_t executors = 0, used = 0;
    for (const auto& [number, part] : beside) {
      sizes.push_back(part.cpus);
      executors += part.executors;
      used += part.executors != 0;
    }
    std::ranges::sort(sizes, std::greater<>());
    std::size_t enough = 0, held = 0;
    while (held < executors) held += sizes[enough++];
    if (used != enough) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("spread shares executors out at each level, whole cores first") {
  const Topology server = recorded("server");
  for (std::size_t count = 1; count <= 32; ++count) {
    const auto cpus = chosen(server, place_spread(server, count));
    REQUIRE(cpus.size() == count);
    CHECK(unevenness(server, cpus, &Cpu::package) <= 1);
    CHECK(unevenness(server, cpus, &Cpu::cache) <= 1);
    CHECK(unevenness(server, cpus, &Cpu::core) <= 1);
    CHECK(different(cpus, &Cpu::core) == std::min<std::size_t>(count, 16));
  }
}

TEST_CASE("pack takes as few packages, caches and cores as can hold the executors") {
  const Topology server = recorded("server");
  for (std::size_t count = 1; count <= 32; ++count) {
    const auto cpus = chosen(server, place_pack(server, count));
    REQUIRE(cpus.size() == count);
    CHECK(different(cpus, &Cpu::package) == (count + 15) / 16);
    CHECK(different(cpus, &Cpu::cache) == (count + 7) / 8);
    CHECK(different(cpus, &Cpu::core) == (count + 1) / 2);
  }
}

#if PERCORE_ALL_OURS  // more than the contract asks: what is left over stays in one piece
TEST_CASE("pack takes the smallest place that holds all") {
  // Eight CPUs are allowed on the first cache, two on another one.
  const Topology uneven = recorded("server", "0-3,16-19,4,20");
  const auto two = chosen(uneven, place_pack(uneven, 2));
  CHECK(two[0].id == 4);
  CHECK(two[1].id == 20);
  const auto three = chosen(uneven, place_pack(uneven, 3));
  CHECK(different(three, &Cpu::cache) == 1);
}
#endif

TEST_CASE("A3 and A4 hold for any cpuset on any of the recorded machines") {
  std::mt19937 random(7);
  for (const char* name : {"laptop", "server", "hybrid", "container"}) {
    for (int round = 0; round < 60; ++round) {
      const Topology whole = recorded(name);
      const auto percent = 20 + random() % 80;
      CpuSet some;
      for (const Cpu& cpu : whole.cpus())
        if (random() % 100 < percent) some.add(cpu.id);
      if (some.empty()) continue;
      const Topology map = recorded(name, some.to_list());
      const std::size_t count = 1 + random() % map.cpus().size();
      INFO(name, ", CPUs ", some.to_list(), ", executors ", count);
      const auto spread = chosen(map, place_spread(map, count));
      const auto packed = chosen(map, place_pack(map, count));
      REQUIRE(spread.size() == count);
      REQUIRE(packed.size() == count);
      CHECK(even_at_each_level(tree_of(map, spread)));
      CHECK(few_at_each_level(tree_of(map, packed)));
    }
  }
}

TEST_CASE("spread over an uneven machine follows what each part has") {
  const Topology hybrid = recorded("hybrid");
  const auto twelve = chosen(hybrid, place_spread(hybrid, 12));
  CHECK(different(twelve, &Cpu::core) == 12);
  const auto all = chosen(hybrid, place_spread(hybrid, 16));
  CHECK(all.size() == 16);
  // Two CPUs are allowed in one package, twelve in the other: six executors are three each only as
  // far as there is room.
  const Topology uneven = recorded("server", "0-7,16-19,8-9");
  const auto six = chosen(uneven, place_spread(uneven, 6));
  CHECK(std::ranges::count(six, 1u, &Cpu::package) == 2);
  const auto four = chosen(uneven, place_spread(uneven, 4));
  CHECK(std::ranges::count(four, 1u, &Cpu::package) == 2);
}

TEST_CASE("placement within a part of the machine") {
  const Topology server = recorded("server");
  const Topology second = server.where([](const Cpu& cpu) { return cpu.node == 1; });
  CHECK(second.cpus().size() == 16);
  const auto cpus = chosen(second, place_spread(second, 4));
  CHECK(different(cpus, &Cpu::node) == 1);
  CHECK(different(cpus, &Cpu::cache) == 2);
  const Topology package = server.where([](const Cpu& cpu) { return cpu.package == 1; });
  CHECK(chosen(package, place_pack(package, 16)).front().id >= 8);
  CHECK_FALSE(place_pack(package, 17).has_value());
  const Topology cache = server.where([](const Cpu& cpu) { return cpu.cache == 3; });
  CHECK(different(chosen(cache, place_spread(cache, 4)), &Cpu::core) == 4);
  CHECK(place_unbound(cache, 1)->front() == list("12-15,28-31"));
  const Topology fast =
      recorded("hybrid").where([](const Cpu& cpu) { return cpu.kind == CpuKind::performance; });
  CHECK(chosen(fast, place_spread(fast, 4)).size() == 4);
  CHECK_FALSE(place_spread(fast, 9).has_value());
}

TEST_CASE("fixed, fenced, unbound and custom") {
  const Topology laptop = recorded("laptop");
  const auto fixed = chosen(laptop, place_fixed(laptop, list("5,1-2")));
  REQUIRE(fixed.size() == 3);
  CHECK(fixed[0].id == 1);
  CHECK(fixed[2].id == 5);
  const auto fenced = place_fenced(laptop, 3, list("2-3"));
  REQUIRE(fenced.has_value());
  CHECK(*fenced == std::vector<CpuSet>(3, list("2-3")));
  const auto unbound = place_unbound(laptop, 20);
  REQUIRE(unbound.has_value());
  CHECK(unbound->size() == 20);
  CHECK(unbound->front() == list("0-7"));
  const std::vector<CpuSet> sets{list("0,4"), list("1")};
  CHECK(place_custom(laptop, sets) == sets);
}

TEST_CASE("what cannot be placed is told in a sentence with the numbers") {
  const Topology laptop = recorded("laptop");
  // What the contract asks to be told, and how our own module words it.
  const auto says = [](const Places& places, const char* facts, const char* words) {
    REQUIRE_FALSE(places.has_value());
    CHECK_MESSAGE(places.error().find(facts) != std::string::npos, places.error());
    if (PERCORE_ALL_OURS)
      CHECK_MESSAGE(places.error().find(words) != std::string::npos, places.error());
  };
  says(place_spread(laptop, 9), "8", "has 8 CPUs");
  says(place_pack(laptop, 9), "8", "9 executors");
  says(place_fixed(laptop, list("7-9")), "8", "CPU 8-9");
  says(place_fenced(laptop, 1, list("64")), "64", "CPU 64");
  says(place_fenced(laptop, 1, CpuSet()), "", "no CPU");
  says(place_custom(laptop, {list("1"), CpuSet()}), "", "executor 1");
  says(place_custom(laptop, {list("100")}), "0-7", "usable ones are 0-7");
  CHECK(place_spread(laptop, 0)->empty());
}
