#include <percore/executor.hpp>
#include <percore/sync.hpp>
#include <vector>

// Exercise 02.4, kind: use. Fill in fetch_all(); leave its name and its parameters as they are. Add
// what you need above it.
//
//   percore::Semaphore places(n);                         n units
//   const auto place = co_await places.hold();            one of them, until `place` is gone
//   percore::JoinHandle<int> handle = percore::spawn(task);
//   const int value = co_await handle;                    its value, or its exception
//
// Two rules for coroutines: no co_await inside a condition (g++ 12 miscompiles some of those), and
// none inside a catch block (the language forbids it).

/// Fetches one page. It may take a while, and it may throw.
using Fetch = percore::Task<int> (*)(unsigned page);

/// Calls fetch(page) for each page from 0 to pages - 1, at most `at_once` at the same time.
/// at_once   above zero. As many as may run do run; they begin in the order of the pages.
/// Returns   the results in the order of the pages.
/// Throws    when all have ended, what the first of them (in the order of the pages) has thrown.
percore::Task<std::vector<int>> fetch_all(unsigned pages, unsigned at_once, Fetch fetch) {
  // TODO
  static_cast<void>(at_once);
  std::vector<int> results;
  for (unsigned page = 0; page < pages; ++page) {
    const int result = co_await fetch(page);
    results.push_back(result);
  }
  co_return results;
}
