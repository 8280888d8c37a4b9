#pragma once

#include <percore/executor.hpp>
#include <thread>
#include <utility>
#include <vector>

namespace percore {

/// Runs each root(number) on an executor and a thread of its own, to their ends; `ended(number)` is
/// called when its run is over.
template <typename Root, typename Ended>
void on_executors(std::size_t count, Root root, Ended ended) {
  std::vector<std::jthread> threads;
  for (std::size_t number = 0; number < count; ++number)
    threads.emplace_back([&root, &ended, number] {
      Executor executor;
      executor.run(root(number));
      ended(number);
    });
}

template <typename Root>
void on_executors(std::size_t count, Root root) {
  on_executors(count, std::move(root), [](std::size_t) {});
}

}  // namespace percore
