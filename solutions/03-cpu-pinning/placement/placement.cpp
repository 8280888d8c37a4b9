#include <percore/placement.hpp>

#include <algorithm>
#include <set>
#include <utility>

namespace percore {
namespace {

// ------------------------------------------------------------------------ given

std::string list_of(const Topology& topology) {
  CpuSet all;
  for (const Cpu& cpu : topology.cpus()) all.add(cpu.id);
  return all.to_list();
}

bool has(const Topology& topology, unsigned id) {
  for (const Cpu& cpu : topology.cpus())
    if (cpu.id == id) return true;
  return false;
}

// What is wrong with a set of CPUs, or nothing.
std::string problem_of(const Topology& topology, const CpuSet& cpus) {
  if (cpus.empty()) return "an executor would have no CPU: name at least one";
  for (unsigned cpu = cpus.next(0); cpu != cpus_max; cpu = cpus.next(cpu + 1)) {
    if (!has(topology, cpu)) {
      return "CPU " + std::to_string(cpu) + " cannot be used here: the usable ones are " +
             list_of(topology);
    }
  }
  return "";
}

CpuSet only(unsigned cpu) {
  CpuSet set;
  set.add(cpu);
  return set;
}

// ------------------------------------------------------------------------ spread and pack

using Cpus = std::vector<Cpu>;

constexpr unsigned Cpu::* levels[] = {&Cpu::package, &Cpu::node, &Cpu::cache, &Cpu::core, &Cpu::id};
constexpr std::size_t level_count = std::size(levels);

// The CPUs of each package, or node, or cache, ...
std::vector<Cpus> split(const Cpus& cpus, unsigned Cpu::* level) {
  std::vector<Cpus> parts;
  std::vector<unsigned> numbers;
  for (const Cpu& cpu : cpus) {
    std::size_t part = 0;
    while (part < numbers.size() && numbers[part] != cpu.*level) ++part;
    if (part == numbers.size()) {
      numbers.push_back(cpu.*level);
      parts.emplace_back();
    }
    parts[part].push_back(cpu);
  }
  return parts;
}

std::size_t cores_of(const Cpus& cpus) {
  std::set<unsigned> cores;
  for (const Cpu& cpu : cpus) cores.insert(cpu.core);
  return cores.size();
}

// The part that gets the next executor: first those with a free core, then those with a free CPU;
// of these the one that has fewest.
std::size_t emptiest(const std::vector<Cpus>& parts, const std::vector<std::size_t>& given) {
  for (const bool cores : {true, false}) {
    std::size_t best = parts.size();
    for (std::size_t part = 0; part < parts.size(); ++part) {
      const std::size_t room = cores ? cores_of(parts[part]) : parts[part].size();
      if (given[part] >= room) continue;
      if (best == parts.size() || given[part] < given[best]) best = part;
    }
    if (best != parts.size()) return best;
  }
  return 0;  // never: there are as many CPUs as executors
}

// How many of `count` executors each part gets.
using Share = std::vector<std::size_t> (*)(const std::vector<Cpus>& parts, std::size_t count);

std::vector<std::size_t> share_evenly(const std::vector<Cpus>& parts, std::size_t count) {
  std::vector<std::size_t> given(parts.size(), 0);
  for (; count != 0; --count) ++given[emptiest(parts, given)];
  return given;
}

// All into the smallest part that holds them; when there is none, the largest is filled first.
std::vector<std::size_t> share_narrowly(const std::vector<Cpus>& parts, std::size_t count) {
  std::vector<std::size_t> given(parts.size(), 0);
  while (count != 0) {
    std::size_t best = parts.size();
    for (std::size_t part = 0; part < parts.size(); ++part) {
      if (given[part] != 0) continue;
      if (best == parts.size()) {
        best = part;
        continue;
      }
      const std::size_t here = parts[part].size(), there = parts[best].size();
      if (there >= count ? here >= count && here < there : here > there) best = part;
    }
    given[best] = std::min(count, parts[best].size());
    count -= given[best];
  }
  return given;
}

// One CPU for each of `count` executors, which are shared out level by level.
void choose(const Cpus& cpus, std::size_t count, std::size_t level, Share share,
            std::vector<CpuSet>& places) {
  if (count == 0) return;
  if (level == level_count) {
    places.push_back(only(cpus.front().id));
    return;
  }
  const std::vector<Cpus> parts = split(cpus, levels[level]);
  const std::vector<std::size_t> given = share(parts, count);
  for (std::size_t part = 0; part < parts.size(); ++part)
    choose(parts[part], given[part], level + 1, share, places);
}

Places one_cpu_each(const Topology& topology, std::size_t count, Share share) {
  const Cpus cpus(topology.cpus().begin(), topology.cpus().end());
  if (count > cpus.size()) {
    return std::unexpected(std::to_string(count) + " executors cannot have a CPU each: there are " +
                           std::to_string(cpus.size()) + " CPUs");
  }
  std::vector<CpuSet> places;
  choose(cpus, count, 0, share, places);
  return places;
}

}  // namespace

Places place_unbound(const Topology& topology, std::size_t count) {
  CpuSet all;
  for (const Cpu& cpu : topology.cpus()) all.add(cpu.id);
  return place_fenced(topology, count, all);
}

Places place_fixed(const Topology& topology, const CpuSet& cpus) {
  std::vector<CpuSet> places;
  for (unsigned cpu = cpus.next(0); cpu != cpus_max; cpu = cpus.next(cpu + 1))
    places.push_back(only(cpu));
  return place_custom(topology, places);
}

Places place_fenced(const Topology& topology, std::size_t count, const CpuSet& cpus) {
  return place_custom(topology, std::vector<CpuSet>(count, cpus));
}

Places place_custom(const Topology& topology, const std::vector<CpuSet>& sets) {
  for (const CpuSet& set : sets)
    if (std::string problem = problem_of(topology, set); !problem.empty())
      return std::unexpected(std::move(problem));
  return sets;
}

Places place_spread(const Topology& topology, std::size_t count) {
  return one_cpu_each(topology, count, share_evenly);
}

Places place_pack(const Topology& topology, std::size_t count) {
  return one_cpu_each(topology, count, share_narrowly);
}

}  // namespace percore
