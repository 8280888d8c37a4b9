// 02.5 sync, step semaphore.

#include <deque>
#include <percore/sync.hpp>
#include <stdexcept>

#include "01-hello-world/assertions.hpp"
#include "support.hpp"

using namespace checks;
using percore::Semaphore;
using percore::SemaphoreUnits;

namespace {

/// A semaphore, and what must be true of it.
struct Story {
  percore::check::Run& run;
  std::size_t in_hand;
  Semaphore semaphore;
  std::deque<std::pair<unsigned, std::size_t>> queue;  // who waits, and for how many
  std::vector<unsigned> expected;                      // who went on, in this order
  std::vector<unsigned> went_on;
  std::size_t held = 0;
  std::size_t left_in_hand = 0;  // as available() said when a release was over
  unsigned begun = 0;

  Story(percore::check::Run& its_run, std::size_t units)
      : run(its_run), in_hand(units), semaphore(units) {}

  void hand_over() {
    while (!queue.empty() && queue.front().second <= in_hand) {
      in_hand -= queue.front().second;
      held += queue.front().second;
      expected.push_back(queue.front().first);
      queue.pop_front();
    }
  }
  void release(std::size_t units) {
    const std::size_t before = went_on.size();
    in_hand += units;
    hand_over();
    semaphore.release(units);
    if (went_on.size() != before)
      fail_with("S3", the_semaphore,
                percore::check::say(
                    "release({}) resumed a task that waited: it only makes it ready", units));
    left_in_hand = semaphore.available();
  }
  void compare(const char* after) {
    for (std::size_t i = 0; i < went_on.size(); ++i) {
      require(i < expected.size(),
              "after {} task {} went on, and it was nobody's turn: task {} waits longest, for {} "
              "units, and {} are in hand",
              after, went_on[i], queue.empty() ? went_on[i] : queue.front().first,
              queue.empty() ? 0 : queue.front().second, in_hand);
      require(went_on[i] == expected[i],
              "task {} went on as number {}, and task {} had waited longer", went_on[i], i,
              expected[i]);
    }
    if (went_on.size() < expected.size())
      fail_with(percore::check::say(
          "after {} it is the turn of task {}, for its units are there, and it does not go on",
          after, expected[went_on.size()]));
    if (left_in_hand > in_hand)
      fail_with("S3", the_semaphore,
                percore::check::say(
                    "when a release was over, {} units should have been in hand, and "
                    "available() said {}: what is somebody's turn is handed over at once, and "
                    "is nobody else's any more",
                    in_hand, left_in_hand));
    left_in_hand = 0;
    if (semaphore.available() != in_hand)
      fail_with("S2", the_semaphore,
                percore::check::say("after {} {} units are in hand and available() says {}", after,
                                    in_hand, semaphore.available()));
    require(semaphore.waiting() == queue.size(), "after {} {} tasks wait and waiting() says {}",
            after, queue.size(), semaphore.waiting());
  }
};

Task<> takes(Story& story, unsigned number, std::size_t units) {
  const bool waits = !story.queue.empty() || story.in_hand < units;
  if (waits) {
    story.queue.emplace_back(number, units);
  } else {
    story.in_hand -= units;
    story.held += units;
    story.expected.push_back(number);
  }
  co_await story.semaphore.acquire(units);
  story.run.operation(number);
  story.went_on.push_back(number);
}
/// Goes on as long as it is asked to, and each step is compared.
Task<> tells(Story& story, unsigned steps, std::size_t units_max) {
  std::vector<JoinHandle<void>> handles;
  for (unsigned step = 0; step < steps; ++step) {
    const auto what = story.run.random(10);
    if (what < 5) {
      handles.push_back(spawn(
          takes(story, static_cast<unsigned>(handles.size()), 1 + story.run.random(units_max))));
      co_await rests(2);
      story.compare("an acquire");
    } else if (what < 7) {
      const std::size_t units = 1 + story.run.random(units_max);
      const bool possible = story.queue.empty() && units <= story.in_hand;
      const bool said = story.semaphore.try_acquire(units);
      require(said == possible,
              "try_acquire({}) returned {}; {} are in hand and {} tasks wait, and nobody overtakes "
              "those who wait",
              units, said, story.in_hand, story.queue.size());
      if (said) {
        story.in_hand -= units;
        story.held += units;
      }
    } else if (story.held != 0) {
      const std::size_t units = 1 + story.run.random(story.held);
      story.held -= units;
      story.release(units);
      co_await rests(2);
      story.compare("a release");
    }
  }
  while (!story.queue.empty()) {
    story.release(units_max);
    co_await rests(2);
    story.compare("a release");
  }
  for (auto& handle : handles) co_await handle;
}

}  // namespace

PERCORE_CHECK("semaphore", first_come_first_served, "S1",
              "who waits longest goes on first, and nobody overtakes", the_semaphore,
              .faults = false) {
  Story story(run, run.random(5));
  run.waits_for("those who wait for units of a semaphore");
  run_on_executor(tells(story, run.size(1, 40), 4));
}

