#pragma once

#include <map>
#include <percore/check_machine.hpp>
#include <percore/placement.hpp>
#include <set>

// What the checks of placements share: the machine as parts within parts, with what each was given.
namespace checks {

using namespace percore;
using namespace percore::check;

inline constexpr const char* the_request = "Lesson 03, *The request*";
inline constexpr const char* the_spread = "Lesson 03, *The spread*";
inline constexpr const char* the_pack = "Lesson 03, *The pack*";

inline const Cpu* find(const Topology& map, unsigned id) {
  for (const Cpu& cpu : map.cpus())
    if (cpu.id == id) return &cpu;
  return nullptr;
}

/// A1: as many sets as executors, each with CPUs of the map only.
inline std::vector<CpuSet> expect_places(const Topology& map, const Places& places,
                                         std::size_t count) {
  const std::string on = in_words(map);
  require(places.has_value(), "{} executors on {} were refused: {}", count, on,
          places ? "" : places.error());
  require(places->size() == count, "{} executors were asked for on {}, and {} got a place", count,
          on, places->size());
  for (std::size_t executor = 0; executor < count; ++executor) {
    const CpuSet& place = (*places)[executor];
    require(!place.empty(), "executor {} of {} on {} was given no CPU", executor, count, on);
    for (unsigned cpu = place.next(0); cpu != cpus_max; cpu = place.next(cpu + 1))
      require(find(map, cpu) != nullptr, "executor {} was given CPU {}, which {} does not have",
              executor, cpu, on);
  }
  return *places;
}

/// A2: one CPU each, and none twice. Returns them.
inline std::vector<Cpu> expect_one_each(const Topology& map, const Places& places,
                                        std::size_t count) {
  const std::string on = in_words(map);
  std::vector<Cpu> chosen;
  std::map<unsigned, std::size_t> taken;
  for (const CpuSet& place : expect_places(map, places, count)) {
    require(place.count() == 1, "executor {} of {} on {} was given {} CPUs, {}: pinned is one",
            chosen.size(), count, on, place.count(), place.to_list());
    const unsigned cpu = place.next(0);
    const bool first = taken.emplace(cpu, chosen.size()).second;
    require(first, "the executors {} and {} of {} on {} were both given CPU {}", taken[cpu],
            chosen.size(), count, on, cpu);
    chosen.push_back(*find(map, cpu));
  }
  return chosen;
}

/// A package, node, cache or core: what it has, and what was given.
struct Part {
  CpuSet cpus;
  std::set<unsigned> cores, cores_taken;
  std::size_t size = 0, executors = 0;

  [[nodiscard]] bool cores_full() const { return cores_taken.size() == cores.size(); }
  [[nodiscard]] bool shares_a_core() const { return executors > cores_taken.size(); }
};

/// The parts that lie side by side in one part of the level above.
struct Siblings {
  const char* name = "";  ///< "packages", ...
  std::vector<Part> parts;
};

inline std::vector<Siblings> parts_of(const Topology& map, const std::vector<Cpu>& chosen) {
  constexpr unsigned Cpu::* levels[] = {&Cpu::package, &Cpu::node, &Cpu::cache, &Cpu::core};
  constexpr const char* names[] = {"packages", "nodes", "caches", "cores"};
  std::map<std::vector<unsigned>, std::map<unsigned, Part>> tree;
  for (const Cpu& cpu : map.cpus()) {
    bool taken = false;
    for (const Cpu& other : chosen) taken = taken || other.id == cpu.id;
    std::vector<unsigned> path;
    for (const auto level : levels) {
      Part& part = tree[path][cpu.*level];
      part.cpus.add(cpu.id);
      part.cores.insert(cpu.core);
      ++part.size;
      if (taken) ++part.executors;
      if (taken) part.cores_taken.insert(cpu.core);
      path.push_back(cpu.*level);
    }
  }
  std::vector<Siblings> all;
  for (auto& [path, parts] : tree) {
    all.push_back({names[path.size()], {}});
    for (auto& [number, part] : parts) all.back().parts.push_back(std::move(part));
  }
  return all;
}

inline std::string ids_of(const std::vector<Cpu>& chosen) {
  CpuSet set;
  for (const Cpu& cpu : chosen) set.add(cpu.id);
  return set.to_list();
}

/// A3.
inline void expect_spread(const Topology& map, const std::vector<Cpu>& chosen) {
  const std::string what = std::to_string(chosen.size()) + " executors on " + in_words(map) +
                           " were given the CPUs " + ids_of(chosen);
  for (const Siblings& siblings : parts_of(map, chosen)) {
    const Part* shared = nullptr;
    const Part* free = nullptr;
    for (const Part& part : siblings.parts) {
      if (part.shares_a_core()) shared = &part;
      if (!part.cores_full()) free = &part;
    }
    require(shared == nullptr || free == nullptr,
            "{}: among {} two share a core, while another core has none", what,
            shared ? shared->cpus.to_list() : "");
    for (const Part& less : siblings.parts) {
      for (const Part& more : siblings.parts) {
        if (more.executors < less.executors + 2) continue;
        const bool no_core_left = less.cores_full() && !more.shares_a_core();
        require(less.executors == less.size || no_core_left,
                "{}: of the {}, {} has {} of them and {} has {}, and room for more", what,
                siblings.name, more.cpus.to_list(), more.executors, less.cpus.to_list(),
                less.executors);
      }
    }
  }
}

/// A4.
inline void expect_packed(const Topology& map, const std::vector<Cpu>& chosen) {
  const std::string on = in_words(map), ids = ids_of(chosen);
  for (const Siblings& siblings : parts_of(map, chosen)) {
    std::multiset<std::size_t, std::greater<>> sizes;
    std::size_t executors = 0, used = 0;
    for (const Part& part : siblings.parts) {
      sizes.insert(part.size);
      executors += part.executors;
      if (part.executors != 0) ++used;
    }
    std::size_t enough = 0, held = 0;
    for (const std::size_t size : sizes) {
      if (held >= executors) break;
      held += size;
      ++enough;
    }
    require(used == enough,
            "{} executors on {} were given the CPUs {}: {} of them lie in {} {}, and {} can hold "
            "them",
            chosen.size(), on, ids, executors, used, siblings.name, enough);
  }
}

/// A5.
inline void expect_too_few(const Topology& map, const Places& places, std::size_t count) {
  require(!places.has_value(), "{} executors got a CPU each on {}, which has {} CPUs", count,
          in_words(map), map.cpus().size());
  require(places.error().find(std::to_string(map.cpus().size())) != std::string::npos,
          "{} executors on {} were refused with \"{}\", which does not say how many CPUs there are",
          count, in_words(map), places.error());
}

}  // namespace checks
