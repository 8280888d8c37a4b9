// Three executors, and a question from one to the others.
#include <fmt/core.h>

#include <percore/shards.hpp>
#include <thread>
#include <vector>

percore::Task<> member(percore::Shards& shards, std::size_t number) {
  percore::Result<percore::ShardLink> link = co_await shards.join(number);
  if (!link) co_return;
  if (number == 0) {
    for (std::size_t other = 1; other < link->count(); ++other) {
      const auto square = [other] { return other * other; };  // runs on the other's core
      const std::size_t answer = co_await link->submit_to(other, square);
      fmt::print("shard {} says {}\n", other, answer);
    }
  }
  co_await link->leave();  // until nobody calls any more
}

int main() {
  percore::Shards shards(3, 16);
  std::vector<std::jthread> threads;
  for (std::size_t number = 0; number < 3; ++number)
    threads.emplace_back([&shards, number] { percore::Executor().run(member(shards, number)); });
}
