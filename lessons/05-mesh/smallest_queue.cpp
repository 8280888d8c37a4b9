// The smallest hand-over: one thread puts values in, another takes them out, and nobody locks.
#include <fmt/core.h>

#include <percore/clock.hpp>
#include <percore/spsc_queue.hpp>
#include <thread>

int main() {
  constexpr int values = 1'000'000;
  percore::SpscQueue<int> queue(1024);

  std::thread producer([&queue] {
    for (int next = 1; next <= values; ++next) {
      int value = next;
      while (!queue.try_push(value)) percore::cpu_relax();  // full: the consumer is behind
    }
  });

  long sum = 0;
  for (int taken = 0; taken < values; ++taken) {
    while (queue.front() == nullptr) percore::cpu_relax();  // empty: the producer is behind
    sum += *queue.try_pop();
  }
  producer.join();
  fmt::print("{} values, their sum is {}\n", values, sum);
}
