// 03.5 placement, step given: the caller says where, and it is looked over.

#include "placement_support.hpp"

using namespace checks;

namespace {

Topology any_map(Run& run) {
  const Machine machine = any_machine(run);
  return map_of(machine, any_cpuset(run, machine));
}

// Some of the map's CPUs, at least one.
CpuSet some_of(Run& run, const Topology& map) {
  CpuSet some;
  const unsigned count = run.size(1, 4);
  for (unsigned i = 0; i < count; ++i) some.add(map.cpus()[run.random(map.cpus().size())].id);
  return some;
}

// A CPU that the map does not have.
unsigned missing_in(Run& run, const Topology& map) {
  for (;;) {
    const auto cpu = static_cast<unsigned>(run.chance(20) ? run.random(cpus_max) : run.random(40));
    if (find(map, cpu) == nullptr) return cpu;
  }
}

void expect_refused(const Topology& map, const Places& places, unsigned cpu, const char* way) {
  require(!places.has_value(), "{} took CPU {}, which {} does not have", way, cpu, in_words(map));
  require(places.error().find(std::to_string(cpu)) != std::string::npos,
          "{} refused CPU {} with \"{}\", which does not name it", way, cpu, places.error());
  require(places.error().find(all_of(map).to_list()) != std::string::npos,
          "{} refused CPU {} on {} with \"{}\", which does not say that the usable ones are {}",
          way, cpu, in_words(map), places.error(), all_of(map).to_list());
}

}  // namespace

PERCORE_CHECK("given", unbound_is_every_cpu_of_the_map, "A1",
              "each executor gets CPUs of the map only, and is not left without", the_request,
              .seeds = 30, .ring = false) {
  const Topology map = any_map(run);
  const std::size_t count = run.size(0, 20);
  const CpuSet all = all_of(map);
  const std::string on = in_words(map);
  for (const CpuSet& place : expect_places(map, place_unbound(map, count), count))
    require(place == all, "an unbound executor on {} may run on {} only", on, place.to_list());
}

PERCORE_CHECK("given", fixed_is_one_each, "A2", "each set is one CPU, and no CPU is given twice",
              the_request, .seeds = 60, .ring = false) {
  const Topology map = any_map(run);
  const CpuSet wanted = some_of(run, map);
  const auto chosen = expect_one_each(map, place_fixed(map, wanted), wanted.count());
  unsigned cpu = wanted.next(0);
  for (std::size_t executor = 0; executor < chosen.size(); ++executor) {
    require(chosen[executor].id == cpu, "fixed on {}: executor {} got CPU {}, and CPU {} is next",
            wanted.to_list(), executor, chosen[executor].id, cpu);
    cpu = wanted.next(cpu + 1);
  }
  const auto none = place_fixed(map, CpuSet());
  require(none.has_value() && none->empty(),
          "fixed on no CPU is no executor, and that is no error");
}

PERCORE_CHECK("given", fenced_is_the_fence, "A1", "each executor may run on any CPU of the fence",
              the_request, .seeds = 20, .ring = false) {
  const Topology map = any_map(run);
  const CpuSet fence = some_of(run, map);
  const std::string list = fence.to_list();
  const std::size_t count = run.size(0, 20);
  for (const CpuSet& place : expect_places(map, place_fenced(map, count, fence), count))
    require(place == fence, "an executor fenced in {} may run on {}", list, place.to_list());
}

PERCORE_CHECK("given", custom_is_what_was_given, "A1", "the sets are taken as they are",
              the_request, .seeds = 20, .ring = false) {
  const Topology map = any_map(run);
  std::vector<CpuSet> sets;
  const unsigned count = run.size(0, 5);
  for (unsigned i = 0; i < count; ++i) sets.push_back(some_of(run, map));
  const auto places = expect_places(map, place_custom(map, sets), count);
  for (unsigned executor = 0; executor < count; ++executor)
    require(places[executor] == sets[executor], "executor {} was given {}, and {} was asked for",
            executor, places[executor].to_list(), sets[executor].to_list());
}

PERCORE_CHECK("given", what_is_not_there_is_refused, "A1",
              "a CPU that the map lacks is an error that names it and says which there are",
              the_request, .seeds = 60, .ring = false) {
  const Topology map = any_map(run);
  const unsigned lacking = missing_in(run, map);
  CpuSet set = some_of(run, map);
  set.add(lacking);
  expect_refused(map, place_fixed(map, set), lacking, "place_fixed()");
  expect_refused(map, place_fenced(map, 2, set), lacking, "place_fenced()");
  expect_refused(map, place_custom(map, {some_of(run, map), set}), lacking, "place_custom()");
}

PERCORE_CHECK("given", no_cpu_at_all_is_refused, "A1", "no executor is left without a CPU",
              the_request, .seeds = 1, .ring = false) {
  const Topology map = map_of({});
  CpuSet one;
  one.add(0);
  require(!place_fenced(map, 1, CpuSet()).has_value(), "a fence without a CPU was taken");
  require(!place_custom(map, {one, CpuSet()}).has_value(),
          "two sets, the second without a CPU, were taken");
}

PERCORE_CHECK("given", a_filter_is_a_map, "A1",
              "within a part of the machine nothing else is given", the_request, .seeds = 20,
              .ring = false) {
  const Topology whole = any_map(run);
  const unsigned package = whole.cpus()[run.random(whole.cpus().size())].package;
  const Topology part = whole.where([&](const Cpu& cpu) { return cpu.package == package; });
  for (const CpuSet& place : expect_places(part, place_unbound(part, 2), 2))
    require(place == all_of(part), "an executor within the package {} may run on {}",
            in_words(part), place.to_list());
}
