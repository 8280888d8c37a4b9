// 02.6 local_channel, once on the kernel.

#include <percore/check.hpp>
#include <percore/executor.hpp>
#include <percore/local_channel.hpp>
#include <percore/timer.hpp>

using percore::LocalChannel;
using percore::spawn;
using percore::Task;
using percore::Time;
using percore::check::require;

namespace {

Task<> sends(LocalChannel<int>& channel, int count) {
  for (int value = 1; value <= count; ++value) {
    const auto sent = co_await channel.send(value);
    require(sent.has_value(), "on the kernel a send to an open channel failed");
  }
  channel.close();
}
Task<int> adds_up(LocalChannel<int>& channel) {
  int sum = 0;
  for (;;) {
    const auto value = co_await channel.receive();
    if (!value) co_return sum;
    sum += *value;
    if (*value % 10 == 0) static_cast<void>(co_await percore::sleep_for(Time{100'000}));
  }
}
Task<int> both() {
  LocalChannel<int> channel(3);
  auto sum = spawn(adds_up(channel));
  co_await sends(channel, 50);
  co_return co_await sum;
}

}  // namespace

PERCORE_CHECK("close", on_the_kernel_all_values_arrive, "L4",
              "what lies in a closed channel can still be received", "Lesson 02, *The close*") {
  run.waits_for("a sender and a receiver that sleeps now and then, on the kernel");
  percore::Executor executor({.ring = {.entries = 8}});
  const int sum = executor.run(both());
  require(sum == 50 * 51 / 2, "on the kernel 1 to 50 went through a channel, and their sum was {}",
          sum);
}
