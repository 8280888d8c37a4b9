// 03.2 who_shares: the questions in order, each tried on the recorded machine that it is about.

#include <filesystem>
#include <percore/topology.hpp>
#include <set>

#include "01-hello-world/answers.hpp"

using checks::expect_answer;
using checks::Misconception;
using checks::yes_or_no;
using percore::Cpu;
using percore::CpuSet;
using percore::Topology;

namespace {

constexpr const char* the_cores = "Lesson 03, *The cores*";
constexpr const char* the_memory = "Lesson 03, *The caches and the memory*";
constexpr const char* the_allowed = "Lesson 03, *What is allowed*";

Topology recorded(const char* name, const char* allowed = "0-8191") {
  const auto root =
      std::filesystem::path(__FILE__).parent_path() / "../../../runtime/tests/topologies";
  auto map = Topology::read(root / (std::string(name) + ".sysfs"), CpuSet::parse(allowed).value());
  if (!map) percore::check::fail("the recording of a {} cannot be read: {}", name, map.error());
  return std::move(*map);
}

const Cpu& cpu(const Topology& map, unsigned id) {
  for (const Cpu& one : map.cpus())
    if (one.id == id) return one;
  percore::check::fail("a recording has lost its CPU {}", id);
}

std::size_t cores(const Topology& map) {
  std::set<unsigned> numbers;
  for (const Cpu& one : map.cpus()) numbers.insert(one.core);
  return numbers.size();
}

}  // namespace

PERCORE_CHECK("", cores, "M2", "CPUs that share a core have its number in common", the_cores,
              .seeds = 1, .ring = false) {
  static constexpr Misconception known[] = {
      {"8", "these are its CPUs; a CPU is a thread of a core, and here each core has two"},
      {"2", "these are the threads of one core"},
      {"1", "one package, and that is the chip; it holds several cores"}};
  expect_answer(run, "cores", std::to_string(cores(recorded("laptop"))), known,
                "count the brackets that the picture draws: each is a core");
}

PERCORE_CHECK("", sibling, "M2", "CPUs that share a core have its number in common", the_cores,
              .seeds = 1, .ring = false) {
  const Topology map = recorded("laptop");
  std::string other;
  for (const Cpu& one : map.cpus())
    if (one.core == cpu(map, 1).core && one.id != 1) other = std::to_string(one.id);
  static constexpr Misconception known[] = {
      {"0",
       "neighbours by number need not be neighbours: this kernel numbered all first threads "
       "before all second ones"},
      {"2",
       "neighbours by number need not be neighbours: this kernel numbered all first threads "
       "before all second ones"}};
  expect_answer(run, "sibling", other, known, "look for the bracket that holds CPU 1");
}

PERCORE_CHECK("", core_id, "M2", "two cores never have the same number in the map", the_cores,
              .seeds = 1, .ring = false) {
  const Topology map = recorded("server");
  static constexpr Misconception known[] = {
      {"yes", "core_id begins again in each package; core_cpus_list says who shares a core"}};
  expect_answer(run, "core_id", yes_or_no(cpu(map, 0).core == cpu(map, 8).core), known,
                "answer yes or no");
}

PERCORE_CHECK("", cache, "M2", "CPUs that share a last-level cache have its number in common",
              the_memory, .seeds = 1, .ring = false) {
  const Topology map = recorded("server");
  static constexpr Misconception known[] = {
      {"yes",
       "a package may have several last-level caches, and this one has two: one for each "
       "four of its cores"}};
  expect_answer(run, "cache", yes_or_no(cpu(map, 3).cache == cpu(map, 4).cache), known,
                "answer yes or no");
}

PERCORE_CHECK("", moved, "M2", "the threads of a core share its first caches", the_memory,
              .seeds = 1, .ring = false) {
  const Topology map = recorded("server");
  static constexpr Misconception known[] = {
      {"yes", "CPU 2 and CPU 18 are threads of one core, and a core has one set of first caches"}};
  expect_answer(run, "moved", yes_or_no(cpu(map, 2).core != cpu(map, 18).core), known,
                "answer yes or no");
}

PERCORE_CHECK("", page, "O1", "memory lies where it is touched first", the_memory, .seeds = 1,
              .ring = false) {
  static constexpr Misconception known[] = {
      {"0",
       "the kernel finds a page at its first touch, next to the CPU that touches it; it does "
       "not follow who uses it"},
      {"9", "9 is the CPU; the node is the memory beside it"}};
  expect_answer(run, "page", std::to_string(cpu(recorded("server"), 9).node), known,
                "look up the node of the CPU that touched it first");
}

PERCORE_CHECK("", hybrid, "M2", "CPUs that share a core have its number in common", the_cores,
              .seeds = 1, .ring = false) {
  static constexpr Misconception known[] = {
      {"16", "the performance cores have two threads each, the efficiency cores one"},
      {"8",
       "half of the CPUs would be right if all cores had two threads; the efficiency cores "
       "have one"},
      {"4",
       "these are the performance cores; efficiency cores are slower, and cores all the same"}};
  expect_answer(run, "hybrid", std::to_string(cores(recorded("hybrid"))), known,
                "count the brackets of both kinds");
}

PERCORE_CHECK("", cpuset, "M1", "the map holds the CPUs that this thread may use, and no other",
              the_allowed, .seeds = 1, .ring = false) {
  static constexpr Misconception known[] = {
      {"64",
       "/sys shows the whole host also in a container; what may be used is what "
       "sched_getaffinity() says"},
      {"4", "8-11 are four, and 40 is a fifth"},
      {"41", "8-11,40 is a list of numbers, not a range from 0"}};
  const auto map = recorded("container", "8-11,40");
  expect_answer(run, "cpuset", std::to_string(map.cpus().size()), known,
                "count the list's numbers");
}

PERCORE_CHECK("", cpuset_cores, "M2", "CPUs that share a core have its number in common",
              the_allowed, .seeds = 1, .ring = false) {
  static constexpr Misconception known[] = {
      {"5", "8 and 40 are the two threads of one core"},
      {"32", "these are the host's; only those with a CPU in the cpuset count"},
      {"1",
       "only CPU 8 shares its core with another CPU of the cpuset; 9, 10 and 11 are cores too"}};
  expect_answer(run, "cpuset_cores", std::to_string(cores(recorded("container", "8-11,40"))), known,
                "which of the five are n and n + 32?");
}

PERCORE_CHECK("", quota, "M1", "what may be used is a set of CPUs; a quota is time", the_allowed,
              .seeds = 1, .ring = false) {
  static constexpr Misconception known[] = {
      {"2",
       "a quota counts time, not CPUs: the threads may run on all 64 at once, and are all "
       "stopped when the time of two is used up"}};
  expect_answer(run, "quota", std::to_string(recorded("container").cpus().size()), known,
                "a quota takes no CPU out of the set");
}
