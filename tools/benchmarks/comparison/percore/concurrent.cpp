// A thousand tasks at once, each of which lets the others run ten times.
#include <cstdio>
#include <percore/executor.hpp>
#include <vector>

percore::Task<int> works(int number) {
  for (int i = 0; i < 10; ++i) co_await percore::yield();
  co_return number;
}

percore::Task<int> sum_of_all() {
  std::vector<percore::JoinHandle<int>> tasks;
  for (int number = 0; number < 1000; ++number) tasks.push_back(percore::spawn(works(number)));
  int sum = 0;
  for (auto& task : tasks) sum += co_await task;
  co_return sum;
}

int main() {
  percore::Executor executor;
  std::printf("1000 tasks, sum %d\n", executor.run(sum_of_all()));
}
