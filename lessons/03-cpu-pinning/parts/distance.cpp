// Sends a line of memory to another CPU and back, for each kind of neighbour that this machine has.
#include "distance.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <percore/topology.hpp>
#include <thread>
#include <vector>

#include <fmt/core.h>

#include "pin.hpp"

namespace lesson {
namespace {

using percore::Cpu;
using percore::Topology;

constexpr std::uint64_t trips_a_batch = 200;
constexpr int batches = 200;

// The ball: whose turn it is. Odd numbers are for the other CPU to answer.
struct alignas(64) Line {
  std::atomic<std::uint64_t> ball{0};
};

void wait_for(const std::atomic<std::uint64_t>& ball, std::uint64_t wanted) {
  while (ball.load(std::memory_order_acquire) != wanted) {
  }
}

/// Nanoseconds there and back. The lower quartile of many batches: the others were interrupted.
double round_trip(unsigned here, unsigned there) {
  Line line;
  constexpr std::uint64_t trips = trips_a_batch * batches;
  std::thread other([&line, there] {
    pin(only(there));
    for (std::uint64_t trip = 0; trip < trips; ++trip) {
      wait_for(line.ball, 2 * trip + 1);
      line.ball.store(2 * trip + 2, std::memory_order_release);
    }
  });
  std::vector<double> nanoseconds;
  std::thread self([&line, &nanoseconds, here] {
    pin(only(here));
    for (std::uint64_t batch = 0; batch < batches; ++batch) {
      const auto start = std::chrono::steady_clock::now();
      for (std::uint64_t i = 0; i < trips_a_batch; ++i) {
        const std::uint64_t trip = batch * trips_a_batch + i;
        line.ball.store(2 * trip + 1, std::memory_order_release);
        wait_for(line.ball, 2 * trip + 2);
      }
      const std::chrono::duration<double, std::nano> took =
          std::chrono::steady_clock::now() - start;
      nanoseconds.push_back(took.count() / trips_a_batch);
    }
  });
  self.join();
  other.join();
  std::ranges::nth_element(nanoseconds, nanoseconds.begin() + batches / 4);
  return nanoseconds[batches / 4];
}

struct Relation {
  const char* name;
  bool (*holds)(const Cpu& a, const Cpu& b);
};

// The nearest first; the first one that holds is the relation of two CPUs.
constexpr Relation relations[] = {
    {"two threads of one core", [](const Cpu& a, const Cpu& b) { return a.core == b.core; }},
    {"two cores below one cache", [](const Cpu& a, const Cpu& b) { return a.cache == b.cache; }},
    {"two caches of one node", [](const Cpu& a, const Cpu& b) { return a.node == b.node; }},
    {"two nodes of one package", [](const Cpu& a, const Cpu& b) { return a.package == b.package; }},
    {"two packages", [](const Cpu&, const Cpu&) { return true; }},
};

const Relation& relation_of(const Cpu& a, const Cpu& b) {
  return *std::ranges::find_if(relations, [&](const Relation& one) { return one.holds(a, b); });
}

}  // namespace

int show_distances() {
  const auto map = Topology::of_this_machine();
  if (!map) {
    fmt::print(stderr, "pinning: {}\n", map.error());
    return 3;
  }
  fmt::print("a line of memory to another CPU and back, ns\n\n");
  const Cpu& first = map->cpus().front();
  bool any = false;
  for (const Relation& relation : relations) {
    for (const Cpu& other : map->cpus().subspan(1)) {
      if (&relation_of(first, other) != &relation) continue;
      fmt::print("  {:<28}{:>16}{:>8.0f}\n", relation.name,
                 fmt::format("CPU {} and {}", first.id, other.id), round_trip(first.id, other.id));
      any = true;
      break;
    }
  }
  if (!any) fmt::print("  this thread may use one CPU: there is nobody to talk to\n");
  return 0;
}

}  // namespace lesson
