#include <sched.h>

#include <cstddef>
#include <functional>
#include <percore/cpu_set.hpp>
#include <string>
#include <thread>
#include <vector>

// Exercise 03.7, kind: fix. Three things are wrong in start_pinned(): when memory is made ready,
// what becomes of a pin that is refused, and who is pinned. Leave its name and its parameters as
// they are, and pin() as well: it is right.

using percore::CpuSet;

/// Pins the calling thread. Returns whether the kernel agreed.
bool pin(const CpuSet& cpus) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  for (unsigned cpu = cpus.next(0); cpu < CPU_SETSIZE; cpu = cpus.next(cpu + 1))
    CPU_SET(cpu, &mask);
  return sched_setaffinity(0, sizeof mask, &mask) == 0;
}

/// Runs a thread for each of `places`, pinned to it, until all have ended.
/// prepare   makes the memory of thread n ready; called once on it, when it is where it belongs.
/// work      uses that memory; called once on the same thread, after prepare.
/// Returns   nothing; or a sentence that names the places that could not be had. Their threads do
///           not prepare and do not work; the others do.
/// Thread    the caller is not pinned, before, meanwhile or after.
std::string start_pinned(const std::vector<CpuSet>& places,
                         const std::function<void(std::size_t)>& prepare,
                         const std::function<void(std::size_t)>& work) {
  std::vector<std::thread> threads;
  for (std::size_t number = 0; number < places.size(); ++number) {
    pin(places[number]);  // the thread that is started now has it from us
    prepare(number);
    threads.emplace_back([&work, number] { work(number); });
  }
  for (std::thread& thread : threads) thread.join();
  return "";
}
