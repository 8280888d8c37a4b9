// Lesson 03's map: shows a machine, this one or a recorded one, and where executors would go on it.
#include <command_line.hpp>
#include <filesystem>
#include <map>
#include <percore/placement.hpp>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "parts/map_picture.hpp"
#include "parts/map_sabotage.hpp"

namespace {

using percore::Cpu;
using percore::CpuSet;
using percore::Places;
using percore::Topology;

struct Options {
  std::string recording;
  std::string allowed;
  int package = -1;
  int node = -1;
  int cache = -1;
  std::string place;
  std::size_t count = 4;
  std::string cpus;
  std::string sabotage;
};

[[noreturn]] void give_up(const std::string& sentence) {
  fmt::print(stderr, "machine: {}\n", sentence);
  std::exit(1);
}

CpuSet list_of(const std::string& text, const char* option) {
  const auto set = CpuSet::parse(text);
  if (set) return *set;
  give_up(fmt::format("{} {}: at place {} (from 0), {}", option, text, set.error().position,
                      set.error().sentence));
}

Topology read_map(const Options& options) {
  const bool here = options.recording.empty();
  std::string root = here ? "/sys" : options.recording;
  const std::string shipped = std::string(PERCORE_RECORDINGS) + "/" + root + ".sysfs";
  if (!here && std::filesystem::exists(shipped))
    root = shipped;
  else if (!here && !std::filesystem::exists(root))
    give_up(fmt::format("no recording '{}': laptop, server, hybrid, container, or a file", root));
  CpuSet allowed = list_of("0-8191", "");
  if (here) {
    const auto mine = percore::allowed_cpus();
    if (!mine) give_up(mine.error());
    allowed = *mine;
  }
  CpuSet wanted;
  if (!options.allowed.empty()) {
    wanted = list_of(options.allowed, "--allowed");
    allowed = allowed & wanted;
  }
  auto map = Topology::read(root, allowed);
  if (!map) give_up(map.error());
  for (const Cpu& cpu : map->cpus()) wanted.remove(cpu.id);
  if (!wanted.empty())
    fmt::print(stderr, "machine: --allowed {}: not there, and left out: {}\n", options.allowed,
               wanted.to_list());
  return *map;
}

// The filters of a placement: the part of the machine in which it may place.
Topology part_of(const Topology& map, const Options& options) {
  return map.where([&options](const Cpu& cpu) {
    const auto fits = [](int wanted, unsigned number) {
      return wanted < 0 || static_cast<unsigned>(wanted) == number;
    };
    return fits(options.package, cpu.package) && fits(options.node, cpu.node) &&
           fits(options.cache, cpu.cache);
  });
}

Places place(const Topology& map, const Options& options) {
  if (options.place == "unbound") return place_unbound(map, options.count);
  if (options.place == "spread") return place_spread(map, options.count);
  if (options.place == "pack") return place_pack(map, options.count);
  if (options.cpus.empty())
    give_up(fmt::format("--place {} needs CPUs: add --cpus 0-1, say", options.place));
  if (options.place == "fixed") return place_fixed(map, list_of(options.cpus, "--cpus"));
  if (options.place == "fenced")
    return place_fenced(map, options.count, list_of(options.cpus, "--cpus"));
  std::vector<CpuSet> sets;  // custom: "0-1;2;3" is a set for each executor
  for (std::size_t from = 0; from <= options.cpus.size();) {
    const std::size_t to = std::min(options.cpus.find(';', from), options.cpus.size());
    sets.push_back(list_of(options.cpus.substr(from, to - from), "--cpus"));
    from = to + 1;
  }
  return place_custom(map, sets);
}

void show_places(const Topology& map, const std::vector<CpuSet>& places) {
  std::map<unsigned, std::string> marks;
  std::string shared;
  for (std::size_t executor = 0; executor < places.size(); ++executor) {
    const std::string name = fmt::format("e{}", executor);
    if (places[executor].count() == 1 && !marks.contains(places[executor].next(0)))
      marks[places[executor].next(0)] = name;
    else
      shared += fmt::format("  {} on any of {}\n", name, places[executor].to_list());
  }
  fmt::print("{}{}", lesson::picture_of(map, marks), shared);
}

}  // namespace

int main(int argc, char** argv) {
  percore::lesson::CommandLine line(
      "Shows the map of a machine, and where executors would go on it.", "machine");
  Options options;
  line.text("--recording", options.recording,
            "laptop, server, hybrid or container; or a file of tools/record_topology; "
            "this machine when left out");
  line.text("--allowed", options.allowed, "only these CPUs, as 0-3,8");
  line.number("--package", options.package, 0, 255, "place within this package");
  line.number("--node", options.node, 0, 255, "place within this NUMA node");
  line.number("--cache", options.cache, 0, 255, "place below this cache");
  line.choice("--place", options.place, {"unbound", "fixed", "fenced", "spread", "pack", "custom"},
              "where executors go");
  line.number("--count", options.count, 0U, 8192U, "how many executors");
  line.text("--cpus", options.cpus, "for fixed and fenced, as 0-3,8; for custom, as '0-1;2'");
  line.sabotage(options.sabotage,
                {{"threads-for-cores", "the second thread of a core counts as a core"},
                 {"core-id", "the kernel's core_id is taken for the name of a core"},
                 {"thread-zero", "only first threads are cores, also in a container"}});
  if (const auto status = line.parse(argc, argv)) return *status;

  if (!options.sabotage.empty()) return lesson::sabotage_map(options.sabotage);
  const Topology map = read_map(options);
  if (options.place.empty()) {
    fmt::print("{}\n\n{}", lesson::counts_of(map), lesson::picture_of(map));
    return 0;
  }
  const Places places = place(part_of(map, options), options);
  if (!places) give_up(places.error());
  show_places(map, *places);
  return 0;
}
