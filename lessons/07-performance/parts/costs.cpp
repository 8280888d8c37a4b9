// What ten thousand tasks cost. Each line is a coroutine that does the work and says how long the
// part that counts took; a new clock, another count or one more line is all it takes to add to it.
#include "costs.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <count_instructions.hpp>
#include <cstdio>
#include <optional>
#include <percore/io.hpp>
#include <percore/shared_channel.hpp>
#include <percore/sync.hpp>
#include <percore/task_queue.hpp>
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

/// What one round of a line's work has seen in the part that counts.
struct Round {
  unsigned tasks = 0;
  SharedPhase* phase = nullptr;  // 1 in that part, where instructions are counted
  Time took{};
  std::size_t enters = 0;
  percore::TaskQueue* first = nullptr;  // where the line asks for queues
  percore::TaskQueue* second = nullptr;
};

struct Line {
  const char* name;
  Task<> (*work)(Round&);
  unsigned operations_a_task;
  bool in_queues = false;
};

constexpr unsigned times_each = 10;

/// The part that counts, from construction to stop().
class Watch {
 public:
  explicit Watch(Round& round)
      : round_(round), enters_(Executor::current().ring().counts().enters), began_(percore::now()) {
    if (round.phase != nullptr) round.phase->set(1);
  }
  void stop() {
    if (round_.phase != nullptr) round_.phase->set(0);
    round_.took = percore::now() - began_;
    round_.enters = Executor::current().ring().counts().enters - enters_;
  }

 private:
  Round& round_;
  std::size_t enters_;
  Time began_;
};

Task<unsigned> gives(unsigned number) {
  co_return number;
}

Task<> spawn_and_join(Round& round) {
  std::vector<JoinHandle<unsigned>> handles;
  handles.reserve(round.tasks);
  unsigned sum = 0;
  Watch watch(round);
  for (unsigned i = 0; i < round.tasks; ++i) handles.push_back(percore::spawn(gives(i)));
  for (auto& handle : handles) sum += co_await handle;
  watch.stop();
  asm volatile("" : : "r"(sum));
}

Task<> spawn_only(Round& round) {
  std::vector<JoinHandle<unsigned>> handles;
  handles.reserve(round.tasks);
  Watch watch(round);
  for (unsigned i = 0; i < round.tasks; ++i) handles.push_back(percore::spawn(gives(i)));
  watch.stop();
  for (auto& handle : handles) co_await handle;
}

Task<> await_each(Round& round) {
  unsigned sum = 0;
  Watch watch(round);
  for (unsigned i = 0; i < round.tasks; ++i) sum += co_await gives(i);
  watch.stop();
  asm volatile("" : : "r"(sum));
}

Task<> yields() {  // more often than is timed: none ends meanwhile
  for (unsigned i = 0; i < times_each + 2; ++i) co_await percore::yield();
}

Task<> asks() {
  for (unsigned i = 0; i < times_each; ++i) {
    const auto answer = co_await percore::nop();
    if (!answer) break;
  }
}

/// The first of all. When it goes on after its first time, all have begun; from then on every one
/// does once what is to be measured for each time that this one does.
Task<> yields_and_times(Round& round) {
  co_await percore::yield();
  Watch watch(round);
  for (unsigned i = 0; i < times_each; ++i) co_await percore::yield();
  watch.stop();
}

Task<> asks_and_times(Round& round) {
  auto answer = co_await percore::nop();
  Watch watch(round);
  for (unsigned i = 1; i < times_each; ++i) {
    answer = co_await percore::nop();
    if (!answer) break;
  }
  watch.stop();
}

Task<> beside(Round& round, Task<> first, Task<> (*others)()) {
  std::vector<JoinHandle<void>> handles;
  handles.reserve(round.tasks);
  handles.push_back(percore::spawn(std::move(first)));
  for (unsigned i = 1; i < round.tasks; ++i) handles.push_back(percore::spawn(others()));
  for (auto& handle : handles) co_await handle;
}

