// What the layers of this lesson cost. Run it on ours, and again when they are yours.
#include "task_cost.hpp"

#include <algorithm>
#include <percore/clock.hpp>
#include <percore/io.hpp>
#include <system_error>
#include <vector>

#include <fmt/core.h>

namespace lesson {
namespace {

constexpr unsigned things_in_all = 1U << 18;

percore::Task<> do_nothing() {
  co_return;
}

percore::Task<> spawn_and_join(unsigned tasks) {
  std::vector<percore::JoinHandle<void>> handles;
  handles.reserve(tasks);
  for (unsigned done = 0; done < things_in_all; done += tasks) {
    handles.clear();
    for (unsigned task = 0; task < tasks; ++task) handles.push_back(percore::spawn(do_nothing()));
    for (auto& handle : handles) co_await handle;
  }
}

percore::Task<> yield_often(unsigned times) {
  for (unsigned time = 0; time < times; ++time) co_await percore::yield();
}

percore::Task<> ask_often(unsigned times) {
  for (unsigned time = 0; time < times; ++time) {
    const auto answer = co_await percore::nop();
    if (!answer) throw std::system_error(answer.error(), "a no-operation");
  }
}

percore::Task<> share(percore::Task<> (*work)(unsigned), unsigned tasks) {
  std::vector<percore::JoinHandle<void>> handles;
  for (unsigned task = 0; task < tasks; ++task)
    handles.push_back(percore::spawn(work(things_in_all / tasks)));
  for (auto& handle : handles) co_await handle;
}

template <typename MakeRoot>
double nanoseconds_each(percore::Executor& executor, MakeRoot make_root) {
  constexpr int tries = 3;
  double best = 1e18;  // the least disturbed try
  for (int attempt = 0; attempt < tries; ++attempt) {
    const percore::Time start = percore::now();
    executor.run(make_root());
    best = std::min(best, static_cast<double>((percore::now() - start).nanoseconds));
  }
  return best / things_in_all;
}

}  // namespace

void show_task_costs(percore::Executor& executor) {
  const auto show = [](const char* what, double nanoseconds) {
    fmt::print("{:<44}{:>6.0f}\n", what, nanoseconds);
  };
  fmt::print("{:<44}{:>6}\n", "", "ns");
  show("spawn and join a task, 100 at a time",
       nanoseconds_each(executor, [] { return spawn_and_join(100); }));
  show("yield, 100 tasks in turn",
       nanoseconds_each(executor, [] { return share(yield_often, 100); }));
  show("to the kernel and back, one task",
       nanoseconds_each(executor, [] { return share(ask_often, 1); }));
  show("to the kernel and back, 64 tasks",
       nanoseconds_each(executor, [] { return share(ask_often, 64); }));
}

}  // namespace lesson
