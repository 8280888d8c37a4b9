// 02.4 fetch_all: pages that take different times, some of which fail.

#include <percore/timer.hpp>
#include <stdexcept>

#include "support.hpp"

using Fetch = percore::Task<int> (*)(unsigned page);
percore::Task<std::vector<int>> fetch_all(unsigned pages, unsigned at_once, Fetch fetch);

using namespace checks;
using percore::now;

using percore::check::fail;

namespace {

struct Page {
  Time duration;
  bool throws = false;
};
/// The server that is asked.
struct Server {
  percore::check::Run* run = nullptr;
  std::vector<Page> pages;
  unsigned at_once = 0;
  unsigned inside = 0;
  unsigned begun = 0;
  unsigned ended = 0;
  bool caller_gone = false;
  std::string threw;  // the last one that did
  Time quiet_since;
};
Server server;

/// Looks whether nothing goes on any more though pages are left: who waits for a place that nobody
/// will give back waits for ever.
class Stuck final : public percore::Poller {
  bool poll() override {
    if (server.inside != 0 || server.begun == server.pages.size() || now() < next_deadline())
      return false;
    const std::size_t left = server.pages.size() - server.begun;
    if (server.threw.empty())
      fail("no page is being fetched, and {} have not begun: as soon as one ends, the next begins",
           left);
    fail_with("S2", the_semaphore,
              percore::check::say(
                  "page {} threw, {} pages have not begun, and none is being fetched: a page "
                  "that threw still holds its place",
                  server.threw, left));
  }
  Time next_deadline() const override {
    return server.begun == server.pages.size() ? Time::never() : server.quiet_since + ms(5);
  }
};

Task<int> fetch(unsigned page) {
  server.run->operation(page);
  require(page < server.pages.size(), "page {} was fetched, and there are {}", page,
          server.pages.size());
  require(page == server.begun, "page {} was begun as number {}: they begin in their order", page,
          server.begun);
  ++server.begun;
  require(++server.inside <= server.at_once, "{} pages were fetched at once, and {} are allowed",
          server.inside, server.at_once);
  static_cast<void>(co_await percore::sleep_for(server.pages[page].duration));
  require(!server.caller_gone,
          "fetch_all() had ended, and page {} was still being fetched: it waits for all, also when "
          "one throws",
          page);
  --server.inside;
  ++server.ended;
  server.quiet_since = now();
  if (server.pages[page].throws) {
    server.threw = std::to_string(page);
    throw std::runtime_error(server.threw);
  }
  co_return static_cast<int>(page) + 100;
}

/// How long it takes when each place is filled as soon as it is free.
Time shortest() {
  std::vector<Time> free_at(server.at_once);
  for (const Page& page : server.pages) {
    const auto first = std::ranges::min_element(free_at);
    *first = *first + page.duration;
  }
  return std::ranges::max(free_at);
}

Task<> fetches() {
  const auto count = static_cast<unsigned>(server.pages.size());
  const Time start = now();
  std::vector<int> results;
  std::string thrown;
  try {
    results = co_await fetch_all(count, server.at_once, &fetch);
  } catch (const std::runtime_error& error) {
    thrown = error.what();
  }
  server.caller_gone = true;
  require(server.ended == count,
          "fetch_all() ended when {} of {} pages had been fetched: it waits for all, also when one "
          "throws",
          server.ended, count);
  const auto failed = std::ranges::find(server.pages, true, &Page::throws);
  if (failed != server.pages.end()) {
    const auto first = std::to_string(failed - server.pages.begin());
    require(!thrown.empty(), "page {} failed, and fetch_all() threw nothing", first);
    require(
        thrown == first,
        "page {} is the first in their order that failed, and fetch_all() threw what page {} had "
        "thrown",
        first, thrown);
  } else {
    require(thrown.empty(), "no page failed, and fetch_all() threw");
    require(results.size() == count, "{} pages gave {} results", count, results.size());
    for (unsigned page = 0; page < count; ++page)
      require(results[page] == static_cast<int>(page) + 100,
              "the result of page {} stands in the place of page {}", results[page] - 100, page);
  }
  const Time late = now() - start - shortest();
  require(late <= us(20 * (count + 1)),
          "{} pages, {} at once, could be there after {} us, and took {} us more: as soon as one "
          "ends, the next begins",
          count, server.at_once, shortest().nanoseconds / 1'000, late.nanoseconds / 1'000);
  static_cast<void>(co_await percore::sleep_for(ms(3)));  // who still runs is seen
}

}  // namespace

namespace {

/// `at_once` 0: as many as there are pages, so that nobody waits for a place.
void fetch_on(percore::check::Run& run, unsigned at_once, unsigned percent_throws) {
  server = {.run = &run};
  const unsigned count = run.size(1, 20);
  server.at_once = at_once == 0 ? count : at_once;
  for (unsigned page = 0; page < count; ++page)
    server.pages.push_back({.duration = us(50 + static_cast<std::int64_t>(run.random(1'000))),
                            .throws = run.chance(percent_throws)});
  run.waits_for("pages that are fetched");
  const std::int64_t blocks = live_allocations();
  {
    server.quiet_since = now();
    Stuck stuck;
    Executor executor({.ring = {.entries = 8}});
    executor.add_poller(stuck);
    executor.run(fetches());
    executor.remove_poller(stuck);
  }
  require(live_allocations() == blocks, "fetch_all() has ended, and {} blocks of memory are taken",
          live_allocations() - blocks);
}

}  // namespace

PERCORE_CHECK("", so_many_at_a_time, "S1",
              "at most so many at once, as many as may, in the order of the pages", the_semaphore,
              .faults = false) {
  fetch_on(run, 1 + static_cast<unsigned>(run.random(5)), 0);
}

PERCORE_CHECK("", throws_the_first_when_all_have_ended, "C1",
              "when all have ended, what the first of them, in their order, has thrown is thrown",
              all_of_them, .faults = false) {
  fetch_on(run, 0, 30);
}

PERCORE_CHECK("", a_place_survives_a_throw, "S2", "a place is given back however its task ends",
              the_semaphore, .faults = false) {
  fetch_on(run, 1 + static_cast<unsigned>(run.random(5)), 25);
}

PERCORE_ORACLE(sleeps_for_ever, "S2",
               "units are never lost: a page that threw still holds its place",
               "Lesson 02, *The semaphore*");
