// Temporaries inside a co_await expression, each of which must be destroyed once: a lambda with a
// capture that has a destructor, an aggregate with such a member, an initializer list.

#include <initializer_list>

#include "probe_task.hpp"

static int alive = 0;

struct Counted {
  Counted() { ++alive; }
  Counted(const Counted&) { ++alive; }
  Counted(Counted&&) noexcept { ++alive; }
  ~Counted() { --alive; }
};

struct Aggregate {
  Counted member;
  int value;
};

template <typename F>
probe::Task<int> call(F f) {
  co_return f();
}

probe::Task<int> take(Aggregate aggregate) {
  co_return aggregate.value;
}

probe::Task<int> add(std::initializer_list<int> numbers) {
  int sum = 0;
  for (const int number : numbers) sum += number;
  co_return sum;
}

probe::Task<int> with_lambda() {
  Counted counted;
  const int got = co_await call([counted] { return 7; });
  co_return got;
}

probe::Task<int> with_aggregate() {
  const int got = co_await take(Aggregate{Counted{}, 7});
  co_return got;
}

probe::Task<int> with_list() {
  const int got = co_await add({1, 2, 4});
  co_return got;
}

int main() {
  {
    auto first = with_lambda();
    if (!first.run() || first.result() != 7)
      return probe::fail("co_await f([x] {...}) gives a wrong value");
  }
  if (alive != 0)
    return probe::fail("co_await f([x] {...}): the capture is destroyed twice or never");
  {
    auto second = with_aggregate();
    if (!second.run() || second.result() != 7)
      return probe::fail("co_await f(Aggregate{...}) gives a wrong value");
  }
  if (alive != 0)
    return probe::fail("co_await f(Aggregate{...}): a member is destroyed twice or never");
  auto third = with_list();
  if (!third.run() || third.result() != 7)
    return probe::fail("co_await f({1, 2, 4}) gives a wrong value");
  return 0;
}
