// 01.7 executor, once on the kernel.

#include <fcntl.h>
#include <unistd.h>
#include <percore/check.hpp>
#include <percore/executor.hpp>
#include <percore/io.hpp>
#include <span>

using percore::Executor;
using percore::JoinHandle;
using percore::spawn;
using percore::Task;
using percore::check::require;

namespace {

struct Ends {
  int reading = -1;
  int writing = -1;
};

Task<> writes(Ends ends, int times) {
  std::byte byte{42};
  const std::span<const std::byte> bytes(&byte, 1);
  for (int i = 0; i < times; ++i) {
    const auto written = co_await percore::write(ends.writing, bytes);
    require(written.has_value() && *written == 1, "on the kernel a write to a pipe failed");
    if (i % 3 == 0) co_await percore::yield();
  }
}
Task<int> reads(Ends ends, int times) {
  int sum = 0;
  std::byte byte{};
  const std::span<std::byte> bytes(&byte, 1);
  for (int i = 0; i < times; ++i) {
    const auto got = co_await percore::read(ends.reading, bytes);
    require(got.has_value() && *got == 1, "on the kernel a read from a pipe failed");
    sum += static_cast<int>(byte);
  }
  co_return sum;
}
Task<> waits_for_ever(Ends ends, bool& cancelled) {
  std::byte byte{};
  const std::span<std::byte> bytes(&byte, 1);
  const auto got = co_await percore::read(ends.reading, bytes);
  cancelled = !got.has_value();
}
Task<int> both(Ends ends, bool& cancelled) {
  JoinHandle<int> reader = spawn(reads(ends, 50));
  JoinHandle<void> writer = spawn(writes(ends, 50));
  co_await writer;
  const int sum = co_await reader;
  spawn(waits_for_ever(ends, cancelled)).detach();
  co_await percore::yield();
  co_return sum;
}

}  // namespace

PERCORE_CHECK("turn", on_the_kernel_tasks_talk_through_a_pipe, "E6",
              "run() returns when every task has ended", "Lesson 01, *The end of run()*") {
  int ends[2];
  require(pipe2(ends, O_CLOEXEC) == 0, "no pipe could be made");
  bool cancelled = false;
  run.waits_for("tasks that talk through a pipe, on the kernel");
  Executor executor({.ring = {.entries = 8}});
  const int sum = executor.run(both({ends[0], ends[1]}, cancelled));
  require(sum == 50 * 42, "on the kernel 50 bytes of 42 went through a pipe and their sum was {}",
          sum);
  require(
      cancelled,
      "on the kernel a read that nobody answered was not cancelled when the root task had ended");
  close(ends[0]);
  close(ends[1]);
}
