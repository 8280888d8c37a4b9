// 07.3 lying_bench: the learner's benchmark of a store whose every lookup is known, on a simulated
// clock. Each check leaves out what the others are about, so that each lie can be mended by itself.

#include <lying_bench.hpp>

#include <percore/check.hpp>

#include <optional>
#include <string>

using percore::check::fail;
using percore::check::require;
using percore::check::Run;

namespace {

constexpr const char* the_work = "Lesson 07, *The work, and only the work*";
constexpr const char* omission = "Lesson 07, *Coordinated omission*";
constexpr const char* percentiles = "Lesson 07, *Percentiles*";

struct Store {
  std::vector<std::int64_t> takes_ns;  // each lookup, in the order of the keys
  std::int64_t period_ns = 10'000;
  std::int64_t key_takes_ns = 0;
  bool lazy = false;  // the optimizer is at work
};

class SimulatedBench final : public Bench {
 public:
  SimulatedBench(Run& run, Store store) : run_(run), store_(std::move(store)) {
    done_.resize(store_.takes_ns.size());
    asked_for_.resize(store_.takes_ns.size());
    // Neither says which lookup it belongs to, nor one the other: they must come from the store.
    first_key_ = 1'000'000 + static_cast<unsigned>(run.random(1'000'000));
    first_value_ = 3'000'000 + static_cast<unsigned>(run.random(1'000'000));
  }

  unsigned requests() const override { return static_cast<unsigned>(store_.takes_ns.size()); }
  std::int64_t period_ns() const override { return store_.period_ns; }
  std::int64_t now_ns() override {
    clock_was_read_ = clock_was_read_since_a_key_ = true;
    return clock_ns_;
  }
  void sleep_until_ns(std::int64_t moment) override {
    if (moment <= clock_ns_) return;
    if (asked_ == 0) slept_before_all_ns_ += moment - clock_ns_;
    clock_ns_ = moment;
  }

  Key make_key(unsigned number) override {
    require(number < requests(), "key {} was made, and there are {}", number, requests());
    clock_ns_ += store_.key_takes_ns;
    if (asked_ != 0) ++keys_made_late_;
    clock_was_read_since_a_key_ = false;
    return {first_key_ + number};
  }

  Value look_up(const Key& key) override {
    const unsigned number = key.number - first_key_;  // wraps round for one that is too small
    require(number < requests(), "a key was looked up that make_key() had not made");
    run_.operation(number);
    if (asked_ == 0) began_before_the_keys_ = clock_was_read_ && !clock_was_read_since_a_key_;
    ++asked_;
    ++asked_for_[number];
    if (!store_.lazy) do_it(number);
    return {first_value_ + number};
  }
  void use(const Value& value) override {
    const unsigned number = value.number - first_value_;
    require(number < requests() && asked_for_[number] != 0,
            "a value was used that no lookup gave: use() wants what look_up() returns");
    do_it(number);
  }

  std::size_t asked() const { return asked_; }
  std::size_t done() const { return static_cast<std::size_t>(std::ranges::count(done_, true)); }
  unsigned most_of_one_key() const { return std::ranges::max(asked_for_); }
  unsigned keys_made_late() const { return keys_made_late_; }
  bool began_before_the_keys() const { return began_before_the_keys_ && keys_made_late_ == 0; }
  std::int64_t slept_before_all_ns() const { return slept_before_all_ns_; }

 private:
  void do_it(unsigned number) {
    if (done_[number]) return;
    done_[number] = true;
    clock_ns_ += store_.takes_ns[number];
  }

  Run& run_;
  Store store_;
  std::int64_t clock_ns_ = 1'000'000;
  unsigned first_key_ = 0;
  unsigned first_value_ = 0;
  bool clock_was_read_ = false;
  bool clock_was_read_since_a_key_ = false;
  bool began_before_the_keys_ = false;
  std::int64_t slept_before_all_ns_ = 0;
  std::vector<unsigned> asked_for_;  // how often each key was looked up
  std::vector<bool> done_;
  std::size_t asked_ = 0;
  unsigned keys_made_late_ = 0;
};

/// So many lookups of 500 to 600 ns.
Store quick_store(Run& run, unsigned lookups) {
  Store store;
  for (unsigned i = 0; i < lookups; ++i)
    store.takes_ns.push_back(500 + static_cast<std::int64_t>(run.random(101)));
  return store;
}

/// One of them stalls, for so many periods. Returns which.
std::size_t let_one_stall(Run& run, Store& store, std::int64_t periods) {
  const std::size_t which = store.takes_ns.size() / 4 + run.random(store.takes_ns.size() / 4);
  store.takes_ns[which] = periods * store.period_ns;
  return which;
}

/// How long each lookup takes from the moment that it is due, and from when it can begin.
struct Waits {
  std::vector<std::int64_t> from_due;
  std::vector<std::int64_t> from_start;
};
Waits waits_of(const Store& store) {
  Waits waits;
  std::int64_t free_at = 0;
  for (std::size_t i = 0; i < store.takes_ns.size(); ++i) {
    const std::int64_t due = static_cast<std::int64_t>(i) * store.period_ns;
    free_at = std::max(free_at, due) + store.takes_ns[i];
    waits.from_due.push_back(free_at - due);
    waits.from_start.push_back(store.takes_ns[i]);
  }
  return waits;
}

/// By itself: the learner's file has one of its own.
std::int64_t place_of(std::vector<std::int64_t> values, unsigned percent) {
  std::ranges::sort(values);
  return values[(values.size() * percent + 99) / 100 - 1];
}

std::int64_t mean_of(const std::vector<std::int64_t>& values) {
  std::int64_t sum = 0;
  for (const std::int64_t value : values) sum += value;
  return sum / static_cast<std::int64_t>(values.size());
}

void expect_all_counted(const SimulatedBench& bench, const Report& report) {
  require(bench.asked() == bench.requests(), "{} lookups were due, and {} were made",
          bench.requests(), bench.asked());
  require(bench.most_of_one_key() == 1,
          "{} lookups were made, of the same key {} times: lookup i is one of key i", bench.asked(),
          bench.most_of_one_key());
  require(report.counted == bench.requests(), "{} lookups were made, and the report counts {}",
          bench.requests(), report.counted);
  const std::int64_t least = std::min(report.typical_ns, report.p99_ns);
  require(least >= 0,
          "the report says that lookups take {} ns, which is less than nothing: they were made "
          "before they were due, where users had not come yet. Sleep until then",
          least);
}

}  // namespace

