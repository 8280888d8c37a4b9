// The classic mistakes with waiting for one another, made on purpose.
#include "waiting_sabotage.hpp"

#include <cstdint>
#include <memory>
#include <percore/sync.hpp>
#include <percore/timer.hpp>
#include <stdexcept>
#include <vector>

#include <fmt/core.h>

#include "child.hpp"
#include "work.hpp"

namespace lesson {
namespace {

/// The mistake: whoever finds enough units takes them, whoever waits.
struct Barging {
  std::size_t units;
  percore::Event changed;

  percore::Task<> acquire(std::size_t wanted) {
    while (units < wanted) {
      co_await changed.wait();
      changed.reset();
    }
    units -= wanted;
  }
  void release(std::size_t given) {
    units += given;
    changed.set();
  }
};

constexpr std::size_t all_units = 3;

struct Race {
  unsigned turns = 0;
  bool large_was_in = false;
  bool large_in_time = false;

  bool over() const { return turns >= 1'000; }
};

percore::Task<> small(Barging& semaphore, Race& race) {
  while (!race.over()) {
    co_await semaphore.acquire(1);
    ++race.turns;
    co_await percore::yield();
    semaphore.release(1);
  }
}
percore::Task<> small(percore::Semaphore& semaphore, Race& race) {
  while (!race.over()) {
    const percore::SemaphoreUnits unit = co_await semaphore.hold();
    ++race.turns;
    co_await percore::yield();
  }
}
template <typename Units>
percore::Task<> large(Units& semaphore, Race& race) {
  co_await semaphore.acquire(all_units);
  race.large_in_time = !race.over();
  race.large_was_in = true;
  semaphore.release(all_units);
}

/// Four that want one unit, again and again, and one that wants all three.
template <typename Units>
percore::Task<> race_for(Units& semaphore, Race& race) {
  std::vector<percore::JoinHandle<void>> handles;
  for (int i = 0; i < 4; ++i) {
    handles.push_back(percore::spawn(small(semaphore, race)));
    co_await percore::yield();
  }
  handles.push_back(percore::spawn(large(semaphore, race)));
  for (auto& handle : handles) co_await handle;
}

percore::Task<> fails_inside(percore::Semaphore& semaphore, bool by_hand) {
  if (by_hand) {
    co_await semaphore.acquire();
    throw std::runtime_error("the disk is full");  // the mistake: it was to release them later
  }
  const percore::SemaphoreUnits unit = co_await semaphore.hold();
  throw std::runtime_error("the disk is full");
}

percore::Task<> three_fail(percore::Semaphore& semaphore, bool by_hand) {
  for (int i = 0; i < 3; ++i) {
    try {
      co_await fails_inside(semaphore, by_hand);
    } catch (const std::runtime_error&) {
    }
  }
}

percore::Task<> sets_later(percore::Event& event) {
  static_cast<void>(co_await percore::sleep_for(milliseconds(20)));
  event.set();
}
/// The mistake: it asks again and again.
percore::Task<> asks(percore::Event& event, std::uint64_t& resumes) {
  for (; !event.is_set(); ++resumes) co_await percore::yield();
}
percore::Task<> waits(percore::Event& event, std::uint64_t& resumes) {
  co_await event.wait();
  ++resumes;
}
using Wait = percore::Task<> (*)(percore::Event&, std::uint64_t&);
percore::Task<> until_set(Wait wait, std::uint64_t& resumes) {
  percore::Event event;
  auto setter = percore::spawn(sets_later(event));
  co_await wait(event, resumes);
  co_await setter;
}

/// The mistake: the event dies, and the one who waits for it lives.
void destroy_a_waited_event() {
  percore::Executor executor;
  executor.run([]() -> percore::Task<> {
    auto event = std::make_unique<percore::Event>();
    std::uint64_t resumes = 0;
    auto waiter = percore::spawn(waits(*event, resumes));
    co_await percore::yield();
    event.reset();
    co_await waiter;
  }());
}

}  // namespace

void barging(percore::Executor& executor) {
  const auto row = [](const char* what, const Race& race) {
    fmt::print("  {:<36}{}\n", what,
               race.large_in_time ? "its turn came" : "it waited until the others had ended");
  };
  fmt::print(
      "3 units; four tasks take one each, again and again, 1000 times in all; a fifth wants all "
      "3\n\n");
  Race unfair;
  Barging barging{.units = all_units, .changed = {}};
  executor.run(race_for(barging, unfair));
  row("whoever finds enough takes them", unfair);
  Race fair;
  percore::Semaphore semaphore(all_units);
  executor.run(race_for(semaphore, fair));
  row("percore::Semaphore", fair);
  fmt::print(
      "\nWhat happened: there never were three units at once, because those who wanted one took "
      "each "
      "as it came.\n"
      "First come, first served, and nobody overtakes, however little they want. This is S1.\n");
}

void lost_units(percore::Executor& executor) {
  percore::Semaphore by_hand(3);
  percore::Semaphore held(3);
  executor.run(three_fail(by_hand, true));
  executor.run(three_fail(held, false));
  fmt::print("3 units; three tasks take one each, and fail\n\n");
  fmt::print("  {:<36}{} left\n", "acquire(), work, release()", by_hand.available());
  fmt::print("  {:<36}{} left\n", "hold(), work", held.available());
  fmt::print(
      "\nWhat happened: an exception went past the release(), and nobody will ever get those units "
      "again. Let an\n"
      "object hold them, and its destructor give them back. This is S2.\n");
}

void spinning(percore::Executor& executor) {
  fmt::print("a task waits 20 ms for an event\n\n");
  const auto row = [&](const char* what, Wait wait) {
    std::uint64_t resumes = 0;
    executor.run(until_set(wait, resumes));
    fmt::print("  {:<36}{:>9} resumes\n", what, resumes);
  };
  row("while (!event.is_set()) yield()", asks);
  row("co_await event.wait()", waits);
  fmt::print(
      "\nWhat happened: who asks again and again is always ready, so the thread never sleeps. Who "
      "waits is in no\n"
      "queue but the event's, until it is woken, once. This is S3.\n");
}

void forgotten_waiter() {
  const std::string words = last_words(destroy_a_waited_event);
  fmt::print("{}\n", words.substr(words.find("a semaphore")));
  fmt::print(
      "\nWhat happened: the event was gone, and a task still waited for it. Nobody could ever wake "
      "it. "
      "Close a\n"
      "gate first, and wait until the last one has left. This is S6.\n");
}

}  // namespace lesson
