// What a list and a walk cost on the learner's set, beside ours. Shown after a pass.

#include "cpu_set_support.hpp"

using namespace checks;

PERCORE_MEASURE(parse_and_print, "a list of 64 CPUs, read and written", 50) {
  run.count_from_here();
  for (int i = 0; i < 50; ++i) {
    const auto set = CpuSet::parse("0-15,32-47,64-79,96-111");
    require(set.has_value() && set->to_list().size() == 23, "the list was not read and written");
  }
  run.count_to_here();
}

PERCORE_MEASURE(walk, "a walk through a set of 64", 50) {
  CpuSet set;
  for (unsigned cpu = 0; cpu < 128; cpu += 2) set.add(cpu);
  unsigned steps = 0;
  run.count_from_here();
  for (int i = 0; i < 50; ++i)
    for (unsigned cpu = set.next(0); cpu != cpus_max; cpu = set.next(cpu + 1)) ++steps;
  run.count_to_here();
  require(steps == 3200, "the walk saw {} CPUs of 3200", steps);
}
