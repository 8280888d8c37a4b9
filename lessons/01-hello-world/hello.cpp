// Lesson 01's program: the same greetings, through both rings or around them, and what each way
// costs.
#include <unistd.h>

#include <command_line.hpp>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "parts/measure.hpp"
#include "parts/raw_ring.hpp"
#include "parts/sabotage.hpp"

namespace {

using lesson::RawRing;

constexpr unsigned queue_entries = 256;

int greet(unsigned lines, bool one_by_one) {
  RawRing ring(queue_entries);
  const auto texts = lesson::greetings(lines);
  if (one_by_one) {
    lesson::ring_one_by_one(ring, STDOUT_FILENO, texts);
  } else {
    lesson::ring_in_a_batch(ring, STDOUT_FILENO, texts);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  percore::lesson::CommandLine line("Greets through io_uring, and shows what it took.", "hello");
  unsigned lines = 10;
  bool one_by_one = false;
  bool count = false;
  bool cost = false;
  bool waiting = false;
  bool rings = false;
  std::string sabotage;
  line.number("--lines", lines, 1U, 100000U, "how many greetings");
  line.flag("--one-by-one", one_by_one, "enter the kernel for each greeting, not once for all");
  line.flag("--count", count, "count the system calls of each way, by tracing a child");
  line.flag("--cost", cost, "time each way, writing to /dev/null");
  line.flag("--waiting", waiting, "time ten slow devices, one by one and together");
  line.flag("--rings", rings, "show the heads and tails of both rings at each step");
  std::vector<percore::lesson::Mistake> mistakes;
  for (const lesson::Sabotage& entry : lesson::sabotages()) {
    mistakes.push_back({entry.name, entry.mistake});
  }
  line.sabotage(sabotage, mistakes);
  if (const auto status = line.parse(argc, argv)) return *status;

  for (const lesson::Sabotage& entry : lesson::sabotages()) {
    if (sabotage == entry.name) {
      entry.run();
      return 0;
    }
  }
  if (count) return lesson::show_counts(lines);
  if (cost) return lesson::show_costs();
  if (waiting) return lesson::show_waiting();
  if (rings) return lesson::show_rings();
  return greet(lines, one_by_one);
}
