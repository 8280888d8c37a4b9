#pragma once

#include <percore/check.hpp>
#include <percore/executor_pool.hpp>
#include <percore/sim.hpp>
#include <set>

#include "made_up_kernel.hpp"

// What the checks of executor_pool share: places on a made-up kernel of eight CPUs, and what each
// member saw. Members are threads under the simulated ring, of which one runs at a time.
namespace checks {

using namespace percore;
using percore::check::require;
using percore::check::Run;

inline constexpr const char* the_start = "Lesson 03, *The start*";
inline constexpr const char* the_end = "Lesson 03, *The end*";

inline CpuSet range(unsigned first, unsigned last) {
  CpuSet set;
  for (unsigned cpu = first; cpu <= last; ++cpu) set.add(cpu);
  return set;
}

/// One to four places; the kernel says who pins when.
inline std::vector<CpuSet> any_places(Run& run, unsigned least = 1) {
  MadeUpKernel::get().begin(range(0, 7));
  MadeUpKernel::get().on_pin = [] { sim::mark(2, "thread", "pinned"); };
  std::vector<CpuSet> places;
  const unsigned count = run.size(least, 4);
  for (unsigned i = 0; i < count; ++i)
    places.push_back(range(2 * i, 2 * i + (run.chance(30) ? 1 : 0)));
  return places;
}

/// The threads that opened a ring, and of these, those that opened one before they had pinned
/// themselves, whether or not they opened another one later.
struct Opened {
  std::set<std::uint32_t> all, too_early;
};
inline Opened rings_opened() {
  std::set<std::uint32_t> pinned;
  Opened opened;
  for (const auto& event : sim::record()) {
    if (event.kind == sim::Event::Kind::mark) pinned.insert(event.executor);
    if (event.kind != sim::Event::Kind::ring_opened) continue;
    opened.all.insert(event.executor);
    if (!pinned.contains(event.executor)) opened.too_early.insert(event.executor);
  }
  return opened;
}

inline Task<> yield_often(std::uint64_t times) {
  for (; times != 0; --times) co_await yield();
}

}  // namespace checks