Task<> yield_in_turn(Round& round) {
  co_await beside(round, yields_and_times(round), &yields);
}

Task<> ask_the_kernel(Round& round) {
  co_await beside(round, asks_and_times(round), &asks);
}

// Each time the queue that the task leaves is charged and sleeps, the other wakes, and the
// scheduler picks.
Task<> move_to_and_fro(Round& round) {
  Watch watch(round);
  for (unsigned i = 0; i < round.tasks; ++i) {
    co_await percore::move_to(*round.first);
    co_await percore::move_to(*round.second);
  }
  watch.stop();
}

Task<> answers(percore::SharedReceiver<unsigned> in, percore::SharedSender<unsigned> out) {
  for (;;) {
    const std::optional<unsigned> value = co_await in.receive();
    if (!value) break;
    const auto sent = co_await out.send(*value);
    if (!sent) break;
  }
}

// Both ends are here: what is counted is the channel's part, without the way to another core.
Task<> send_there_and_back(Round& round) {
  auto there = percore::shared_channel<unsigned>(64);
  auto back = percore::shared_channel<unsigned>(64);
  auto answering = percore::spawn(answers(std::move(there.receiver), std::move(back.sender)));
  Watch watch(round);
  for (unsigned i = 0; i < round.tasks; ++i) {
    const auto sent = co_await there.sender.send(i);
    const auto answer = co_await back.receiver.receive();
    if (!sent || !answer) break;
  }
  watch.stop();
  there.sender.close();
  co_await answering;
}

Task<> read_what_is_cached(Round& round) {
  std::array<std::byte, 4096> page{};
  const int file = memfd_create("page", MFD_CLOEXEC);
  if (file < 0 || ftruncate(file, page.size()) != 0) co_return;
  Watch watch(round);
  for (unsigned i = 0; i < round.tasks; ++i) {
    const auto got = co_await percore::read(file, page, 0);
    if (!got) break;
  }
  watch.stop();
  close(file);
}

constexpr Line lines[] = {
    {"spawn a task", &spawn_only, 1},
    {"spawn a task and join it", &spawn_and_join, 1},
    {"await a task", &await_each, 1},
    {"yield, all in turn", &yield_in_turn, times_each},
    {"go to another task queue", &move_to_and_fro, 2, true},
    {"a message there and back", &send_there_and_back, 1},
    {"to the kernel and back (nop)", &ask_the_kernel, times_each - 1},
    {"read 4 KiB, alone (cached)", &read_what_is_cached, 1},
};

/// An executor, with task queues where a line is about them: without any it asks no scheduler.
class Runner {
 public:
  explicit Runner(const Line& line) : line_(line) {
    if (!line.in_queues) return;
    queues_.emplace(executor_);
    first_ = &queues_->add({.name = "first"});
    second_ = &queues_->add({.name = "second"});
  }
  void run(Round& round) {
    round.first = first_;
    round.second = second_;
    executor_.run(line_.work(round));
  }

 private:
  const Line& line_;
  Executor executor_;
  std::optional<percore::TaskQueues> queues_;
  percore::TaskQueue* first_ = nullptr;
  percore::TaskQueue* second_ = nullptr;
};

/// Of one operation, among a few tasks: a child is stopped after each instruction, which takes some
/// microseconds. "-", and `problem` in words, where the system forbids that.
std::string instructions_each(const Line& line, std::string& problem) {
  constexpr unsigned tasks = 50;
  SharedPhase phase;
  std::optional<Runner> runner;  // of the child: a ring belongs to the thread that opened it
  const auto counted = percore::observe::count_by_phase(
      [&] {
        Round warm_up{.tasks = tasks};
        runner.emplace(line).run(warm_up);
      },
      [&] {
        Round round{.tasks = tasks, .phase = &phase};
        runner->run(round);
      },
      phase);
  problem = counted.problem;
  if (!counted.counted()) return "-";
  const unsigned operations = tasks * line.operations_a_task;
  return fmt::format("{}", (counted.instructions[1] + operations / 2) / operations);
}