namespace {

struct Works {
  percore::check::Run& run;
  Semaphore semaphore;
  std::size_t units;
  std::size_t inside = 0;
  unsigned resumes = 0;
};

Task<> works(Works& all, unsigned number, std::size_t units) {
  for (int i = 0; i < 5; ++i) {
    SemaphoreUnits held = co_await all.semaphore.hold(units);
    all.run.operation(number);
    require(held.count() == units, "hold({}) gave {} units", units, held.count());
    all.inside += units;
    ++all.resumes;
    require(all.inside <= all.units, "{} units are held, and {} were put in", all.inside,
            all.units);
    if (all.run.chance(50)) {
      RingSleep sleep(us(static_cast<std::int64_t>(all.run.random(20))));
      co_await sleep;
    } else {
      co_await percore::yield();
    }
    all.inside -= units;
  }
}
Task<> all_work(Works& all, unsigned tasks) {
  std::vector<JoinHandle<void>> handles;
  for (unsigned i = 0; i < tasks; ++i)
    handles.push_back(spawn(works(all, i, 1 + all.run.random(all.units))));
  for (auto& handle : handles) co_await handle;
}

}  // namespace

PERCORE_CHECK("semaphore", never_more_than_there_are, "S2", "units are never lost and never made",
              the_semaphore) {
  const std::size_t units = 1 + run.random(5);
  Works all{run, Semaphore(units), units};
  const unsigned tasks = run.size(1, 12);
  run.waits_for("tasks that hold units of a semaphore for a while");
  run_on_executor(all_work(all, tasks));
  require(all.resumes == 5 * tasks, "{} tasks took their units 5 times each, and went on {} times",
          tasks, all.resumes);
  require(all.semaphore.available() == units,
          "all is released: {} units were put in, and {} are in hand", units,
          all.semaphore.available());
  require(all.semaphore.waiting() == 0, "nobody waits any more, and waiting() says {}",
          all.semaphore.waiting());
}

namespace {

Task<> throws_inside(Semaphore& semaphore) {
  const SemaphoreUnits held = co_await semaphore.hold(2);
  throw std::runtime_error("inside");
}
Task<> moves_units(Semaphore& semaphore) {
  {
    SemaphoreUnits first = co_await semaphore.hold(2);
    SemaphoreUnits second = std::move(first);
    require(semaphore.available() == 3,
            "2 of 5 units are held, by an object that was moved to, and "
            "available() says {}",
            semaphore.available());
    require(second.count() == 2 && first.count() == 0,
            "2 units were moved from one holder to another; they count {} and {}", first.count(),
            second.count());
    second.release();
    require(semaphore.available() == 5,
            "a holder released its 2 of 5 units, and available() says {}", semaphore.available());
    second.release();
    require(semaphore.available() == 5,
            "a holder released its units a second time, and available() says {} of 5",
            semaphore.available());
    SemaphoreUnits third = co_await semaphore.hold(1);
    SemaphoreUnits fourth = co_await semaphore.hold(3);
    third = std::move(fourth);
    require(third.count() == 3, "3 units were assigned to a holder, and it counts {}",
            third.count());
  }
  require(semaphore.available() == 5, "all holders are gone, and {} of 5 units are in hand",
          semaphore.available());
  try {
    co_await throws_inside(semaphore);
  } catch (const std::runtime_error&) {
  }
  require(semaphore.available() == 5,
          "a task that held 2 units ended with an exception, and {} of 5 are in hand",
          semaphore.available());
}

}  // namespace

PERCORE_CHECK("semaphore", units_are_released_once, "S2",
              "units are released once, by whoever holds them last", the_semaphore, .seeds = 1,
              .faults = false) {
  Semaphore semaphore(5);
  run_on_executor(moves_units(semaphore));
}

namespace {

Task<> counts_resumes(Semaphore& semaphore, unsigned& resumes) {
  co_await semaphore.acquire();
  ++resumes;
}
Task<> releases_many_times(unsigned waiters) {
  Semaphore semaphore(0);
  unsigned resumes = 0;
  std::vector<JoinHandle<void>> handles;
  for (unsigned i = 0; i < waiters; ++i)
    handles.push_back(spawn(counts_resumes(semaphore, resumes)));
  co_await percore::yield();
  for (unsigned i = 0; i < waiters; ++i) semaphore.release();
  require(resumes == 0, "a release resumed a task that waited: it only makes it ready");
  for (auto& handle : handles) co_await handle;
  require(
      resumes == waiters && semaphore.available() == 0,
      "{} units were released for {} tasks that waited; they went on {} times, and {} units are "
      "in hand",
      waiters, waiters, resumes, semaphore.available());
}

}  // namespace

PERCORE_CHECK("semaphore", each_waiter_is_woken_once, "S3",
              "each waiter is woken once, and only when what it waits for is its own",
              the_semaphore, .seeds = 20, .faults = false) {
  run.waits_for("tasks whose units were released while they waited");
  run_on_executor(releases_many_times(run.size(1, 30)));
}

namespace {

Task<> destroys_with_a_waiter() {
  unsigned resumes = 0;
  auto semaphore = std::make_unique<Semaphore>(0);
  auto waiter = spawn(counts_resumes(*semaphore, resumes));
  co_await percore::yield();
  semaphore.reset();
  fail_with(
      "a semaphore was destroyed while a task waited for it, and the program went on: that "
      "task will never be woken");
}

}  // namespace

PERCORE_CHECK("semaphore", nobody_waits_when_it_is_destroyed, "S6",
              "nobody waits any more when a semaphore is destroyed", who_still_waits, .seeds = 1,
              .faults = false) {
  leave_open(run);
  require(ends_the_program([] { run_and_leave(destroys_with_a_waiter()); }),
          "a semaphore was destroyed while a task waited for it, and the program went on");
}

PERCORE_ORACLE(sleeps_for_ever, "S3", "each waiter is woken when its units are there",
               "Lesson 02, *The semaphore*");
