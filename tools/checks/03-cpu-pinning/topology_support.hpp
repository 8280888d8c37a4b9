#pragma once

#include <map>
#include <percore/check_machine.hpp>

// What the checks of topology share: the map that a made-up machine must have.
namespace checks {

using namespace percore;
using namespace percore::check;

inline constexpr const char* the_cores = "Lesson 03, *The cores*";
inline constexpr const char* the_memory = "Lesson 03, *The caches and the memory*";
inline constexpr const char* the_allowed = "Lesson 03, *What is allowed*";

/// The right map: numbers in the order of the lowest CPU that has them.
inline std::vector<Cpu> right_map(const Machine& machine, const CpuSet& allowed) {
  std::map<unsigned, std::pair<unsigned, unsigned>> place;  // CPU -> core, thread
  for (unsigned core = 0; core < machine.all_cores(); ++core)
    for (unsigned thread = 0; thread < machine.threads; ++thread)
      place[machine.cpu(core, thread)] = {core, thread};
  std::map<unsigned, unsigned> packages, nodes, caches, cores;
  const auto number = [](std::map<unsigned, unsigned>& numbers, unsigned group) {
    return numbers.emplace(group, static_cast<unsigned>(numbers.size())).first->second;
  };
  std::vector<Cpu> right;
  for (const auto& [id, where] : place) {
    if (!allowed.contains(id)) continue;
    const auto [core, thread] = where;
    const unsigned cache = core / machine.cores, node = cache / machine.caches;
    right.push_back({.id = id,
                     .package = number(packages, node / machine.nodes),
                     .node = number(nodes, node),
                     .cache = number(caches, cache),
                     .core = number(cores, core),
                     .thread = thread,
                     .kind = CpuKind::performance});
  }
  return right;
}

/// A recording without the lines that have `part` in them.
inline std::string without(const std::string& recording, std::string_view part) {
  std::string kept;
  for (std::size_t from = 0; from < recording.size();) {
    const std::size_t to = recording.find('\n', from) + 1;
    const std::string_view line(recording.data() + from, to - from);
    if (line.find(part) == line.npos) kept += line;
    from = to;
  }
  return kept;
}

inline Topology read(const std::string& recording, const CpuSet& allowed) {
  const RecordedSys sys(recording);
  auto map = Topology::read(sys.path(), allowed);
  if (!map) fail("a machine that is all right was refused: {}", map.error());
  return std::move(*map);
}

struct Field {
  const char* name;
  unsigned Cpu::* number;
};

/// Compares some numbers of each CPU. `why` says how they are found.
inline void expect_same(const Topology& map, const std::vector<Cpu>& right,
                        std::initializer_list<Field> fields, const char* why) {
  const std::string machine = in_words(right);
  for (std::size_t i = 0; i < right.size(); ++i) {
    require(i < map.cpus().size(), "{} has {} CPUs, and the map has {}", machine, right.size(),
            map.cpus().size());
    const Cpu& cpu = map.cpus()[i];
    require(cpu.id == right[i].id,
            "on {} CPU {} is number {} in the map, and CPU {} stands there: "
            "online and allowed, ascending",
            machine, right[i].id, i, cpu.id);
    for (const Field& field : fields)
      require(cpu.*field.number == right[i].*field.number,
              "on {} CPU {} has the {} {}, and the map says {}: {}", machine, cpu.id, field.name,
              right[i].*field.number, cpu.*field.number, why);
  }
  require(map.cpus().size() == right.size(), "{} has {} CPUs, and the map has {}", machine,
          right.size(), map.cpus().size());
}

}  // namespace checks
