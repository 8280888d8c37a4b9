// A thousand tasks at once, each of which lets the others run ten times.
#include <fmt/core.h>

#include <seastar/core/app-template.hh>
#include <seastar/core/coroutine.hh>
#include <seastar/util/later.hh>
#include <vector>

seastar::future<int> works(int number) {
  for (int i = 0; i < 10; ++i) co_await seastar::yield();
  co_return number;
}

seastar::future<> shows_the_sum() {
  std::vector<seastar::future<int>> tasks;  // each runs from its call on, to its first wait
  for (int number = 0; number < 1000; ++number) tasks.push_back(works(number));
  int sum = 0;
  for (auto& task : tasks) sum += co_await std::move(task);
  fmt::print("1000 tasks, sum {}\n", sum);
}

int main(int argument_count, char** arguments) {
  seastar::app_template app;
  return app.run(argument_count, arguments, shows_the_sum);
}
