// A co_await in the condition of a loop, of ?: and of &&.

#include "probe_task.hpp"

probe::Task<int> next(int& count) {
  co_return ++count;
}

probe::Task<int> in_while() {
  int count = 0;
  while (co_await next(count) < 10) {
  }
  co_return count;
}

probe::Task<int> in_choice() {
  int count = 0;
  co_return co_await next(count) > 0 ? co_await next(count) : -1;
}

probe::Task<int> in_and() {
  int count = 0;
  const bool both = co_await next(count) == 1 && co_await next(count) == 2;
  co_return both ? count : -1;
}

int main() {
  auto first = in_while();
  if (!first.run() || first.result() != 10)
    return probe::fail("while (co_await f()): wrong, or the task never ends");
  auto second = in_choice();
  if (!second.run() || second.result() != 2)
    return probe::fail("co_await in ?: is wrong, or the task never ends");
  auto third = in_and();
  if (!third.run() || third.result() != 2)
    return probe::fail("co_await in && is wrong, or the task never ends");
  return 0;
}
