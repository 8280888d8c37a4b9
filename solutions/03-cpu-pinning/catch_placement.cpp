#include <algorithm>
#include <map>
#include <percore/check_machine.hpp>
#include <percore/placement.hpp>
#include <set>
#include <string>
#include <vector>

using percore::Cpu;
using percore::cpus_max;
using percore::CpuSet;
using percore::Places;
using percore::Topology;
using percore::check::any_machine;
using percore::check::in_words;
using percore::check::map_of;
using percore::check::require;

namespace {

std::vector<unsigned Cpu::*> levels() {
  return {&Cpu::package, &Cpu::node, &Cpu::cache, &Cpu::core};
}

const Cpu* find(const Topology& map, unsigned id) {
  for (const Cpu& cpu : map.cpus())
    if (cpu.id == id) return &cpu;
  return nullptr;
}

/// A1: as many sets as executors, none empty, with CPUs of the map only.
void expect_allowed(const Topology& map, const Places& places, std::size_t count) {
  require(places.has_value(), "{} executors were refused on {}", count, in_words(map));
  require(places->size() == count, "{} executors, {} places", count, places->size());
  for (const CpuSet& place : *places) {
    require(!place.empty(), "an executor got no CPU");
    for (unsigned cpu = place.next(0); cpu != cpus_max; cpu = place.next(cpu + 1))
      require(find(map, cpu) != nullptr, "CPU {} is not on {}", cpu, in_words(map));
  }
}

/// A2: one CPU each, none twice.
std::vector<Cpu> expect_pinned(const Topology& map, const Places& places, std::size_t count) {
  expect_allowed(map, places, count);
  std::vector<Cpu> chosen;
  std::set<unsigned> taken;
  for (const CpuSet& place : *places) {
    require(place.count() == 1, "an executor is pinned to {} CPUs", place.count());
    const bool first = taken.insert(place.next(0)).second;
    require(first, "CPU {} was given twice", place.next(0));
    chosen.push_back(*find(map, place.next(0)));
  }
  return chosen;
}

/// How many executors each part at a level has, also those that have none.
std::map<unsigned, std::size_t> shares(const Topology& map, const std::vector<Cpu>& chosen,
                                       unsigned Cpu::* level) {
  std::map<unsigned, std::size_t> counts;
  for (const Cpu& cpu : map.cpus()) counts[cpu.*level];
  for (const Cpu& cpu : chosen) ++counts[cpu.*level];
  return counts;
}

std::size_t any_count(percore::check::Run& run, const Topology& map) {
  return std::min<std::size_t>(run.size(1, 24), map.cpus().size());
}

}  // namespace

PERCORE_CHECK("", only_cpus_of_the_map, "A1", "each set holds CPUs of the map only",
              "Lesson 03, *The request*", .ring = false) {
  const percore::check::Machine machine = any_machine(run);
  const Topology map = map_of(machine, any_cpuset(run, machine));
  const std::size_t count = run.size(1, 5);
  expect_allowed(map, place_unbound(map, count), count);
  CpuSet own;
  own.add(map.cpus().front().id);
  expect_allowed(map, place_fenced(map, count, own), count);
  expect_pinned(map, place_fixed(map, own), 1);
  own.add(machine.cpus() + 3);
  require(!place_fenced(map, count, own).has_value(), "a fence beyond {} was taken", in_words(map));
  require(!place_fixed(map, own).has_value(), "a CPU beyond {} was taken", in_words(map));
}

PERCORE_CHECK("", spread_is_even, "A3", "the executors are shared out evenly at each level",
              "Lesson 03, *The spread*", .ring = false) {
  const Topology map = map_of(any_machine(run));
  const std::size_t count = any_count(run, map);
  const auto chosen = expect_pinned(map, place_spread(map, count), count);
  for (const auto level : levels()) {
    const auto counts = shares(map, chosen, level);
    const auto by_count = [](const auto& a, const auto& b) { return a.second < b.second; };
    const auto [least, most] = std::ranges::minmax_element(counts, by_count);
    require(most->second <= least->second + 1, "on {} one part has {} executors and another {}",
            in_words(map), most->second, least->second);
  }
}

PERCORE_CHECK("", pack_is_narrow, "A4", "the executors lie in as few parts as can hold them",
              "Lesson 03, *The pack*", .ring = false) {
  const Topology map = map_of(any_machine(run));
  const std::size_t count = any_count(run, map);
  const auto chosen = expect_pinned(map, place_pack(map, count), count);
  unsigned Cpu::* above = nullptr;
  for (const auto level : levels()) {
    const std::size_t size = map.cpus().size() / shares(map, {}, level).size();
    std::map<unsigned, std::set<unsigned>> used;
    std::map<unsigned, std::size_t> executors;
    for (const Cpu& cpu : chosen) {
      const unsigned parent = above == nullptr ? 0 : cpu.*above;
      used[parent].insert(cpu.*level);
      ++executors[parent];
    }
    for (const auto& [parent, parts] : used)
      require(parts.size() == (executors[parent] + size - 1) / size,
              "on {} {} executors lie in {} parts of {} CPUs", in_words(map), executors[parent],
              parts.size(), size);
    above = level;
  }
}

PERCORE_CHECK("", too_few_is_an_error, "A5", "nothing is given out twice to make it fit",
              "Lesson 03, *The spread*", .seeds = 50, .ring = false) {
  const Topology map = map_of(any_machine(run));
  const std::size_t count = map.cpus().size() + 1;
  require(!place_spread(map, count).has_value(), "{} executors on {}", count, in_words(map));
  require(!place_pack(map, count).has_value(), "{} executors on {}", count, in_words(map));
}
