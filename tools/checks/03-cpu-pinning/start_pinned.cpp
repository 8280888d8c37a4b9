// 03.7 start_pinned: threads on a made-up kernel.

#include "made_up_kernel.hpp"

#include <percore/check.hpp>

std::string start_pinned(const std::vector<percore::CpuSet>& places,
                         const std::function<void(std::size_t)>& prepare,
                         const std::function<void(std::size_t)>& work);

using checks::MadeUpKernel;
using percore::CpuSet;
using percore::check::require;
using percore::check::Run;

namespace {

constexpr const char* the_start = "Lesson 03, *The start*";
constexpr const char* the_request = "Lesson 03, *The request*";

CpuSet range(unsigned first, unsigned last) {
  CpuSet set;
  for (unsigned cpu = first; cpu <= last; ++cpu) set.add(cpu);
  return set;
}

/// What one thread did, written down by itself.
struct Seen {
  unsigned prepared = 0, worked = 0;
  pthread_t preparer{}, worker{};
  CpuSet preparing_on, working_on;
};

struct Case {
  std::vector<CpuSet> places;
  std::vector<Seen> seen;
  std::string said;

  void run() {
    seen.resize(places.size());
    said = start_pinned(
        places,
        [this](std::size_t number) {
          Seen& mine = seen.at(number);
          ++mine.prepared;
          mine.preparer = pthread_self();
          mine.preparing_on = MadeUpKernel::get().of_this_thread();
        },
        [this](std::size_t number) {
          Seen& mine = seen.at(number);
          ++mine.worked;
          mine.worker = pthread_self();
          mine.working_on = MadeUpKernel::get().of_this_thread();
          require(mine.prepared != 0, "thread {} worked before its memory was prepared", number);
          MadeUpKernel::get().forget_this_thread();
        });
  }

  void expect_right(std::size_t number) const {
    const Seen& mine = seen[number];
    const std::string place = places[number].to_list();
    require(mine.prepared == 1 && mine.worked == 1,
            "thread {} of {} prepared {} times and worked {} times", number, places.size(),
            mine.prepared, mine.worked);
    require(
        mine.preparing_on == places[number],
        "thread {} belongs on CPU {} and prepared its memory before it was pinned: on any of {}",
        number, place, mine.preparing_on.to_list());
    require(pthread_equal(mine.preparer, mine.worker) != 0,
            "the memory of thread {} was prepared by another thread, so it lies beside that one's "
            "CPU: it was touched there first",
            number);
    require(mine.working_on == places[number],
            "thread {} belongs on CPU {} and worked on any of {}", number, place,
            mine.working_on.to_list());
  }
};

Case any_case(Run& run) {
  MadeUpKernel::get().begin(range(0, 7));
  Case drawn;
  const unsigned threads = run.size(1, 5);
  for (unsigned i = 0; i < threads; ++i) {
    const auto first = static_cast<unsigned>(run.random(8));
    drawn.places.push_back(range(first, run.chance(70) ? first : 7));
  }
  return drawn;
}

}  // namespace

PERCORE_CHECK("", each_prepares_where_it_works, "O1",
              "a thread is pinned before it makes its memory ready", the_start) {
  Case drawn = any_case(run);
  drawn.run();
  require(drawn.said.empty(), "every place could be had, and start_pinned() said \"{}\"",
          drawn.said);
  for (std::size_t number = 0; number < drawn.places.size(); ++number) drawn.expect_right(number);
}

PERCORE_CHECK("", the_caller_stays_free, "O1", "a thread that is started begins with our CPUs",
              the_start, .seeds = 60) {
  Case drawn = any_case(run);
  drawn.run();
  const CpuSet left = MadeUpKernel::get().of_this_thread();
  require(left == range(0, 7), "the thread that started the others was left pinned to {}",
          left.to_list());
}

PERCORE_CHECK("", every_place_that_is_refused_is_told, "A1",
              "what is returned names the places that could not be had, all of them", the_request,
              .seeds = 60) {
  Case drawn = any_case(run);
  drawn.places.push_back(range(20, 20));
  drawn.places.insert(
      drawn.places.begin() + static_cast<std::ptrdiff_t>(run.random(drawn.places.size())),
      range(30, 30));
  drawn.run();
  for (const char* place : {"20", "30"})
    require(drawn.said.find(place) != std::string::npos,
            "the CPUs 20 and 30 are not there, and what start_pinned() said does not name {}: "
            "\"{}\"",
            place, drawn.said);
}

PERCORE_CHECK("", a_place_that_is_refused_is_told, "A1",
              "an executor is not put somewhere else in silence", the_request) {
  Case drawn = any_case(run);
  const std::size_t bad = run.random(drawn.places.size());
  drawn.places[bad] = range(8, 8 + static_cast<unsigned>(run.random(3)));
  drawn.run();
  const std::string place = drawn.places[bad].to_list();
  require(drawn.seen[bad].worked == 0,
          "thread {} could not be pinned, and worked all the same: CPU {} is not there", bad,
          place);
  require(drawn.seen[bad].prepared == 0,
          "thread {} could not be pinned, and prepared its memory all the same", bad);
  require(drawn.said.find(place) != std::string::npos,
          "CPU {} is not there, and what start_pinned() said does not name it: \"{}\"", place,
          drawn.said);
  for (std::size_t number = 0; number < drawn.places.size(); ++number)
    if (number != bad) drawn.expect_right(number);
}
