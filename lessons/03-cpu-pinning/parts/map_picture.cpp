// Draws a machine's map with letters.
#include "map_picture.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include <fmt/core.h>

namespace lesson {
namespace {

using percore::Cpu;
using percore::CpuKind;

constexpr std::size_t cores_a_line = 8;
constexpr int label_width = 12;

std::vector<std::vector<Cpu>> groups_of(const std::vector<Cpu>& cpus, unsigned Cpu::* level) {
  std::map<unsigned, std::vector<Cpu>> groups;
  for (const Cpu& cpu : cpus) groups[cpu.*level].push_back(cpu);
  std::vector<std::vector<Cpu>> out;
  for (auto& [number, group] : groups) out.push_back(std::move(group));
  return out;
}

std::string mark_of(const std::map<unsigned, std::string>& marks, unsigned cpu) {
  const auto found = marks.find(cpu);
  return found == marks.end() ? "" : found->second;
}

// One core, with its CPUs' numbers or with the marks below them.
std::string cell(const std::vector<Cpu>& core, const std::map<unsigned, std::string>* marks) {
  const bool slow = core.front().kind == CpuKind::efficiency;
  std::string text;
  for (const Cpu& cpu : core)
    text += fmt::format("{:>4}", marks ? mark_of(*marks, cpu.id) : std::to_string(cpu.id));
  if (marks != nullptr) return " " + text + " ";
  return (slow ? "(" : "[") + text + (slow ? ")" : "]");
}

std::string line(const std::string& label, const std::vector<std::vector<Cpu>>& cores,
                 std::size_t first, const std::map<unsigned, std::string>* marks) {
  std::string text = fmt::format("  {:<{}}", label, label_width);
  for (std::size_t core = first; core < std::min(first + cores_a_line, cores.size()); ++core)
    text += cell(cores[core], marks);
  text.erase(text.find_last_not_of(' ') + 1);
  return text + "\n";
}

std::string counted(std::size_t count, const char* one, const char* many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

}  // namespace

std::string picture_of(const percore::Topology& map, const std::map<unsigned, std::string>& marks) {
  std::string text;
  const std::vector<Cpu> all(map.cpus().begin(), map.cpus().end());
  for (const auto& package : groups_of(all, &Cpu::package)) {
    for (const auto& node : groups_of(package, &Cpu::node)) {
      text += fmt::format("package {}, node {}\n", node.front().package, node.front().node);
      for (const auto& cache : groups_of(node, &Cpu::cache)) {
        const auto cores = groups_of(cache, &Cpu::core);
        for (std::size_t first = 0; first < cores.size(); first += cores_a_line) {
          const std::string label = first == 0 ? fmt::format("cache {}", cache.front().cache) : "";
          text += line(label, cores, first, nullptr);
          const std::string below = line("", cores, first, &marks);
          if (below.find('e') != below.npos) text += below;
        }
      }
    }
  }
  return text;
}

std::string counts_of(const percore::Topology& map) {
  const auto different = [&map](unsigned Cpu::* level) {
    std::set<unsigned> seen;
    for (const Cpu& cpu : map.cpus()) seen.insert(cpu.*level);
    return seen.size();
  };
  return fmt::format("{}, {}, {}, {}, {}", counted(map.cpus().size(), "CPU", "CPUs"),
                     counted(different(&Cpu::core), "core", "cores"),
                     counted(different(&Cpu::cache), "last-level cache", "last-level caches"),
                     counted(different(&Cpu::node), "node", "nodes"),
                     counted(different(&Cpu::package), "package", "packages"));
}

}  // namespace lesson
