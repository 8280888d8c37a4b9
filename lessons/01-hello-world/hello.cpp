// Lesson 01's program: the same greetings, through both rings or around them, and what each way
// costs.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <options.hpp>
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
  CLI::App app("Greets through io_uring, and shows what it took.", "hello");
  unsigned lines = 10;
  bool one_by_one = false;
  bool count = false;
  bool cost = false;
  bool waiting = false;
  bool rings = false;
  std::string sabotage;
  app.add_option("--lines", lines, "how many greetings")
      ->check(CLI::Range(1U, 100000U))
      ->capture_default_str();
  app.add_flag("--one-by-one", one_by_one, "enter the kernel for each greeting, not once for all");
  app.add_flag("--count", count, "count the system calls of each way, by tracing a child");
  app.add_flag("--cost", cost, "time each way, writing to /dev/null");
  app.add_flag("--waiting", waiting, "time ten slow devices, one by one and together");
  app.add_flag("--rings", rings, "show the heads and tails of both rings at each step");
  std::vector<std::string> names;
  std::string help = "make a classic mistake on purpose:";
  for (const lesson::Sabotage& entry : lesson::sabotages()) {
    names.emplace_back(entry.name);
    help += fmt::format("\n  {:<18} {}", entry.name, entry.mistake);
  }
  app.add_option("--sabotage", sabotage, help)->check(CLI::IsMember(names));
  LESSON_PARSE(app, argc, argv)

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
