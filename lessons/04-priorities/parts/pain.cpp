// What one run queue does to those who share it; and virtual time on paper.
#include "pain.hpp"

#include <percore/fair_share.hpp>
#include <percore/task_queue.hpp>
#include <percore/timer.hpp>
#include <vector>

#include <fmt/core.h>

#include "work.hpp"

namespace lesson {
namespace {

using percore::JoinHandle;
using percore::Task;
using percore::TaskQueue;
using percore::Time;

/// Computes as much as it is let, and adds up how long that was.
Task<> customer(Time end, Time& got) {
  while (percore::now() < end) {
    const Time begin = percore::now();
    compute(Time{100 * us});
    got = got + (percore::now() - begin);
    co_await percore::yield();
  }
}
Task<> asks_sometimes(Time end, std::vector<Time>& waits) {
  while (percore::now() < end) {
    const Time deadline = percore::now() + Time{5 * ms};
    const auto slept = co_await percore::sleep_until(deadline);
    if (!slept) co_return;
    waits.push_back(percore::now() - deadline);
  }
}

struct Outcome {
  Time of_a;
  Time of_b;
  std::vector<Time> waits;
};

/// `a` has one task, `b` has ten, and a third customer only asks from time to time.
Task<> three_customers(TaskQueue& a, TaskQueue& b, TaskQueue& c, Time duration, Outcome& outcome) {
  const Time end = percore::now() + duration;
  std::vector<JoinHandle<void>> handles;
  handles.push_back(spawn_into(a, customer(end, outcome.of_a)));
  for (int task = 0; task < 10; ++task)
    handles.push_back(spawn_into(b, customer(end, outcome.of_b)));
  handles.push_back(spawn_into(c, asks_sometimes(end, outcome.waits)));
  for (auto& handle : handles) co_await handle;
}

Outcome serve(bool a_queue_each, Time duration) {
  Outcome outcome;
  percore::Executor executor;
  percore::TaskQueues queues(executor);
  TaskQueue& all = queues.default_queue();
  TaskQueue& a = a_queue_each ? queues.add({.name = "a"}) : all;
  TaskQueue& b = a_queue_each ? queues.add({.name = "b"}) : all;
  TaskQueue& c = a_queue_each ? queues.add({.name = "c", .latency = Time{400 * us}}) : all;
  executor.run(three_customers(a, b, c, duration, outcome));
  return outcome;
}

void print_row(const char* name, const Outcome& outcome) {
  const Time sum = outcome.of_a + outcome.of_b;
  fmt::print("{:<18}{:>7.0f} %{:>10.0f} %{:>13.1f} ms\n", name, percent_of(outcome.of_a, sum),
             percent_of(outcome.of_b, sum),
             static_cast<double>(percentile(outcome.waits, 50).nanoseconds) / 1e6);
}

}  // namespace

void show_pain(Time duration) {
  fmt::print("A has one task that computes, B has ten; C asks a question every 5 ms\n\n");
  fmt::print("{:<18}{:>9}{:>12}{:>16}\n", "", "A gets", "B gets", "C waits, p50");
  print_row("one run queue", serve(false, duration));
  print_row("a queue for each", serve(true, duration));
}

void show_steps() {
  constexpr const char* names[] = {"A", "B", "C"};
  constexpr unsigned shares[] = {1000, 500, 100};
  percore::FairShare fair;
  percore::ShareHolder holders[] = {percore::ShareHolder(shares[0]),
                                    percore::ShareHolder(shares[1]),
                                    percore::ShareHolder(shares[2])};
  for (auto& holder : holders) fair.wake(holder);
  const auto in_ms = [](const percore::ShareHolder& holder) {
    return fmt::format("{:.0f}", static_cast<double>(holder.virtual_time()) / 1e6);
  };
  fmt::print("{:<8}{:<26}{:>6}{:>8}{:>8}   virtual ms\n", "ms", "", "A 1000", "B 500", "C 100");
  for (int turn = 0; turn < 14; ++turn) {
    if (turn == 4) fair.sleep(holders[1]);
    if (turn == 11) fair.wake(holders[1]);
    const char* event = turn == 4 ? "B falls asleep; " : turn == 11 ? "B wakes; " : "";
    percore::ShareHolder* const next = fair.pick();
    fair.charge(*next, Time{ms});
    fmt::print("{:<8}{:<26}{:>6}{:>8}{:>8}\n", turn,
               fmt::format("{}turn of {}", event, names[next - holders]), in_ms(holders[0]),
               in_ms(holders[1]), in_ms(holders[2]));
  }
  for (auto& holder : holders)
    if (holder.ready()) fair.sleep(holder);
}

}  // namespace lesson
