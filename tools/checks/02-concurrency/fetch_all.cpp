// 02.4 fetch_all: pages that take different times, some of which fail.

#include <percore/timer.hpp>
#include <stdexcept>

#include "support.hpp"

using Fetch = percore::Task<int> (*)(unsigned page);
percore::Task<std::vector<int>> fetch_all(unsigned pages, unsigned at_once, Fetch fetch);

using namespace checks;
using percore::now;

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
};
Server server;

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
  if (server.pages[page].throws) throw std::runtime_error(std::to_string(page));
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
  require(server.ended == count, "fetch_all() ended when {} of {} pages had been fetched",
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

PERCORE_CHECK("", so_many_at_a_time, "S1", "at most so many at once, and as many as may",
              the_semaphore, .faults = false) {
  server = {.run = &run};
  const unsigned count = run.size(1, 20);
  server.at_once = 1 + static_cast<unsigned>(run.random(5));
  const bool some_fail = run.chance(40);
  for (unsigned page = 0; page < count; ++page)
    server.pages.push_back({.duration = us(50 + static_cast<std::int64_t>(run.random(1'000))),
                            .throws = some_fail && run.chance(25)});
  run.waits_for("pages that are fetched");
  const std::int64_t blocks = live_allocations();
  run_on_executor(fetches());
  require(live_allocations() == blocks, "fetch_all() has ended, and {} blocks of memory are taken",
          live_allocations() - blocks);
}

PERCORE_ORACLE(sleeps_for_ever, "S2",
               "units are never lost: a place is given back however its task ends",
               "Lesson 02, *The semaphore*");
