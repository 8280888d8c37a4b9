// Lesson 01's goal: greetings written by tasks on the executor, one after the other and ten at
// once.
#include <fcntl.h>
#include <unistd.h>

#include <command_line.hpp>
#include <count_calls.hpp>
#include <percore/executor.hpp>
#include <percore/io.hpp>
#include <percore/mark.hpp>
#include <span>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "parts/task_cost.hpp"
#include "parts/task_sabotage.hpp"

namespace {

using percore::lesson::CallWindow;

int out = STDOUT_FILENO;

percore::Task<> greet(unsigned index) {
  const percore::Span span("task", index);  // a lane in the picture of a run
  const std::string line =
      fmt::format("hello from task {}\n", index);  // in the frame: it outlives the write
  auto rest = std::as_bytes(std::span(line));
  while (!rest.empty()) {  // the kernel may write a part of it, or be interrupted
    const auto written = co_await percore::write(out, rest);
    if (written)
      rest = rest.subspan(*written);
    else if (written.error() != std::errc::interrupted &&
             written.error() != std::errc::resource_unavailable_try_again)
      throw std::system_error(written.error(), "writing a greeting");
  }
}

percore::Task<> one_task(unsigned greetings) {
  for (unsigned index = 0; index < greetings; ++index) co_await greet(index);
}

percore::Task<> many_tasks(unsigned tasks) {
  std::vector<percore::JoinHandle<void>> handles;
  handles.reserve(tasks);
  for (unsigned index = 0; index < tasks; ++index) handles.push_back(percore::spawn(greet(index)));
  for (auto& handle : handles) co_await handle;
}

percore::Task<> talk(const char* name, unsigned times) {
  for (unsigned time = 1; time <= times; ++time) {
    fmt::print("{} {}\n", name, time);
    co_await percore::yield();
  }
}

/// What runs when: predict it before you run it.
percore::Task<> show_order() {
  fmt::print("root: begins\n");
  auto first = percore::spawn(talk("first:", 2));
  auto second = percore::spawn(talk("second:", 3));
  fmt::print("root: has spawned two, none of them has begun\n");
  co_await first;
  fmt::print("root: the first has ended\n");
  co_await second;
  fmt::print("root: the second has ended\n");
}

struct Work {
  percore::Task<> (*root)(unsigned);
  unsigned greetings;
};

void count_root(CallWindow& window, void* argument) {
  const auto& work = *static_cast<Work*>(argument);
  percore::Executor executor;
  executor.run(work.root(work.greetings));  // the memory it needs is taken now, not while we count
  window.open();
  executor.run(work.root(work.greetings));
  window.close();
}

int show_counts(unsigned greetings) {
  out = open("/dev/null", O_WRONLY | O_CLOEXEC);
  Work one{one_task, greetings};
  Work many{many_tasks, greetings};
  const auto one_calls = percore::lesson::count_calls(count_root, &one);
  const auto many_calls = percore::lesson::count_calls(count_root, &many);
  close(out);
  fmt::print("{} greetings, system calls as the kernel saw them\n\n", greetings);
  fmt::print("  {:<24}  {}\n", "one task, in a row", one_calls.in_words());
  fmt::print("  {:<24}  {}\n", fmt::format("{} tasks, one each", greetings), many_calls.in_words());
  return one_calls.problem.empty() ? 0 : 3;
}

}  // namespace

int main(int argc, char** argv) {
  percore::lesson::CommandLine line("Greets from tasks on the executor.", "ten_tasks");
  unsigned tasks = 10;
  bool one = false;
  bool count = false;
  bool order = false;
  bool cost = false;
  std::string sabotage;
  line.number("--tasks", tasks, 1U, 100000U, "how many greetings");
  line.flag("--one", one, "all greetings from one task, one after the other");
  line.flag("--count", count, "count the system calls of both ways, by tracing a child");
  line.flag("--cost", cost, "time what tasks do most");
  line.flag("--order", order, "two tasks that take turns: who runs when");
  line.sabotage(sabotage, {{"forgotten-join", "nobody awaits what was spawned"},
                           {"blocking-call", "a task stops the thread instead of awaiting"}});
  if (const auto status = line.parse(argc, argv)) return *status;

  try {
    if (count) return show_counts(tasks);
    percore::Executor executor;
    if (cost) {
      lesson::show_task_costs(executor);
    } else if (sabotage == "forgotten-join") {
      lesson::forgotten_join(executor);
    } else if (sabotage == "blocking-call") {
      lesson::blocking_call(executor);
    } else if (order) {
      executor.run(show_order());
    } else {
      executor.run(one ? one_task(tasks) : many_tasks(tasks));
    }
  } catch (const percore::RingUnavailable& unavailable) {
    fmt::print(stderr, "ten_tasks: {}\n", unavailable.what());
    return 3;
  } catch (const std::exception& problem) {
    fmt::print(stderr, "ten_tasks: {}\n", problem.what());
    return 1;
  }
}
