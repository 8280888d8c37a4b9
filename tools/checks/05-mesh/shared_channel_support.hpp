#pragma once

#include <memory>
#include <percore/check.hpp>
#include <percore/shared_channel.hpp>
#include <percore/sim.hpp>
#include <percore/timer.hpp>
#include <thread>
#include <utility>
#include <vector>

#include "one_cpu.hpp"

// What the checks of the shared channel share: executors on threads of their own.
namespace checks {

using namespace percore;
using percore::check::require;
using percore::check::Run;

inline constexpr const char* a_channel = "Lesson 05, *A channel between two cores*";

/// It can only be moved.
using Boxed = std::unique_ptr<unsigned>;

inline Boxed box(unsigned value) {
  return std::make_unique<unsigned>(value);
}

/// Runs each task on an executor and a thread of its own.
inline void run_on_executors(std::vector<Task<>> roots) {
  stay_on_one_cpu();
  std::vector<std::thread> threads;
  for (Task<>& root : roots)
    threads.emplace_back([&root] {
      Executor executor({.ring = {.entries = 8}});
      executor.run(std::move(root));
    });
  for (std::thread& one : threads) one.join();
}

inline void run_on_executor(Task<> root) {
  std::vector<Task<>> roots;
  roots.push_back(std::move(root));
  run_on_executors(std::move(roots));
}
inline void run_on_two_executors(Task<> one, Task<> other) {
  std::vector<Task<>> roots;
  roots.push_back(std::move(one));
  roots.push_back(std::move(other));
  run_on_executors(std::move(roots));
}

/// The end of the turn is over, and what it published has been looked at.
inline Task<> a_turn_later() {
  const auto slept = co_await sleep_for(Time{1'000});
  require(slept.has_value(), "a sleep was cancelled");
}

}  // namespace checks
