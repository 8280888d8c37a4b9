// 03.3 cpu_set, step set: which numbers are in, beside a std::set.

#include "01-hello-world/assertions.hpp"
#include "cpu_set_support.hpp"

using namespace checks;

namespace {

std::string members(const Model& model) {
  return std::to_string(model.size()) + (model.size() == 1 ? " member" : " members");
}

void expect_members(const CpuSet& set, const Model& model) {
  const std::string list = "{" + list_of(model) + "}";
  require(set.count() == model.size(), "the set {} has {}, and count() says {}", list,
          members(model), set.count());
  require(set.empty() == model.empty(), "the set {} has {}, and empty() says {}", list,
          members(model), set.empty());
  for (const unsigned cpu : model)
    require(set.contains(cpu), "{} is in the set {}, and contains() says no", cpu, list);
  for (const unsigned cpu : {0u, 1u, 63u, 64u, cpus_max - 1, cpus_max, cpus_max + 64, ~0u})
    require(set.contains(cpu) == model.contains(cpu), "contains({}) says {} of the set {}", cpu,
            set.contains(cpu), list);
  unsigned from = 0;
  for (const unsigned cpu : model) {
    require(set.next(cpu) == cpu,
            "{} is in the set {}, and next({}) gives {}: a member is its own "
            "next",
            cpu, list, cpu, set.next(cpu));
    require(set.next(from) == cpu, "next({}) of the set {} gives {}, and {} comes next", from, list,
            set.next(from), cpu);
    from = cpu + 1;
  }
  for (const unsigned end : {from, cpus_max, cpus_max + 1, ~0u})
    require(set.next(end) == cpus_max,
            "next({}) of the set {} gives {}: when there is none it is cpus_max, {}", end, list,
            set.next(end), cpus_max);
}

}  // namespace

PERCORE_CHECK("set", a_new_set_is_empty, "P4", "a new set is empty", the_set, .seeds = 1,
              .ring = false) {
  // Where rubbish lay before: a set that forgets to begin empty shows.
  alignas(CpuSet) unsigned char memory[sizeof(CpuSet)];
  std::memset(memory, 0xff, sizeof memory);
  const CpuSet& set = *new (memory) CpuSet();
  expect_members(set, {});
}

PERCORE_CHECK("set", what_is_added_is_in, "P4", "a set holds what was added and not removed since",
              the_set, .ring = false) {
  CpuSet set;
  Model model;
  const unsigned changes = run.size(1, 12);
  for (unsigned i = 0; i < changes; ++i) {
    run.operation(i);
    const unsigned cpu = any_cpu(run);
    if (run.chance(65)) {
      set.add(cpu);
      model.insert(cpu);
    } else {
      set.remove(cpu);
      model.erase(cpu);
    }
  }
  expect_members(set, model);
}

PERCORE_CHECK("set", sets_meet_and_join, "P4", "& has what is in both, | what is in either",
              the_set, .seeds = 100, .ring = false) {
  const Model a = any_model(run, 6), b = any_model(run, 6);
  Model both, either = a;
  for (const unsigned cpu : b) {
    if (a.contains(cpu)) both.insert(cpu);
    either.insert(cpu);
  }
  const CpuSet first = set_of(a), second = set_of(b);
  expect_members(first & second, both);
  expect_members(first | second, either);
  expect_members(first, a);
  expect_members(second, b);
  require((first == second) == (a == b), "the sets {{{}}} and {{{}}}: == says {}", list_of(a),
          list_of(b), first == second);
  require(first == set_of(a), "two sets with the same members, {{{}}}, are not equal", list_of(a));
}

PERCORE_CHECK("set", numbers_have_an_end, "P3", "no CPU is made up", the_set, .seeds = 1,
              .ring = false) {
  CpuSet set;
  for (const unsigned cpu : {cpus_max, cpus_max + 1, ~0u}) {
    require(ends_the_program([&] { set.add(cpu); }),
            "add({}) was taken: numbers end at {}, and a higher one is the caller's mistake "
            "(PERCORE_ASSERT)",
            cpu, cpus_max - 1);
    require(ends_the_program([&] { set.remove(cpu); }),
            "remove({}) was taken: numbers end at {}, and a higher one is the caller's mistake "
            "(PERCORE_ASSERT)",
            cpu, cpus_max - 1);
  }
}
