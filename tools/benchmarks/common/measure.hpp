#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

/// What the benchmark programs share. It knows no runtime: each of them measures with the same
/// clock and the same rules.
namespace bench {

inline std::int64_t now_ns() noexcept {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

/// The smallest value that at least `percent` of `values` do not exceed. Of an even number the
/// median is therefore the lower one of the two in the middle: one that was measured, and no mean.
/// Requires   at least one value.
inline double percentile(std::vector<double> values, double percent) {
  std::sort(values.begin(), values.end());
  // What is a whole number on paper may come out a little above it.
  const double wanted = percent * static_cast<double>(values.size()) / 100.0 - 1e-9;
  std::size_t rank = 1;
  while (static_cast<double>(rank) < wanted) ++rank;
  return values[rank - 1];
}

/// CPU time of this thread: what the work costs even where something else has the CPU in between. A
/// system call, so it is read once a round; the rounds are long enough for that not to show.
inline std::int64_t cpu_ns() noexcept {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

/// now_ns() or cpu_ns(), and in a test what it says.
using Clock = std::int64_t (*)();

/// Times rounds of the same work and gives the median of their CPU times. `while (timer.next())
/// one_round();` is the whole use, so that the round can be ordinary code or a part of a coroutine.
class RoundTimer {
 public:
  explicit RoundTimer(std::size_t operations_a_round, Clock clock = cpu_ns)
      : clock_(clock), operations_(static_cast<double>(operations_a_round)) {}

  bool next() {
    const std::int64_t now = clock_();
    if (first_ == 0) {
      first_ = now;
    } else if (now - first_ > warm_up_ns) {
      if (measured_from_ == 0) measured_from_ = now;
      rounds_.push_back(static_cast<double>(now - round_from_) / operations_);
    }
    const bool enough = rounds_.size() >= rounds_min && now - measured_from_ > measure_ns;
    round_from_ = clock_();
    return !enough;
  }

  double median_ns() const { return percentile(rounds_, 50); }

 private:
  static constexpr std::int64_t warm_up_ns = 50'000'000;
  static constexpr std::int64_t measure_ns = 200'000'000;
  static constexpr std::size_t rounds_min = 5;

  Clock clock_;
  double operations_;
  std::int64_t first_ = 0;
  std::int64_t measured_from_ = 0;
  std::int64_t round_from_ = 0;
  std::vector<double> rounds_;
};

/// The resident set, to the page: smaps_rollup walks the page tables, where statm gives a count
/// that each CPU adds to in batches (proc(5)).
inline std::int64_t resident_bytes() {
  std::FILE* const file = std::fopen("/proc/self/smaps_rollup", "r");
  if (file == nullptr) {
    std::perror("/proc/self/smaps_rollup (Linux 4.14) cannot be read");
    std::exit(3);
  }
  long long kib = -1;
  char line[256];
  while (std::fgets(line, sizeof line, file) != nullptr) {
    if (std::sscanf(line, "Rss: %lld", &kib) == 1) break;
  }
  std::fclose(file);
  return kib * 1024;
}

struct Metric {
  std::string name;
  double value;
  std::string_view unit;
};

/// One JSON line: {"metrics": [{"name": "spawn", "value": 9.3, "unit": "ns"}]}
inline void print_json(const std::vector<Metric>& metrics) {
  std::printf("{\"metrics\": [");
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    std::printf("%s{\"name\": \"%s\", \"value\": %.4f, \"unit\": \"%.*s\"}", i == 0 ? "" : ", ",
                metrics[i].name.c_str(), metrics[i].value, static_cast<int>(metrics[i].unit.size()),
                metrics[i].unit.data());
  }
  std::printf("]}\n");
}

/// The work, the same for every runtime (the Rust program repeats these numbers).
inline constexpr std::size_t spawns_a_round = 10'000;
inline constexpr std::size_t yields_a_round = 100'000;
inline constexpr std::size_t yielding_tasks = 1'000;
inline constexpr std::size_t yields_a_task = 1'000;
inline constexpr std::size_t latency_samples = 100'000;
inline constexpr std::size_t latency_warm_up = 10'000;
inline constexpr std::size_t suspended_tasks = 10'000;
inline constexpr std::size_t sleeps = 2'000;
inline constexpr std::size_t sleeps_warm_up = 100;
inline constexpr std::int64_t sleep_ns = 100'000;

/// How many tasks `suite` spawns at once, or 0 for another suite.
inline std::size_t spawned_at_once(std::string_view suite) {
  if (suite == "spawn100") return 100;
  if (suite == "spawn") return 1'000;
  if (suite == "spawn10k") return 10'000;
  return 0;
}

/// The suite `concurrent`: so many tasks at once, each of which yields so often.
struct Concurrent {
  std::size_t tasks;
  const char* name;
};
inline constexpr Concurrent concurrent[] = {
    {100, "concurrent100"}, {1'000, "concurrent1k"}, {10'000, "concurrent10k"}};
inline constexpr std::size_t concurrent_yields = 10;
inline constexpr std::size_t concurrent_a_round = 10'000;  // tasks, all in all

/// What latency gives, from its samples.
inline std::vector<Metric> latency_metrics(const std::vector<double>& samples) {
  return {{"latency_p50", percentile(samples, 50), "ns"},
          {"latency_p99", percentile(samples, 99), "ns"}};
}

/// How late, in microseconds, a sleep went on that began at `from`.
inline double late_us(std::int64_t from) {
  return static_cast<double>(now_ns() - from - sleep_ns) / 1000;
}

/// What timer gives, from the lateness of its sleeps.
inline std::vector<Metric> timer_metrics(const std::vector<double>& late) {
  return {{"timer_p50", percentile(late, 50), "us"}, {"timer_p99", percentile(late, 99), "us"}};
}

/// Every suite sums what its tasks return, so that no compiler can leave the work out.
inline void check_sum(std::uint64_t got, std::uint64_t expected) {
  if (got == expected) return;
  std::fprintf(stderr, "the tasks returned %llu in sum, expected %llu: the benchmark is broken\n",
               static_cast<unsigned long long>(got), static_cast<unsigned long long>(expected));
  std::exit(1);
}

[[noreturn]] inline void unknown_suite(const char* program, const char* suite, const char* known) {
  std::fprintf(stderr, "%s: no suite is called \"%s\"; there are %s\n", program, suite, known);
  std::exit(2);
}

}  // namespace bench
