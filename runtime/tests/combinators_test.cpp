#include <doctest/doctest.h>

#include <memory>
#include <ostream>
#include <percore/combinators.hpp>
#include <stdexcept>
#include <string>
#include <vector>

using namespace percore;

namespace {

Task<int> gives(int value, Time after) {
  // Cancelled where it has lost a race and the executor ends.
  static_cast<void>(co_await sleep_for(after));
  co_return value;
}

Task<> only_sleeps(Time duration, bool& ended) {
  const auto slept = co_await sleep_for(duration);
  CHECK(slept.has_value());
  ended = true;
}

Task<int> throws(std::string what, Time after) {
  const auto slept = co_await sleep_for(after);
  CHECK(slept.has_value());
  throw std::runtime_error(what);
}

constexpr Time us(std::int64_t microseconds) {
  return Time{microseconds * 1'000};
}

Task<> all_of_them() {
  bool ended = false;
  const auto [a, nothing, b] =
      co_await when_all(gives(1, us(300)), only_sleeps(us(200), ended), gives(2, us(100)));
  CHECK(a == 1);
  CHECK(b == 2);
  CHECK(ended);
  std::vector<Task<int>> tasks;
  for (int i = 0; i < 10; ++i) tasks.push_back(gives(i, us(200 - 10 * i)));
  const auto values = co_await when_all(std::move(tasks));
  CHECK(values == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  std::vector<Task<int>> none;
  const auto empty = co_await when_all(std::move(none));
  CHECK(empty.empty());
}

Task<> one_of_many_throws() {
  bool ended = false;
  std::string caught;
  try {
    co_await when_all(throws("later", us(300)), throws("first in time", us(100)),
                      only_sleeps(us(500), ended));
  } catch (const std::runtime_error& error) {
    caught = error.what();
  }
  CHECK(caught == "later");  // the first in order
  CHECK(ended);              // and it waited for all
  std::vector<JoinHandle<int>> handles;
  handles.push_back(spawn(gives(1, us(10))));
  handles.push_back(spawn(throws("boom", us(1))));
  try {
    co_await join_all(std::move(handles));
  } catch (const std::runtime_error& error) {
    caught = error.what();
  }
  CHECK(caught == "boom");
}

Task<> the_first() {
  std::vector<Task<int>> tasks;
  tasks.push_back(gives(10, us(500)));
  tasks.push_back(gives(20, us(100)));
  tasks.push_back(throws("too late to matter", us(700)));
  const auto first = co_await when_any(std::move(tasks));
  CHECK(first.index == 1);
  CHECK(first.value == 20);
  const auto slept = co_await sleep_for(us(1'000));  // the others end by themselves
  CHECK(slept.has_value());
  std::vector<Task<int>> failing;
  failing.push_back(throws("first", us(10)));
  failing.push_back(gives(1, us(100)));
  std::string caught;
  try {
    co_await when_any(std::move(failing));
  } catch (const std::runtime_error& error) {
    caught = error.what();
  }
  CHECK(caught == "first");
}

Task<int> at_once(int value) {
  co_return value;
}

Task<> timeouts() {
  const auto in_time = co_await with_timeout(gives(7, us(100)), now() + us(50'000));
  CHECK(in_time == 7);
  const auto late = co_await with_timeout(gives(7, us(3600000000)), now() + us(100));
  REQUIRE_FALSE(late.has_value());
  CHECK(late.error() == std::errc::timed_out);
  // Together: the deadline has passed already when the value comes.
  const auto together = co_await with_timeout(at_once(8), now() - us(1));
  CHECK(together == 8);
  CHECK(timers().size() == 1);  // the late one's own sleep: no deadline is left behind
  std::string caught;
  try {
    co_await with_timeout(throws("in time", us(10)), now() + us(50'000));
  } catch (const std::runtime_error& error) {
    caught = error.what();
  }
  CHECK(caught == "in time");
}

}  // namespace

TEST_CASE("when_all gives every value, in the order of the tasks") {
  Executor executor;
  executor.run(all_of_them());
}

TEST_CASE("when one of many throws, the others are waited for first") {
  Executor executor;
  executor.run(one_of_many_throws());
}

TEST_CASE("when_any goes on with the first, and the others run on") {
  Executor executor;
  executor.run(the_first());
}

TEST_CASE("a timeout gives the value when it is there, and leaves no timer") {
  Executor executor;
  executor.run(timeouts());
}
