// 07.1 magnitudes: what is counted is recorded in our histogram and asked of it. What things cost
// is not measured here, since a check counts and never times. The ranges hold on any machine of the
// last ten years; lesson 07 has the program that measures them.

#include <percore/histogram.hpp>
#include <percore/io.hpp>
#include <percore/sim.hpp>

#include <cmath>
#include <initializer_list>
#include <set>
#include <vector>

#include "01-hello-world/answers.hpp"

using checks::expect_answer;
using checks::Misconception;
using percore::Histogram;
using percore::check::fail;
using percore::check::require;
using percore::check::Run;

namespace {

constexpr const char* magnitudes = "Lesson 07, *Orders of magnitude*";
constexpr const char* the_submission = "Lesson 01, *The submission*";
constexpr const char* percentiles = "Lesson 07, *Percentiles*";
constexpr const char* omission = "Lesson 07, *Coordinated omission*";
constexpr const char* places_of_values = "Lesson 07, *The buckets*";

/// Any of `right` will do; else the misconception, or `otherwise`.
void expect_one_of(Run& run, std::string_view question,
                   std::initializer_list<std::string_view> right,
                   std::span<const Misconception> misconceptions, const char* otherwise) {
  const std::string_view answer = run.answer(question);
  for (const std::string_view one : right)
    if (answer == one) return;
  const bool power_of_ten =
      answer.starts_with('1') && answer.find_first_not_of('0', 1) == answer.npos;
  if (!answer.empty() && !power_of_ten)
    fail("`{}` is answered with `{}`: write a power of ten in nanoseconds, such as 1, 10 or 1000",
         question, answer);
  expect_answer(run, question, std::string(*right.begin()), misconceptions, otherwise);
}

percore::Task<> asks_once() {
  const auto answer = co_await percore::nop();
  static_cast<void>(answer);
}
percore::Task<> all_ask() {
  std::vector<percore::JoinHandle<void>> handles;
  for (unsigned i = 0; i < 64; ++i) handles.push_back(percore::spawn(asks_once()));
  for (auto& handle : handles) co_await handle;
}

/// What the closed loop of the questions counted.
void record_closed_loop(Histogram& took_ms) {
  took_ms.record_many(1, 9'000);
  took_ms.record(1'000);
}

}  // namespace

PERCORE_CHECK("", call, "G1", "a call takes a few cycles", magnitudes, .seeds = 1, .ring = false) {
  constexpr Misconception why[] = {
      {"10", "thirty cycles and more: a call and its return are a handful of instructions"},
      {"100", "that is a trip into the kernel; a call stays in the program"}};
  expect_one_of(run, "call", {"1"}, why, "a call and its return are a handful of instructions");
}

PERCORE_CHECK("", yield, "G1", "a yield is a handful of loads and stores", magnitudes, .seeds = 1,
              .ring = false) {
  constexpr Misconception why[] = {
      {"1000", "that is what threads pay: a yield between tasks never enters the kernel"},
      {"100",
       "there is no system call in it: a handle goes into the run queue, another comes out"}};
  expect_one_of(run, "yield", {"10", "1"}, why,
                "a handle goes into the run queue, another comes out, and no kernel is asked");
}

PERCORE_CHECK("", spawn, "G1", "a task costs some 140 instructions from spawn to join", magnitudes,
              .seeds = 1, .ring = false) {
  constexpr Misconception why[] = {
      {"1", "that is a call: a spawn makes a frame, queues it, resumes it and hands over a result"},
      {"1000", "there is no system call in it, and its frame comes from a free list"},
      {"10000", "that is what a thread costs: a task is a frame and a place in the run queue"}};
  expect_one_of(run, "spawn", {"10", "100"}, why,
                "a frame from a free list, a place in the run queue, a result that is handed over");
}

PERCORE_CHECK("", malloc, "G1", "malloc() and free() take some 135 instructions", magnitudes,
              .seeds = 1, .ring = false) {
  constexpr Misconception why[] = {
      {"1000",
       "malloc() asks the kernel for memory only once in a while: nearly always a block "
       "is on a list of the thread's own"},
      {"1", "they are 135 instructions together: cheap, but not that cheap"}};
  expect_one_of(run, "malloc", {"10", "100"}, why,
                "the two together are some 135 instructions, and no system call as a rule");
}

PERCORE_CHECK("", system_call, "G1", "a system call costs a hundred calls", magnitudes, .seeds = 1,
              .ring = false) {
  constexpr Misconception why[] = {
      {"1", "that is a call within the program: the way into the kernel and back is a hundred"},
      {"10",
       "the way into the kernel and back alone takes longer, also where nothing is done there"},
      {"10000", "that is a wake-up: a system call that does nothing is quicker than that"}};
  expect_one_of(run, "system_call", {"100", "1000"}, why,
                "the way into the kernel and back is a hundred nanoseconds and more");
}

PERCORE_CHECK("", miss, "G1", "memory is a hundred nanoseconds away", magnitudes, .seeds = 1,
              .ring = false) {
  constexpr Misconception why[] = {
      {"1", "that is the cache next to the core"},
      {"10", "that is a cache further out: memory is ten times as far"},
      {"10000", "no device is asked: memory is a hundred nanoseconds away, more where it is busy"}};
  expect_one_of(run, "miss", {"100", "1000"}, why, "memory is about a hundred nanoseconds away");
}

PERCORE_CHECK("", message, "G1", "a cache line between cores takes a hundred nanoseconds",
              magnitudes, .seeds = 1, .ring = false) {
  constexpr Misconception why[] = {
      {"10",
       "the line in which it lies must come from the other core's cache: that is no cache of "
       "one's own"},
      {"10000", "that is a wake-up: who is awake looks by itself, and no kernel is asked"}};
  expect_one_of(run, "message", {"100", "1000"}, why,
                "some cache lines travel from one core to the other, and no kernel is asked");
}

PERCORE_CHECK("", wake, "G1", "a wake-up costs microseconds", magnitudes, .seeds = 1,
              .ring = false) {
  constexpr Misconception why[] = {
      {"100",
       "that is the system call of the one who wakes: the other must be put on its CPU, "
       "which may sleep itself"},
      {"10", "the other thread is not spinning, it sleeps in the kernel"}};
  expect_one_of(
      run, "wake", {"10000", "1000"}, why,
      "the kernel must be entered, the thread be put on a CPU, and the CPU perhaps woken");
}

PERCORE_CHECK("", disk, "G1", "a disk is tens of microseconds away", magnitudes, .seeds = 1,
              .ring = false) {
  constexpr Misconception why[] = {
      {"1000", "that is the page cache: past it a device is asked"},
      {"10000000", "that is a disk that turns: a solid-state one need not wait for its arm"}};
  expect_one_of(run, "disk", {"100000", "10000"}, why,
                "some tens of microseconds: lesson 06 has measured 33 at depth one");
}

PERCORE_CHECK("", enters, "I6", "one enter carries what all tasks of a turn have asked for",
              the_submission, .seeds = 1, .faults = false) {
  percore::sim::Options options = run.options();
  options.inline_percent = 100;
  run.restart(options);
  percore::Executor executor;
  executor.run(all_ask());
  constexpr Misconception why[] = {
      {"64", "that is what read() and write() would cost: an entry in the queue is no system call"},
      {"128", "nobody asks twice: one enter submits and collects"},
      {"2", "one enter does both: it submits what there is, and brings what is done"},
      {"0", "somebody must tell the kernel that there are entries, once"}};
  expect_answer(run, "enters", std::to_string(percore::sim::counts().enters), why,
                "the entries of a turn are submitted together");
}

PERCORE_CHECK("", closed_p99, "G7", "who asks only after the answer meets a stall once", omission,
              .seeds = 1, .ring = false) {
  Histogram took_ms;
  record_closed_loop(took_ms);
  constexpr Misconception why[] = {
      {"1000",
       "of 9001 values one took that long, and a percentile of 99 leaves out ninety: the "
       "stall is in the maximum alone"},
      {"900", "that is what those would have seen who came meanwhile, and nobody asked for them"},
      {"10", "the mean knows nothing of this: 9000 of 9001 values are 1 ms"}};
  expect_answer(run, "closed_p99", std::to_string(took_ms.value_at(99)), why,
                "sort the 9001 values: at which place stands the p99, and what stands there?");
}

PERCORE_CHECK("", open_p99, "G7", "latency counts from the moment that was due", omission,
              .seeds = 1, .ring = false) {
  Histogram took_ms;
  took_ms.record_many(1, 9'000);
  for (unsigned waited = 1; waited <= 1'000; ++waited) took_ms.record(waited);
  constexpr Misconception why[] = {
      {"1", "a tenth of all came during the stall: the p99 is among them"},
      {"1000", "that is the maximum: of the thousand that waited, a hundred lie above the p99"},
      {"990", "the p99 of the thousand that waited: it is asked of all 10000"},
      {"899", "the place is ceil(99 % of 10000) = 9900: the 900th of those that waited"}};
  expect_answer(run, "open_p99", std::to_string(took_ms.value_at(99)), why,
                "place 9900 of 10000, sorted; the last thousand are 1, 2, ... 1000 ms");
}

PERCORE_CHECK("", corrected, "G7", "what could not be asked is counted too", omission, .seeds = 1,
              .ring = false) {
  Histogram took_ms;
  took_ms.record_with_interval(1'000, 1);
  constexpr Misconception why[] = {
      {"1",
       "that is record(): the other one counts what those would have seen who could not ask, too"},
      {"999", "so many are added to the value itself, and count() counts that one, too"},
      {"1001", "it goes down to the interval, which is 1 ms, and not to nothing"}};
  expect_answer(run, "corrected", std::to_string(took_ms.count()), why,
                "1000, 999, 998, ... down to the interval");
}

PERCORE_CHECK("", mean, "G5", "the mean is a number that nobody has seen", percentiles, .seeds = 1,
              .ring = false) {
  Histogram took_ms;
  took_ms.record_many(1, 999);
  took_ms.record(1'001);
  unsigned as_long = took_ms.mean() <= 1 ? 999 : 0;
  as_long += took_ms.mean() <= 1'001 ? 1 : 0;
  constexpr Misconception why[] = {
      {"500", "that is the median: the mean is 2 ms, and 999 of the thousand took 1"},
      {"999", "the mean is (999 * 1 + 1001) / 1000 = 2 ms: these took less"},
      {"0", "one took 1001 ms: it has made the mean what it is"}};
  expect_answer(run, "mean", std::to_string(as_long), why,
                "the mean is (999 * 1 + 1001) / 1000 = 2 ms");
}

PERCORE_CHECK("", pages, "G5", "who asks a hundred times meets the p99", percentiles, .seeds = 1,
              .ring = false) {
  const int slow = static_cast<int>(100 * (1 - std::pow(0.99, 100)));
  constexpr Misconception why[] = {
      {"1", "that is one answer: a page waits for the slowest of a hundred"},
      {"100", "one in a hundred on the average: some pages meet several, and some none"},
      {"36", "these are the pages that meet none: 0.99 to the power of 100"},
      {"50", "a page meets none with 0.99 to the power of 100, which is not a half"}};
  expect_answer(run, "pages", std::to_string(slow), why,
                "a page meets none of them with 0.99 to the power of 100");
}

PERCORE_CHECK("", places, "V2", "values that share a place cannot be told apart", places_of_values,
              .seeds = 1, .ring = false) {
  Histogram took;
  for (const std::uint64_t value : {20'000U, 20'001U, 20'015U, 30'000U}) took.record(value);
  const std::set<std::uint64_t> told{took.value_at(25), took.value_at(50), took.value_at(75)};
  constexpr Misconception why[] = {
      {"3", "a place up there is 16 wide, and all three fell into [20000, 20016)"},
      {"2", "20000 is a multiple of 16: its place reaches to 20015, and holds all three"},
      {"4", "three percentiles are at most three values"}};
  expect_answer(
      run, "places", std::to_string(told.size()), why,
      "three digits are 1024 places each time the value doubles: how wide is one of those "
      "between 16384 and 32768?");
}