std::string show(const Line& line, const CostOptions& options) {
  constexpr unsigned warm_up_rounds = 2;
  // Gone before instructions are counted: its queues and doorbell are the thread's, and the child
  // has that thread.
  std::optional<Runner> runner(std::in_place, line);
  std::vector<double> ns;
  double enters = 0;
  const double operations = static_cast<double>(options.tasks) * line.operations_a_task;
  for (unsigned i = 0; i < options.rounds + warm_up_rounds; ++i) {
    Round round{.tasks = options.tasks};
    runner->run(round);
    if (i < warm_up_rounds) continue;
    ns.push_back(static_cast<double>(round.took.nanoseconds) / operations);
    enters = static_cast<double>(round.enters) / operations;
  }
  runner.reset();
  std::string problem;
  const std::string instructions = instructions_each(line, problem);
  fmt::print("{:<30}{}{:>12}{:>10.4f}\n", line.name, as_text(figure_of(std::move(ns))),
             instructions, enters);
  std::fflush(stdout);
  return problem;
}

/// Where the frame of the coroutine lies that awaits it.
struct FrameAddress {
  FrameAddress() = default;
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> handle) noexcept {
    address = reinterpret_cast<std::uintptr_t>(handle.address());
    return false;
  }
  std::uintptr_t await_resume() const noexcept { return address; }
  std::uintptr_t address = 0;
};

Task<> waits(percore::Event& event, std::vector<std::uintptr_t>& frames) {
  FrameAddress asks;
  const std::uintptr_t frame = co_await asks;
  frames.push_back(frame);
  co_await event.wait();
}

std::int64_t resident_bytes() {
  std::FILE* const file = std::fopen("/proc/self/smaps_rollup", "r");
  if (file == nullptr) return 0;
  long long kib = 0;
  char line[256];
  while (std::fgets(line, sizeof line, file) != nullptr)
    if (std::sscanf(line, "Rss: %lld", &kib) == 1) break;
  std::fclose(file);
  return kib * 1024;
}

/// Frames lie side by side in a slab, so the smallest distance between two is what one takes.
Task<> memory_of_waiting_tasks(unsigned tasks) {
  percore::Event event;
  std::vector<std::uintptr_t> frames(tasks);  // its pages are there before the first look
  frames.clear();
  std::vector<JoinHandle<void>> handles;
  const std::int64_t before = resident_bytes();
  handles.reserve(tasks);
  for (unsigned i = 0; i < tasks; ++i) handles.push_back(percore::spawn(waits(event, frames)));
  while (frames.size() != tasks) co_await percore::yield();
  const std::int64_t after = resident_bytes();
  event.set();
  for (auto& handle : handles) co_await handle;
  std::ranges::sort(frames);
  std::uintptr_t least = ~std::uintptr_t{0};
  for (std::size_t i = 1; i < frames.size(); ++i)
    least = std::min(least, frames[i] - frames[i - 1]);
  fmt::print("\n{:<44}{:>6} bytes\n", "the frame of a task that waits at an event", least);
  fmt::print("{:<44}{:>6} bytes\n", "memory that such a task takes in all",
             (after - before) / tasks);
}

}  // namespace

void show_costs(const CostOptions& options) {
  // In a fresh executor, first: the pool's memory would otherwise be there already.
  fmt::print("{} tasks on one executor\n", with_commas(options.tasks));
  Executor().run(memory_of_waiting_tasks(options.tasks));
  fmt::print("\n{:<30}{:>9}  {:<20}{:>12}{:>10}\n", "each, median of the rounds", "ns", "quartiles",
             "instructions", "enters");
  std::string problem;
  for (const Line& line : lines) problem = show(line, options);
  if (!problem.empty()) fmt::print("\nInstructions are not counted: {}.\n", problem);
}

}  // namespace lesson
