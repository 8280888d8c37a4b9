// How losing executions are told.

#include "told_text.hpp"

#include <percore/atomic.hpp>
#include <percore/explore.hpp>

#include <doctest/doctest.h>

#include <sstream>

using namespace percore;
namespace explore = percore::explore;

TEST_CASE("the object of an operation is read from its line") {
  using explore::object_in_line;
  CHECK(object_in_line("  tail_.store(tail + 1, std::memory_order_release);", 3) == "tail_");
  CHECK(object_in_line("  return shared->head.load(order) == tail.load(order);", 10) == "head");
  CHECK(object_in_line("  return shared->head.load(order) == tail.load(order);", 41) == "tail");
  CHECK(object_in_line("  wants[1 - me].store(true);", 3) == "wants[1 - me]");
  CHECK(object_in_line("  while (!lock.compare_exchange_weak(a, b)) {", 12) == "lock");
  CHECK(object_in_line("  flag = true;", 3).empty());
  CHECK(object_in_line("  load(order);", 3).empty());
}

TEST_CASE("a stale read names the newer write, its thread and its step") {
  const auto outcome = explore::explore({}, [](explore::Threads& threads) {
    atomic<int> x{0};
    atomic<int> y{0};
    int read[2] = {};
    threads.spawn("left", [&] {
      x.store(1, std::memory_order_release);
      read[0] = y.load(std::memory_order_acquire);
    });
    threads.spawn("right", [&] {
      y.store(1, std::memory_order_release);
      read[1] = x.load(std::memory_order_acquire);
    });
    threads.run();
    explore::require(read[0] == 1 || read[1] == 1, "neither saw the other");
  });
  CHECK(outcome.sentence == "neither saw the other");
  // Of two possible stale reads one is told: the order told has the fewest.
  std::istringstream lines(outcome.history);
  unsigned stale = 0;
  for (std::string line; std::getline(lines, line);)
    stale += line.find("^ stale: ") != std::string::npos;
  CHECK(stale == 1);
  CHECK_MESSAGE(outcome.history.find("has written 1 in step 1 already") != std::string::npos,
                outcome.history);
  CHECK(outcome.history.find("So neither saw the other.") != std::string::npos);
}

TEST_CASE("writes in another order than they were made are told as such") {
  const auto outcome = explore::explore({}, [](explore::Threads& threads) {
    atomic<int> x{0};
    atomic<int> y{0};
    threads.spawn("left", [&] {
      x.store(1, std::memory_order_relaxed);
      y.store(2, std::memory_order_relaxed);
    });
    threads.spawn("right", [&] {
      y.store(1, std::memory_order_relaxed);
      x.store(2, std::memory_order_relaxed);
    });
    threads.run();
    explore::require(x.load() != 1 || y.load() != 1, "both first writes came last");
  });
  CHECK(outcome.sentence == "both first writes came last");
  CHECK_MESSAGE(outcome.history.find("nothing orders the two writes") != std::string::npos,
                outcome.history);
}

TEST_CASE("more threads than fit side by side are told in a list") {
  const auto outcome = explore::explore({}, [](explore::Threads& threads) {
    atomic<int> value{0};
    for (const char* name : {"first", "second", "third", "fourth"})
      threads.spawn(name, [&] { value.store(value.load() + 1, std::memory_order_seq_cst); });
    threads.run();
    explore::require(value.load() == 4, "an increment was lost");
  });
  CHECK_MESSAGE(outcome.history.starts_with("step  thread      what it does\n"), outcome.history);
  std::istringstream lines(outcome.history);
  for (std::string line; std::getline(lines, line);) CHECK_MESSAGE(line.size() <= 118, line);
}
