// What a channel costs with the learner's module, beside ours. Shown after a pass.

#include <percore/local_channel.hpp>

#include "support.hpp"

using namespace checks;
using percore::LocalChannel;

namespace {

Task<> sends(LocalChannel<unsigned>& channel, unsigned count) {
  for (unsigned value = 0; value < count; ++value) static_cast<void>(co_await channel.send(value));
}
Task<> through(percore::check::Run& run, std::size_t capacity) {
  LocalChannel<unsigned> channel(capacity);
  auto sender = spawn(sends(channel, 100));
  run.count_from_here();
  for (unsigned value = 0; value < 100; ++value) static_cast<void>(co_await channel.receive());
  run.count_to_here();
  co_await sender;
}

}  // namespace

PERCORE_MEASURE(a_value_there_and_out, "try_send and try_receive", 100) {
  LocalChannel<unsigned> channel(4);
  run.count_from_here();
  for (unsigned value = 0; value < 100; ++value) {
    static_cast<void>(channel.try_send(value));
    static_cast<void>(channel.try_receive());
  }
  run.count_to_here();
}
PERCORE_MEASURE(a_value_of_one_place, "a value, channel of 1", 100) {
  run_on_executor(through(run, 1));
}
PERCORE_MEASURE(a_value_of_many_places, "a value, channel of 32", 100) {
  run_on_executor(through(run, 32));
}
