#include "claim_mistakes.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <percore/clock.hpp>
#include <random>
#include <thread>
#include <vector>

#include <fmt/core.h>

#include "figures.hpp"
#include "frame_rounds.hpp"

namespace lesson {
namespace {

/// Somebody else who wants the CPU, as on any machine that one shares. It inherits the pinning.
class Neighbour {
 public:
  Neighbour()
      : thread_([this] {
          while (!gone_.load(std::memory_order_relaxed)) {
          }
        }) {}
  ~Neighbour() {
    gone_.store(true, std::memory_order_relaxed);
    thread_.join();
  }

 private:
  std::atomic<bool> gone_{false};
  std::thread thread_;
};

/// Long enough for the kernel to let a neighbour in: many rounds in one.
double long_round(const Side& side) {
  constexpr unsigned rounds = 500;
  const percore::Time began = percore::now();
  for (unsigned i = 0; i < rounds; ++i) one_round(side);
  return static_cast<double>((percore::now() - began).nanoseconds) / rounds / 1'000;
}

std::string sign_of(const Figure& gain) {
  return gain.low > 0 ? "faster" : gain.high < 0 ? "slower" : "inconclusive";
}

}  // namespace

void one_order(unsigned rounds) {
  const Side side = from_operator_new();
  const unsigned pairs = std::clamp(rounds / 10, 6U, 20U);
  std::vector<double> first, second;
  {
    for (unsigned i = 0; i < pairs; ++i) first.push_back(long_round(side));
    const Neighbour neighbour;
    for (unsigned i = 0; i < pairs; ++i) second.push_back(long_round(side));
  }
  std::vector<double> in_turn_gains, in_turn_a, in_turn_b;
  const auto in_turn = [&](unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      const double x = long_round(side), y = long_round(side);
      in_turn_a.push_back(i % 2 == 0 ? x : y);
      in_turn_b.push_back(i % 2 == 0 ? y : x);
      in_turn_gains.push_back(in_turn_a.back() - in_turn_b.back());
    }
  };
  in_turn(pairs / 2);
  {
    const Neighbour neighbour;
    in_turn(pairs - pairs / 2);
  }
  std::vector<double> gains;
  for (unsigned i = 0; i < pairs; ++i) gains.push_back(first[i] - second[i]);
  fmt::print("the same code against itself; half-way through a neighbour comes to this CPU\n\n");
  fmt::print("ns a frame, medians               A         B   so B is\n");
  fmt::print("  first all of A, then of B{:>9.1f}{:>10.1f}   {}\n", figure_of(first).median,
             figure_of(second).median, sign_of(figure_of(gains)));
  fmt::print("  A and B in turn          {:>9.1f}{:>10.1f}   {}\n", figure_of(in_turn_a).median,
             figure_of(in_turn_b).median, sign_of(figure_of(in_turn_gains)));
  fmt::print(
      "\nWhat happened: what changed was the machine, and it changed between A and B. In turn,\n"
      "each pair is of one moment, and its difference knows nothing of what comes later.\n");
}

void removed_work() {
  constexpr unsigned numbers = 1'000'000;
  const auto time = [](auto work) {
    const percore::Time began = percore::now();
    work();
    return static_cast<double>((percore::now() - began).nanoseconds) / numbers;
  };
  const auto hash_all = [](std::uint64_t hash) {
    for (std::uint64_t i = 0; i < numbers; ++i) hash = (hash ^ i) * 0x9E3779B97F4A7C15;
    return hash;
  };
  const double removed = time([&] { hash_all(1); });
  const double done = time([&] {
    // As if it came from outside, and went there: neither costs an instruction, and without the
    // first the compiler may do all of it before it looks at the clock.
    std::uint64_t begin = 1;
    asm volatile("" : "+r"(begin));
    const std::uint64_t hash = hash_all(begin);
    asm volatile("" : : "r"(hash));
  });
  fmt::print("a million rounds of a hash\n\n");
  fmt::print("  the result is dropped    {:>7.2f} ns a round\n", removed);
  fmt::print("  the result is used       {:>7.2f} ns a round\n\n", done);
  fmt::print(
      "What happened: nobody can tell whether work was done whose result nobody sees, so the\n"
      "compiler left it out. A figure that is below a clock cycle is the first sign.\n");
}

void setup_inside(unsigned rounds) {
  const Side plain = from_operator_new(), pool = from_the_pool();
  std::mt19937 random(7);
  std::vector<unsigned> order(1'000);
  const auto with_setup = [&](const Side& side) {
    const percore::Time began = percore::now();
    for (unsigned& number : order) number = static_cast<unsigned>(random());
    std::ranges::sort(order);
    one_round(side);
    return static_cast<double>((percore::now() - began).nanoseconds) / 1'000;
  };
  const Pairs right = measure_in_turn(plain, pool, rounds);
  std::vector<double> a, b;
  for (unsigned i = 0; i < rounds; ++i) {
    a.push_back(with_setup(plain));
    b.push_back(with_setup(pool));
  }
  const auto line = [](const char* what, double first, double second) {
    fmt::print("  {:<30}{:>8.1f}{:>12.1f}{:>14.2f}\n", what, first, second, second / first);
  };
  fmt::print("ns a frame, medians             operator new    the pool    pool of new\n");
  line("the frames alone", figure_of(right.a).median, figure_of(right.b).median);
  line("with the numbers made before", figure_of(a).median, figure_of(b).median);
  fmt::print(
      "\nWhat happened: what both have to do anyway was timed with what differs, and the ratio "
      "moved\ntowards one. Prepare first, then look at the clock.\n");
}

}  // namespace lesson
