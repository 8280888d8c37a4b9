// Where the time goes in one turn of the loop. Nothing in the runtime is changed for it: what a
// turn calls anyway, a poller, the end of an operation, the task that is first in the queue, says
// where it is.
#include "turn.hpp"

#include <algorithm>
#include <array>
#include <count_instructions.hpp>
#include <percore/io.hpp>
#include <percore/stats.hpp>
#include <percore/timer.hpp>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "figures.hpp"

namespace lesson {
namespace {

using percore::Executor;
using percore::JoinHandle;
using percore::Task;
using percore::Time;
using percore::observe::SharedPhase;

enum Part : unsigned { outside, collect, run, pollers, enter, parts };

constexpr const char* names[parts] = {"", "collect the completions", "run what is ready",
                                      "ask the pollers", "enter the kernel: submit, wait"};

/// Who is told where the loop is: by the instruction counter, or by the clock.
class Marks {
 public:
  virtual ~Marks() = default;
  virtual void now_in(Part part) noexcept = 0;
};

class CountedMarks final : public Marks {
 public:
  void now_in(Part part) noexcept override { phase.set(part); }
  SharedPhase phase;
};

class TimedMarks final : public Marks {
 public:
  void now_in(Part part) noexcept override {
    const Time here = percore::now();
    spent_ns[in_] += here.nanoseconds - since_.nanoseconds;
    since_ = here;
    in_ = part;
  }
  std::array<std::int64_t, parts> spent_ns{};

 private:
  Part in_ = outside;
  Time since_;
};

/// The first of the pollers, and the last: between them lie all others.
class FirstPoller final : public percore::Poller {
 public:
  explicit FirstPoller(Marks& marks) : marks_(marks) {}
  bool poll() override {
    marks_.now_in(pollers);
    return false;
  }
  bool prepare_to_sleep() override {
    marks_.now_in(pollers);
    return true;
  }
  void cancel_sleep() override { marks_.now_in(run); }

 private:
  Marks& marks_;
};

class LastPoller final : public percore::Poller {
 public:
  explicit LastPoller(Marks& marks) : marks_(marks) {}
  bool only_watches() const noexcept override { return true; }  // else Stats would come behind it
  bool poll() override {
    marks_.now_in(enter);
    return false;
  }
  Time next_deadline() const override {
    marks_.now_in(enter);
    return Time::never();
  }
  void cancel_sleep() override { marks_.now_in(pollers); }

 private:
  Marks& marks_;
};

/// A nop that says when its completion is collected. It was asked for first, so it comes first.
class FirstNop : percore::Operation {
 public:
  explicit FirstNop(Marks& marks) : Operation(&FirstNop::collected), marks_(marks) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    waiting_ = percore::Runnable::of(awaiting);
    io_uring_sqe& entry = Executor::current().ring().entry(*this);
    const auto user_data = entry.user_data;
    io_uring_prep_nop(&entry);
    entry.user_data = user_data;
  }
  void await_resume() const noexcept { marks_.now_in(run); }

 private:
  static void collected(Operation& self, std::int32_t, std::uint32_t) noexcept {
    auto& nop = static_cast<FirstNop&>(self);
    nop.marks_.now_in(collect);
    nop.waiting_.schedule();
  }
  Marks& marks_;
  percore::Runnable waiting_;
};

constexpr unsigned warm_up_turns = 20;

Task<> first_asks(unsigned turns, Marks& marks) {
  for (unsigned i = 0; i < turns; ++i) {
    FirstNop nop(marks);
    co_await nop;
  }
  marks.now_in(outside);
}

Task<> asks(unsigned turns) {
  for (unsigned i = 0; i < turns; ++i) {
    const auto answer = co_await percore::nop();
    if (!answer) break;
  }
}

/// In each turn every one of the tasks is resumed once, and asks for one nop.
Task<> turns_of(unsigned tasks, unsigned turns, Marks& marks) {
  std::vector<JoinHandle<void>> handles;
  handles.push_back(percore::spawn(first_asks(turns, marks)));
  for (unsigned i = 1; i < tasks; ++i) handles.push_back(percore::spawn(asks(turns)));
  for (auto& handle : handles) co_await handle;
}

void loop(unsigned tasks, unsigned turns, Marks& marks) {
  Executor executor;
  FirstPoller first(marks);
  executor.add_poller(first);
  percore::Stats stats(executor);
  LastPoller last(marks);
  executor.add_poller(last);
  executor.run(turns_of(tasks, turns, marks));
}

/// The least disturbed of many tries.
double ns_of_a_look() {
  double least = 1e9;
  for (unsigned attempt = 0; attempt < 100; ++attempt) {
    const Time began = percore::now();
    for (unsigned i = 0; i < 100; ++i) percore::now();
    least = std::min(least, static_cast<double>((percore::now() - began).nanoseconds) / 101);
  }
  return least;
}

double percent(double part, double whole) {
  return whole == 0 ? 0 : 100 * part / whole;
}

void show_turn_of(unsigned tasks) {
  constexpr unsigned few = 2, more = 6;  // instructions are counted by stopping at each
  constexpr unsigned turns_timed = 20'000;
  CountedMarks counted;
  const auto count = [&](unsigned turns) {
    return percore::observe::count_by_phase([&] { loop(tasks, turns, counted); },
                                            [&] { loop(tasks, turns, counted); }, counted.phase);
  };
  const auto of_few = count(few), of_more = count(more);
  TimedMarks warm_up, timed;
  loop(tasks, warm_up_turns, warm_up);
  loop(tasks, turns_timed, timed);

  std::array<double, parts> instructions{}, ns{};
  double all_instructions = 0, all_ns = 0;
  for (const Part part : {collect, run, pollers, enter}) {
    instructions[part] =
        static_cast<double>(of_more.instructions[part] - of_few.instructions[part]) / (more - few);
    ns[part] = static_cast<double>(timed.spent_ns[part]) / turns_timed;
    all_instructions += instructions[part];
    all_ns += ns[part];
  }
  fmt::print("{:<36}{:>13}{:>9}{:>10}{:>9}\n",
             fmt::format("a turn with {} task{} in it", tasks, tasks == 1 ? "" : "s"),
             "instructions", "of all", "ns", "of all");
  for (const Part part : {collect, run, pollers, enter})
    fmt::print("  {:<34}{:>13.0f}{:>7.0f} %{:>10.0f}{:>7.0f} %\n", names[part], instructions[part],
               percent(instructions[part], all_instructions), ns[part], percent(ns[part], all_ns));
  fmt::print("  {:<34}{:>13.0f}{:>9}{:>10.0f}\n", "in all", all_instructions, "", all_ns);
  fmt::print("  {:<34}{:>13.0f}{:>9}{:>10.0f}\n\n", "for each task", all_instructions / tasks, "",
             all_ns / tasks);
  if (!of_more.counted()) fmt::print("Instructions are not counted: {}.\n\n", of_more.problem);
}

}  // namespace

void show_turn() {
  for (const unsigned tasks : {1U, 64U}) show_turn_of(tasks);
  fmt::print(
      "Instructions are those of the program: a system call is one of them, and what the kernel "
      "does\n"
      "in it shows in the time alone. The time has seven looks at the clock in it, {:.0f} ns "
      "each.\n",
      ns_of_a_look());
}

}  // namespace lesson
