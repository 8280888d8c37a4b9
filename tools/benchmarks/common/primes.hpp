#pragma once

#include <measure.hpp>

#include <functional>
#include <thread>

/// The suite `cpu`, the same work for every runtime (the Rust programs repeat it): primes below
/// 200,000 by trial division, in 64 chunks of equal length, half of them on each of two executors.
namespace bench {

inline constexpr std::uint64_t primes_below = 200'000;
inline constexpr std::uint64_t primes_there_are = 17'984;
inline constexpr std::uint64_t chunks = 64;
inline constexpr std::size_t cpu_rounds = 9;
inline constexpr std::size_t passes_a_round = 20;  // so that starting two threads is not seen

inline bool is_prime(std::uint64_t number) {
  if (number < 2) return false;
  for (std::uint64_t divisor = 2; divisor * divisor <= number; ++divisor)
    if (number % divisor == 0) return false;
  return true;
}

/// Those of chunk `chunk`. Not inlined, and at the beginning of a cache line, so that the same code
/// runs everywhere: where its loop begins in a line can make more of a difference than the goal
/// allows.
[[gnu::noinline, gnu::aligned(64)]] inline std::uint64_t primes_in(std::uint64_t chunk) {
  constexpr std::uint64_t length = primes_below / chunks;
  std::uint64_t found = 0;
  for (std::uint64_t number = chunk * length; number < (chunk + 1) * length; ++number)
    found += is_prime(number) ? 1 : 0;
  return found;
}

/// A round where threads are made by hand: find_half(number, found) adds up one half of all passes.
template <typename FindHalf>
std::uint64_t on_two_threads(FindHalf find_half) {
  std::uint64_t first = 0, second = 0;
  std::thread other(find_half, 1, std::ref(second));
  find_half(0, first);
  other.join();
  return first + second;
}

/// CPU time of all threads.
inline std::int64_t process_cpu_ns() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

/// Runs `round`, which has two executors find all primes so often and gives their number. Prints
/// the median of half the CPU time of one pass: what one waits where each executor has a CPU to
/// itself, and the same on a machine that is busy.
template <typename Round>
void measure_cpu(const char* suite, Round round) {
  if (std::string_view(suite) != "cpu") unknown_suite("cpu", suite, "cpu");
  std::vector<double> ms;
  for (std::size_t i = 0; i <= cpu_rounds; ++i) {
    const std::int64_t from = process_cpu_ns();
    check_sum(round(), passes_a_round * primes_there_are);
    const auto both = static_cast<double>(process_cpu_ns() - from) / passes_a_round;
    if (i != 0) ms.push_back(both / 2e6);
  }
  print_json({{"cpu", percentile(ms, 50), "ms"}});
}

}  // namespace bench
