// Lesson 04's goal: queues that share one thread as they were told to, and one that is answered in
// time.
#include <command_line.hpp>
#include <percore/mark.hpp>
#include <percore/task_queue.hpp>
#include <percore/timer.hpp>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "parts/live_bar.hpp"
#include "parts/pain.hpp"
#include "parts/sabotage.hpp"
#include "parts/work.hpp"

namespace {

using lesson::compute;
using lesson::ms;
using lesson::us;
using percore::JoinHandle;
using percore::Task;
using percore::TaskQueue;
using percore::TaskQueues;
using percore::Time;

/// Has something to compute all the time, and lets others in where that is needed.
Task<> heavy(Time end) {
  while (percore::now() < end) {
    compute(Time{20 * us});
    co_await percore::yield_if_needed();
  }
}

/// Wakes after one to three milliseconds, notes how late that was, and does a little.
Task<> urgent(Time end, std::vector<Time>& late) {
  for (std::int64_t time = 0; percore::now() < end; ++time) {
    const Time deadline = percore::now() + Time{ms + time * 733 % 2000 * us};
    const auto slept = co_await percore::sleep_until(deadline);
    if (!slept) co_return;
    late.push_back(percore::now() - deadline);
    compute(Time{20 * us});
  }
}

/// Two busy queues beside each other, and a bar that shows who got how much.
Task<> share(TaskQueue& front, TaskQueue& back, Time duration, const lesson::LiveBar& bar) {
  const Time begin = percore::now();
  const Time end = begin + duration;
  std::vector<JoinHandle<void>> handles;
  for (TaskQueue* queue : {&front, &front, &back, &back})
    handles.push_back(spawn_into(*queue, heavy(end)));
  const int looks = bar.terminal() ? 40 : 4;
  for (int look = 1; look <= looks; ++look) {
    const Time next{begin.nanoseconds + duration.nanoseconds * look / looks};
    const auto slept = co_await percore::sleep_until(next);
    if (!slept) break;
    bar.draw(next - begin);
  }
  for (auto& handle : handles) co_await handle;
}

Task<> heavy_and_urgent(TaskQueue& of_heavy, TaskQueue& of_urgent, Time duration,
                        std::vector<Time>& late) {
  const Time end = percore::now() + duration;
  JoinHandle<void> answers = spawn_into(of_urgent, urgent(end, late));
  JoinHandle<void> computes = spawn_into(of_heavy, heavy(end));
  co_await answers;
  co_await computes;
}

/// How late the urgent task was each time, beside a heavy one.
std::vector<Time> lateness(Time bound, Time duration) {
  std::vector<Time> late;
  percore::Executor executor;
  TaskQueues queues(executor);
  TaskQueue& of_heavy = queues.add({.name = "heavy", .shares = 1000});
  TaskQueue& of_urgent = queues.add({.name = "urgent", .shares = 500, .latency = bound});
  executor.run(heavy_and_urgent(of_heavy, of_urgent, duration, late));
  return late;
}

void show_shares(Time duration) {
  percore::Executor executor;
  TaskQueues queues(executor);
  TaskQueue& front = queues.add({.name = "front", .shares = 1000});
  TaskQueue& back = queues.add({.name = "back", .shares = 100});
  const lesson::LiveBar bar({&front, &back});
  executor.run(share(front, back, duration, bar));
  bar.done();
  const Time sum = front.statistics().time + back.statistics().time;
  fmt::print("\n{:<10}{:>8}{:>10}{:>10}{:>9}\n", "queue", "shares", "asked", "got", "quanta");
  for (const TaskQueue* queue : {&front, &back}) {
    const double asked = 100.0 * queue->shares() / (front.shares() + back.shares());
    fmt::print("{:<10}{:>8}{:>8.1f} %{:>8.1f} %{:>9}\n", queue->name(), queue->shares(), asked,
               lesson::percent_of(queue->statistics().time, sum), queue->statistics().quanta);
  }
}

void show_latency(Time duration) {
  const Time bound{200 * us};
  const auto show = [](const char* what, const std::vector<Time>& late) {
    fmt::print("{:<28}{:>6} us{:>7} us\n", what, lesson::percentile(late, 50).nanoseconds / us,
               lesson::percentile(late, 99).nanoseconds / us);
  };
  fmt::print("\n{:<28}{:>9}{:>10}\n", "woken beside a heavy queue", "p50", "p99");
  show("  no bound on its latency", lateness(Time::never(), duration));
  show("  a bound of 200 us", lateness(bound, duration));
}

/// A moment of three queues, small enough to be drawn.
Task<> a_moment(TaskQueue& front, TaskQueue& back, TaskQueue& of_urgent) {
  std::vector<Time> late;
  const Time end = percore::now() + Time{1'200 * us};
  std::vector<JoinHandle<void>> handles;
  handles.push_back(spawn_into(of_urgent, urgent(percore::now() + Time{1 * us}, late)));
  for (TaskQueue* queue : {&front, &back}) handles.push_back(spawn_into(*queue, heavy(end)));
  for (auto& handle : handles) co_await handle;
}

void run_a_moment() {
  percore::Executor executor;
  TaskQueues queues(executor, {.quantum = Time{200 * us}});
  TaskQueue& front = queues.add({.name = "front", .shares = 1000});
  TaskQueue& back = queues.add({.name = "back", .shares = 333});
  TaskQueue& of_urgent = queues.add({.name = "urgent", .shares = 500, .latency = Time{400 * us}});
  executor.run(a_moment(front, back, of_urgent));
}

void sabotage(const std::string& mistake) {
  if (mistake == "never-give-way") return lesson::never_give_way();
  percore::Executor executor;
  if (mistake == "credit-for-sleeping") lesson::credit_for_sleeping(executor);
  if (mistake == "multiply-by-shares") lesson::multiply_by_shares(executor);
  if (mistake == "charge-turns") lesson::charge_turns(executor);
  if (mistake == "yield-the-task") lesson::yield_the_task(executor);
}

}  // namespace

int main(int argc, char** argv) {
  percore::lesson::CommandLine line("Shares one thread out among queues.", "priorities");
  unsigned milliseconds = 500;
  bool steps = false;
  bool pain = false;
  bool moment = false;
  std::string mistake;
  line.number("--milliseconds", milliseconds, 50U, 60'000U, "how long each measurement lasts");
  line.flag("--steps", steps, "virtual time, turn by turn, by arithmetic alone");
  line.flag("--pain", pain, "what happens with one run queue for all");
  line.flag("--moment", moment, "a millisecond of three queues, for a picture");
  line.sabotage(mistake,
                {{"credit-for-sleeping", "who slept is behind, and has the thread to itself"},
                 {"multiply-by-shares", "virtual time passes the wrong way"},
                 {"charge-turns", "a turn is a turn, however long"},
                 {"yield-the-task", "a task gives way, its queue does not"},
                 {"never-give-way", "who computes never asks"}});
  if (const auto status = line.parse(argc, argv)) return *status;

  try {
    const Time duration{milliseconds * ms};
    if (steps) {
      lesson::show_steps();
    } else if (pain) {
      lesson::show_pain(duration);
    } else if (moment) {
      run_a_moment();
    } else if (!mistake.empty()) {
      sabotage(mistake);
    } else {
      show_shares(duration);
      show_latency(duration);
    }
  } catch (const percore::RingUnavailable& unavailable) {
    fmt::print(stderr, "priorities: {}\n", unavailable.what());
    return 3;
  } catch (const std::exception& problem) {
    fmt::print(stderr, "priorities: {}\n", problem.what());
    return 1;
  }
}
