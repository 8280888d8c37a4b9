// Two executors on two threads: one sleeps until the other sends.
#include <fmt/core.h>

#include <percore/shared_channel.hpp>
#include <percore/timer.hpp>
#include <thread>

percore::Task<> sends(percore::SharedSender<int> sender) {
  for (int value = 1; value <= 3; ++value) {
    co_await percore::sleep_for(percore::Time{10'000'000});  // the other sleeps meanwhile
    const auto sent = co_await sender.send(value);
    if (!sent) co_return;
  }
}  // the sender ends here: the channel is closed

percore::Task<> receives(percore::SharedReceiver<int> receiver) {
  for (;;) {
    const auto value = co_await receiver.receive();
    if (!value) break;
    fmt::print("{} came\n", *value);
  }
  fmt::print("closed, and nothing is left\n");
}

int main() {
  percore::ChannelEnds<int> ends = percore::shared_channel<int>(16);
  std::thread other([&ends] { percore::Executor().run(receives(std::move(ends.receiver))); });
  percore::Executor().run(sends(std::move(ends.sender)));
  other.join();
}
