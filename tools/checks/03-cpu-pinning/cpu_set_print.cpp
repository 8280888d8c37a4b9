// 03.3 cpu_set, step print: the kernel's list of a set.

#include "cpu_set_support.hpp"

using namespace checks;

PERCORE_CHECK("print", a_set_is_written_as_the_kernel_does, "P1",
              "ascending, neighbours joined, nothing for the empty set", the_list, .ring = false) {
  const Model model = any_model(run, 10);
  const std::string list = set_of(model).to_list();
  require(list == list_of(model), "a set of {} {} is \"{}\" in a list, and to_list() wrote \"{}\"",
          model.size(), model.size() == 1 ? "CPU" : "CPUs", list_of(model), list);
}

PERCORE_CHECK("print", ranges_may_reach_the_ends, "P1",
              "a range may begin at 0 and end at the last", the_list, .seeds = 1, .ring = false) {
  CpuSet set;
  for (unsigned cpu = 0; cpu < cpus_max; ++cpu) set.add(cpu);
  require(set.to_list() == "0-8191",
          "all CPUs are \"0-8191\" in a list, and to_list() wrote \"{}\"",
          set.to_list().substr(0, 40));
  set.remove(1);
  set.remove(8190);
  require(set.to_list() == "0,2-8189,8191",
          "all CPUs but 1 and 8190 are \"0,2-8189,8191\" in a list, and to_list() wrote \"{}\"",
          set.to_list().substr(0, 40));
}
