#include <percore/placement.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <tuple>
#include <utility>

namespace percore {
namespace {

// The levels of a machine, outermost first; the last one tells all CPUs apart.
constexpr std::array levels{&Cpu::package, &Cpu::node, &Cpu::cache, &Cpu::core, &Cpu::id};

CpuSet all_cpus(const Topology& topology) {
  CpuSet all;
  for (const Cpu& cpu : topology.cpus()) all.add(cpu.id);
  return all;
}

std::string counted(std::size_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::unexpected<std::string> too_few(std::size_t wanted, std::size_t there) {
  return std::unexpected(
      counted(wanted, "executor", "executors") + " cannot have a CPU each: this placement has " +
      counted(there, "CPU", "CPUs") + "; ask for fewer, or let them share (unbound, fenced)");
}

// The CPUs of `cpus` that the map lacks.
std::string missing(const Topology& topology, const CpuSet& cpus) {
  CpuSet lacking = cpus;
  for (const Cpu& cpu : topology.cpus()) lacking.remove(cpu.id);
  return lacking.to_list();
}

std::unexpected<std::string> not_there(const std::string& list, const Topology& topology) {
  return std::unexpected("CPU " + list + " cannot be used here: the usable ones are " +
                         all_cpus(topology).to_list());
}

// Splits CPUs into those of each package, node, ...: in the order of their lowest CPU.
std::vector<std::vector<Cpu>> split(std::span<const Cpu> cpus, unsigned Cpu::* level) {
  std::vector<std::vector<Cpu>> groups;
  for (const Cpu& cpu : cpus) {
    const auto group = std::ranges::find_if(
        groups, [&](const std::vector<Cpu>& other) { return other.front().*level == cpu.*level; });
    if (group == groups.end()) {
      groups.push_back({cpu});
    } else {
      group->push_back(cpu);
    }
  }
  return groups;
}

std::size_t cores_of(std::span<const Cpu> cpus) {
  return split(cpus, &Cpu::core).size();
}

void append(std::vector<Cpu>& to, const std::vector<Cpu>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

// How many of `count` executors each group gets. One after the other goes to the group that has
// fewest: of those with a free core, or, when no core is free, of those with a free CPU.
std::vector<std::size_t> share_out(const std::vector<std::vector<Cpu>>& groups, std::size_t count) {
  std::vector<std::size_t> cores;
  for (const auto& group : groups) cores.push_back(cores_of(group));
  std::vector<std::size_t> given(groups.size(), 0);
  const auto rank = [&](std::size_t group) {
    return std::tuple(given[group] == groups[group].size(), given[group] >= cores[group],
                      given[group]);
  };
  for (; count != 0; --count) {
    std::size_t best = 0;
    for (std::size_t group = 1; group < groups.size(); ++group)
      if (rank(group) < rank(best)) best = group;
    ++given[best];
  }
  return given;
}

// `count` CPUs, as far from one another as can be.
std::vector<Cpu> spread(std::span<const Cpu> cpus, std::size_t count, std::size_t level) {
  if (level == levels.size()) return {cpus.front()};
  const auto groups = split(cpus, levels[level]);
  const auto given = share_out(groups, count);
  std::vector<Cpu> chosen;
  for (std::size_t group = 0; group < groups.size(); ++group)
    if (given[group] != 0) append(chosen, spread(groups[group], given[group], level + 1));
  return chosen;
}

// `count` CPUs in as few groups as can hold them: in the smallest that holds all; where none does,
// the largest is filled and the rest goes to the others.
std::vector<Cpu> pack(std::span<const Cpu> cpus, std::size_t count, std::size_t level) {
  if (level == levels.size()) return {cpus.front()};
  auto groups = split(cpus, levels[level]);
  std::vector<Cpu> chosen;
  while (count != 0) {
    const auto better = [&](const std::vector<Cpu>& a, const std::vector<Cpu>& b) {
      const bool a_holds = a.size() >= count, b_holds = b.size() >= count;
      if (a_holds != b_holds) return a_holds;
      return a_holds ? a.size() < b.size() : a.size() > b.size();
    };
    std::size_t best = 0;
    for (std::size_t group = 1; group < groups.size(); ++group)
      if (better(groups[group], groups[best])) best = group;
    const std::size_t here = std::min(count, groups[best].size());
    append(chosen, pack(groups[best], here, level + 1));
    count -= here;
    groups.erase(groups.begin() + static_cast<std::ptrdiff_t>(best));
  }
  return chosen;
}

using Choose = std::vector<Cpu> (*)(std::span<const Cpu>, std::size_t, std::size_t);

Places one_cpu_each(const Topology& topology, std::size_t count, Choose choose) {
  const std::size_t there = std::min(count, topology.cpus().size());
  std::vector<CpuSet> places;
  if (count == 0) return places;
  for (const Cpu& cpu : choose(topology.cpus(), there, 0)) {
    places.emplace_back();
    places.back().add(cpu.id);
  }
  while (places.size() < count) places.push_back(places[places.size() - there]);
  return places;
}

}  // namespace

Places place_unbound(const Topology& topology, std::size_t count) {
  return place_fenced(topology, count, all_cpus(topology));
}

Places place_fixed(const Topology& topology, const CpuSet& cpus) {
  if (const std::string lacking = missing(topology, cpus); !lacking.empty())
    return not_there(lacking, topology);
  std::vector<CpuSet> places;
  for (unsigned cpu = cpus.next(0); cpu != cpus_max; cpu = cpus.next(cpu + 1)) {
    places.emplace_back();
    places.back().add(cpu);
  }
  return places;
}

Places place_fenced(const Topology& topology, std::size_t count, const CpuSet& cpus) {
  if (const std::string lacking = missing(topology, cpus); !lacking.empty())
    return not_there(lacking, topology);
  if (cpus.empty() && count != 0)
    return std::unexpected("the fence holds no CPU: name at least one");
  return std::vector<CpuSet>(count, cpus);
}

Places place_spread(const Topology& topology, std::size_t count) {
  return one_cpu_each(topology, count, spread);
}

Places place_pack(const Topology& topology, std::size_t count) {
  return one_cpu_each(topology, count, pack);
}

Places place_custom(const Topology& topology, const std::vector<CpuSet>& sets) {
  for (std::size_t executor = 0; executor < sets.size(); ++executor) {
    if (sets[executor].empty()) {
      return std::unexpected("executor " + std::to_string(executor) +
                             " is given no CPU: name at least one");
    }
    if (const std::string lacking = missing(topology, sets[executor]); !lacking.empty())
      return not_there(lacking, topology);
  }
  return sets;
}

}  // namespace percore
