#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

// Exercise 07.3, kind: fix. measure() lies in four ways. Mend it, and leave the rest as it is: the
// checker has a Bench of its own, with a simulated clock.

/// A question that can be asked, and what came of it.
struct Key {
  unsigned number;
};
struct Value {
  unsigned number;
};

/// A store under test, the clock, and an optimizer.
class Bench {
 public:
  virtual ~Bench() = default;

  /// So many lookups are to be made, one due each period, the first at once.
  virtual unsigned requests() const = 0;
  virtual std::int64_t period_ns() const = 0;

  virtual std::int64_t now_ns() = 0;
  /// Until that moment; not at all where it has passed.
  virtual void sleep_until_ns(std::int64_t moment) = 0;

  /// The key of lookup `number`. That takes a while, and is no part of a lookup.
  virtual Key make_key(unsigned number) = 0;

  /// Looks a key up: this is what is to be timed. One lookup at a time.
  /// The optimizer is a good one: it leaves out, or puts off, what nobody uses the result of.
  virtual Value look_up(const Key& key) = 0;
  /// Somebody uses the result, at this place. Costs nothing.
  virtual void use(const Value& value) = 0;
};

/// What is said of the store.
struct Report {
  std::size_t counted = 0;      // lookups
  std::int64_t typical_ns = 0;  // a lookup takes so long, as a rule: half of them at most that
  std::int64_t p99_ns = 0;      // 99 of a hundred at most that
};

/// The value that `percent` of a hundred do not exceed. This one is right.
inline std::int64_t percentile(std::vector<std::int64_t> values, unsigned percent) {
  std::sort(values.begin(), values.end());
  const std::size_t place = (values.size() * percent + 99) / 100;
  return values[place == 0 ? 0 : place - 1];
}

/// How long users wait for a lookup who come one each period, whatever becomes of the others.
inline Report measure(Bench& bench) {
  std::vector<std::int64_t> took_ns;
  std::int64_t sum_ns = 0;
  const std::int64_t begin = bench.now_ns();
  for (unsigned i = 0; i < bench.requests(); ++i) {
    bench.sleep_until_ns(begin + i * bench.period_ns());
    const std::int64_t started = bench.now_ns();
    const Key key = bench.make_key(i);
    bench.look_up(key);
    const std::int64_t took = bench.now_ns() - started;
    took_ns.push_back(took);
    sum_ns += took;
  }
  Report report;
  report.counted = took_ns.size();
  report.typical_ns = sum_ns / static_cast<std::int64_t>(took_ns.size());
  report.p99_ns = percentile(took_ns, 99);
  return report;
}
