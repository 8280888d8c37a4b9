// `if (co_await f())` with a body that has no local variable: g++ 12 skips the final suspend, the
// task never ends.

#include "probe_task.hpp"

probe::Task<bool> answer() {
  co_return true;
}

probe::Task<int> in_if() {
  int result = 1;
  if (co_await answer()) result = 2;
  co_return result;
}

probe::Task<int> in_if_with_empty_body() {
  if (co_await answer()) {
  }
  co_return 2;
}

probe::Task<int> in_return() {
  if (co_await answer()) co_return 2;
  co_return 1;
}

int main() {
  auto first = in_if();
  if (!first.run() || first.result() != 2)
    return probe::fail("if (co_await f()): the task never ends");
  auto second = in_if_with_empty_body();
  if (!second.run() || second.result() != 2)
    return probe::fail("if (co_await f()) {}: the task never ends");
  auto third = in_return();
  if (!third.run() || third.result() != 2)
    return probe::fail("if (co_await f()) co_return: the task never ends");
  return 0;
}
