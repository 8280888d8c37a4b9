#pragma once

#include <percore/executor.hpp>
#include <thread>
#include <vector>

namespace percore {

/// Runs each root(number) on an executor and a thread of its own, to their ends.
template <typename Root>
void on_executors(std::size_t count, Root root) {
  std::vector<std::jthread> threads;
  for (std::size_t number = 0; number < count; ++number)
    threads.emplace_back([&root, number] {
      Executor executor;
      executor.run(root(number));
    });
}

}  // namespace percore