PERCORE_CHECK("", the_work_is_done, "G2", "the work is done within what is timed", the_work,
              .ring = false) {
  Store store = quick_store(run, run.size(20, 500));
  for (std::int64_t& took : store.takes_ns) took = 550;
  store.lazy = true;
  SimulatedBench bench(run, store);
  const Report report = measure(bench);
  expect_all_counted(bench, report);
  require(bench.done() == bench.requests(),
          "{} lookups were timed, and {} of them were done: nobody uses what they give, so the "
          "optimizer leaves them out",
          bench.requests(), bench.done());
  require(report.typical_ns == 550,
          "each lookup takes 550 ns, and the report says {}: the result is used where the time is "
          "taken no more, and that is when the work is done",
          report.typical_ns);
}

PERCORE_CHECK("", only_the_work_is_timed, "G2", "what prepares the work is not timed", the_work,
              .ring = false) {
  Store store = quick_store(run, run.size(20, 500));
  store.key_takes_ns = 400;
  SimulatedBench bench(run, store);
  const Report report = measure(bench);
  expect_all_counted(bench, report);
  const std::int64_t right = place_of(store.takes_ns, 99);
  require(!bench.began_before_the_keys(),
          "`begin` was taken before the keys were made, so the first lookups were due while there "
          "were no keys yet: 99 of a hundred take at most {} ns, and the report says {}. Make the "
          "keys, then look at the clock",
          right, report.p99_ns);
  require(report.p99_ns < right + store.key_takes_ns,
          "99 of a hundred lookups take at most {} ns, and the report says {}: making a key takes "
          "{} ns, and is timed with the lookup",
          right, report.p99_ns, store.key_takes_ns);
  require(bench.keys_made_late() == 0,
          "{} keys were made after the first lookup: when the store falls behind, users wait for "
          "keys and not for the store alone. Prepare all before the first is due",
          bench.keys_made_late());
}

PERCORE_CHECK("", from_the_moment_it_was_due, "G7", "a wait counts from the moment that was due",
              omission, .ring = false) {
  Store store = quick_store(run, run.size(200, 2'000));
  const auto periods = static_cast<std::int64_t>(store.takes_ns.size() / 5);
  const std::size_t stalled = let_one_stall(run, store, periods);
  SimulatedBench bench(run, store);
  const Report report = measure(bench);
  expect_all_counted(bench, report);
  require(bench.slept_before_all_ns() == 0,
          "the first lookup is due at once, and the benchmark slept for {} ns before it: lookup i "
          "is due i periods after `begin`",
          bench.slept_before_all_ns());
  const Waits waits = waits_of(store);
  const std::int64_t right = place_of(waits.from_due, 99);
  if (report.p99_ns == right) return;
  if (report.p99_ns == place_of(waits.from_start, 99))
    fail(
        "lookup {} stalls for {} periods, so as many users wait who come meanwhile, and the "
        "report says that 99 of a hundred wait for at most {} ns: it is {}. Only one wait was "
        "counted, since the others had not been asked yet",
        stalled, periods, report.p99_ns, right);
  fail(
      "lookup {} stalls for {} periods; from the moments that were due 99 of a hundred wait for at "
      "most {} ns, and the report says {}",
      stalled, periods, right, report.p99_ns);
}

PERCORE_CHECK("", typical_is_what_half_of_them_take, "G5", "the median says what is usual",
              percentiles, .ring = false) {
  Store store = quick_store(run, run.size(200, 2'000));
  store.period_ns = 100'000'000;  // nobody ever waits for another
  const std::size_t stalled = run.random(store.takes_ns.size());
  store.takes_ns[stalled] = 90'000'000;
  SimulatedBench bench(run, store);
  const Report report = measure(bench);
  expect_all_counted(bench, report);
  const std::int64_t right = place_of(store.takes_ns, 50);
  if (report.typical_ns == right) return;
  if (report.typical_ns == mean_of(store.takes_ns))
    fail(
        "one of {} lookups took 90 ms, the others at most 600 ns, and the report says that {} ns "
        "are typical: that is the mean, and no lookup took as long. Half of them took at most {}",
        store.takes_ns.size(), report.typical_ns, right);
  fail("half of the lookups took at most {} ns, and the report says that {} are typical", right,
       report.typical_ns);
}
