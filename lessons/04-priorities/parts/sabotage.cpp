// The classic mistakes with shares, made on purpose.
#include "sabotage.hpp"

#include <percore/task_queue.hpp>
#include <percore/timer.hpp>

#include <fmt/core.h>

#include "toy_queues.hpp"

namespace lesson {
namespace {

using percore::JoinHandle;
using percore::Task;
using percore::Time;

/// Computes in pieces until `end`, and notes the longest time for which it was kept from it.
Task<> busy(Time end, Time piece, Time& kept_out_max) {
  Time left = percore::now();
  while (percore::now() < end) {
    kept_out_max = std::max(kept_out_max, percore::now() - left);
    compute(piece);
    left = percore::now();
    co_await percore::yield();
  }
}

Task<> both_busy(ToyQueues& queues, Time duration, Time first_piece, Time second_piece) {
  Time unused;
  const Time end = percore::now() + duration;
  JoinHandle<void> first = spawn(busy(end, first_piece, unused), queues.first.run);
  JoinHandle<void> second = spawn(busy(end, second_piece, unused), queues.second.run);
  co_await first;
  co_await second;
}

struct Got {
  double first = 0;
  double second = 0;
};
Got shares_of(percore::Executor& executor, Mistake mistake, double shares, Time first_piece,
              Time second_piece) {
  ToyQueues queues(executor, mistake);
  queues.second.shares = shares;
  executor.run(both_busy(queues, Time{200 * ms}, first_piece, second_piece));
  const Time sum = queues.first.time + queues.second.time;
  return {percent_of(queues.first.time, sum), percent_of(queues.second.time, sum)};
}

/// The second queue sleeps while the first computes; then both compute.
Task<> one_sleeps(ToyQueues& queues, Time sleep, Time& kept_out_max) {
  Time unused;
  const Time end = percore::now() + sleep + sleep + sleep;
  JoinHandle<void> awake = spawn(busy(end, Time{100 * us}, kept_out_max), queues.first.run);
  const auto slept = co_await percore::sleep_for(sleep);
  static_cast<void>(slept);
  co_await busy(end, Time{100 * us}, unused);
  co_await awake;
}
Task<> starts_in_second(ToyQueues& queues, Time sleep, Time& kept_out_max) {
  JoinHandle<void> handle = spawn(one_sleeps(queues, sleep, kept_out_max), queues.second.run);
  co_await handle;
}
Time kept_out(percore::Executor& executor, Mistake mistake) {
  ToyQueues queues(executor, mistake);
  Time kept_out_max;
  executor.run(starts_in_second(queues, Time{100 * ms}, kept_out_max));
  return kept_out_max;
}

/// Computes without asking, or asks after each piece.
Task<> heavy(Time end, bool asks) {
  while (percore::now() < end) {
    compute(Time{20 * us});
    if (asks) co_await percore::yield_if_needed();
  }
}
Task<> answers(Time end, std::vector<Time>& late) {
  for (std::int64_t time = 0; percore::now() < end; ++time) {
    const Time deadline = percore::now() + Time{ms + time * 733 % 2000 * us};
    const auto slept = co_await percore::sleep_until(deadline);
    static_cast<void>(slept);
    late.push_back(percore::now() - deadline);
  }
}
Task<> heavy_beside_urgent(percore::TaskQueue& of_heavy, percore::TaskQueue& urgent, bool asks,
                           std::vector<Time>& late) {
  const Time end = percore::now() + Time{200 * ms};
  JoinHandle<void> answering = spawn_into(urgent, answers(end, late));
  const auto slept = co_await percore::sleep_for(Time{1 * ms});
  static_cast<void>(slept);
  JoinHandle<void> computing = spawn_into(of_heavy, heavy(end, asks));
  co_await computing;
  co_await answering;
}
Time latest(bool asks) {
  std::vector<Time> late;
  percore::Executor executor;
  percore::TaskQueues queues(executor);
  percore::TaskQueue& of_heavy = queues.add({.name = "heavy", .shares = 1000});
  percore::TaskQueue& urgent =
      queues.add({.name = "urgent", .shares = 1000, .latency = Time{200 * us}});
  executor.run(heavy_beside_urgent(of_heavy, urgent, asks, late));
  return percentile(late, 100);
}

}  // namespace

void credit_for_sleeping(percore::Executor& executor) {
  fmt::print("two queues with 1000 shares each; one sleeps for 100 ms, then both compute\n\n");
  fmt::print("  longest wait of the one that stayed awake\n");
  fmt::print("    sleep earns nothing   {:>4} ms\n",
             kept_out(executor, Mistake::none).nanoseconds / ms);
  fmt::print("    credit for sleeping   {:>4} ms\n",
             kept_out(executor, Mistake::credit_for_sleeping).nanoseconds / ms);
  fmt::print(
      "\nWhat happened: the sleeper's virtual time had stood still, so it was the least until it "
      "had caught up.\n"
      "Whoever sleeps for an hour may then keep everybody out for an hour. This is invariant "
      "F4.\n");
}

void multiply_by_shares(percore::Executor& executor) {
  const auto right = shares_of(executor, Mistake::none, 100, Time{100 * us}, Time{100 * us});
  const auto wrong = shares_of(executor, Mistake::multiplies, 100, Time{100 * us}, Time{100 * us});
  fmt::print("two busy queues\n\n");
  fmt::print("                        1000 shares   100 shares\n");
  fmt::print("  divides by them     {:>11.0f} %{:>11.0f} %\n", right.first, right.second);
  fmt::print("  multiplies          {:>11.0f} %{:>11.0f} %\n", wrong.first, wrong.second);
  fmt::print(
      "\nWhat happened: virtual time must pass more slowly for who has more shares. Multiplied, it "
      "passes faster,\nand everybody gets what the others asked for. This is invariant F2.\n");
}

void charge_turns(percore::Executor& executor) {
  const auto right = shares_of(executor, Mistake::none, 1000, Time{1 * ms}, Time{100 * us});
  const auto wrong =
      shares_of(executor, Mistake::charges_turns, 1000, Time{1 * ms}, Time{100 * us});
  fmt::print("two busy queues with 1000 shares each\n\n");
  fmt::print("                    tasks of 1 ms   of 0.1 ms\n");
  fmt::print("  charges time      {:>11.0f} %{:>10.0f} %\n", right.first, right.second);
  fmt::print("  charges turns     {:>11.0f} %{:>10.0f} %\n", wrong.first, wrong.second);
  fmt::print(
      "\nWhat happened: each had as many turns as the other, and the turns of one are ten times as "
      "long. Only time\nis the same for all. F3 is about time, not turns.\n");
}

void yield_the_task(percore::Executor& executor) {
  const auto right = shares_of(executor, Mistake::none, 1000, Time{100 * us}, Time{100 * us});
  const auto wrong =
      shares_of(executor, Mistake::yields_the_task, 1000, Time{100 * us}, Time{100 * us});
  fmt::print("two busy queues with 1000 shares each, for 200 ms\n\n");
  fmt::print("                          first     second\n");
  fmt::print("  the queue gives way {:>7.0f} %{:>9.0f} %\n", right.first, right.second);
  fmt::print("  the task alone      {:>7.0f} %{:>9.0f} %\n", wrong.first, wrong.second);
  fmt::print(
      "\nWhat happened: each task yielded after every 100 us, to the back of its own queue, which "
      "never was empty.\nA yield between tasks is no yield between queues. This is invariant "
      "Q5.\n");
}

void never_give_way() {
  fmt::print(
      "a task computes for 200 ms; another, with a bound of 200 us, wakes every 1 to 3 ms\n\n");
  fmt::print("  latest wake-up\n");
  fmt::print("    co_await yield_if_needed() every 20 us   {:>6.1f} ms\n",
             static_cast<double>(latest(true).nanoseconds) / 1e6);
  fmt::print("    never                                    {:>6.1f} ms\n",
             static_cast<double>(latest(false).nanoseconds) / 1e6);
  fmt::print(
      "\nWhat happened: one thread runs one coroutine, and nobody takes the thread away from it. A "
      "bound is kept by\nthose who compute. This is invariant Q6.\n");
}

}  // namespace lesson
