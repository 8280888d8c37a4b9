#include <exception>
#include <percore/executor.hpp>
#include <percore/sync.hpp>
#include <vector>

/// Fetches one page. It may take a while, and it may throw.
using Fetch = percore::Task<int> (*)(unsigned page);

namespace {

/// Holds its place as long as it fetches, however that ends.
percore::Task<int> fetch_one(percore::Semaphore& places, unsigned page, Fetch fetch) {
  const percore::SemaphoreUnits place = co_await places.hold();
  co_return co_await fetch(page);
}

}  // namespace

/// Calls fetch(page) for each page from 0 to pages - 1, at most `at_once` at the same time.
percore::Task<std::vector<int>> fetch_all(unsigned pages, unsigned at_once, Fetch fetch) {
  percore::Semaphore places(at_once);
  std::vector<percore::JoinHandle<int>> handles;
  for (unsigned page = 0; page < pages; ++page)
    handles.push_back(percore::spawn(fetch_one(places, page, fetch)));
  std::vector<int> results;
  std::exception_ptr first;
  for (auto& handle : handles) {
    try {
      const int result = co_await handle;
      results.push_back(result);
    } catch (...) {
      if (!first) first = std::current_exception();
    }
  }
  if (first) std::rethrow_exception(first);
  co_return results;
}
