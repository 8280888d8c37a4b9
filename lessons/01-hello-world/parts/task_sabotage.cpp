// The classic mistakes with tasks, made on purpose.
#include "task_sabotage.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <cstdint>
#include <percore/clock.hpp>
#include <percore/io.hpp>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/core.h>

namespace lesson {
namespace {

percore::Task<> greet(unsigned index) {
  const std::string line = fmt::format("hello from task {}\n", index);
  // As if it had waited for something first: it comes to its write when the root has ended.
  while (!percore::Executor::current().ending()) co_await percore::yield();
  const auto written = co_await percore::write(STDOUT_FILENO, std::as_bytes(std::span(line)));
  if (!written) fmt::print("task {} writes nothing: {}\n", index, written.error().message());
}

/// The mistake: nobody awaits the greetings, so run() is ending when they begin.
percore::Task<> forget_to_join(unsigned tasks) {
  for (unsigned index = 0; index < tasks; ++index) static_cast<void>(percore::spawn(greet(index)));
  co_return;
}

/// A device that answers 20 ms after it is asked; lesson 02 has timers for this.
class SlowDevice {
 public:
  SlowDevice() : descriptor_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)) {
    const itimerspec when{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_nsec = 20'000'000}};
    timerfd_settime(descriptor_, 0, &when, nullptr);
  }
  SlowDevice(const SlowDevice&) = delete;
  SlowDevice& operator=(const SlowDevice&) = delete;
  ~SlowDevice() { close(descriptor_); }
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

/// The mistake: read(2) stops the thread, and every task on it.
percore::Task<> ask_and_block() {
  const SlowDevice device;
  std::uint64_t answer = 0;
  static_cast<void>(::read(device.descriptor(), &answer, sizeof answer));
  co_return;
}

percore::Task<> ask_and_await() {
  const SlowDevice device;
  std::uint64_t answer = 0;
  const auto got =
      co_await percore::read(device.descriptor(), std::as_writable_bytes(std::span(&answer, 1)));
  if (!got) throw std::system_error(got.error(), "reading a timer");
}

percore::Task<> ten_times(percore::Task<> (*task)()) {
  std::vector<percore::JoinHandle<void>> handles;
  for (int count = 0; count < 10; ++count) handles.push_back(percore::spawn(task()));
  for (auto& handle : handles) co_await handle;
}

double milliseconds(percore::Executor& executor, percore::Task<> (*task)()) {
  const percore::Time start = percore::now();
  executor.run(ten_times(task));
  return static_cast<double>((percore::now() - start).nanoseconds) / 1e6;
}

}  // namespace

void forgotten_join(percore::Executor& executor) {
  executor.run(forget_to_join(3));
  fmt::print(
      "\nWhat happened: the root task ended at once. From then on run() brings everything to its "
      "end: tasks go\n"
      "on, but what they ask of the kernel is answered with ECANCELED. Await what must be done. "
      "This is E6.\n");
}

void blocking_call(percore::Executor& executor) {
  fmt::print("ten tasks, each asks a device that answers after 20 ms\n\n");
  fmt::print("  {:<26}{:>5.0f} ms\n", "read(2) in each task",
             milliseconds(executor, ask_and_block));
  fmt::print("  {:<26}{:>5.0f} ms\n", "co_await percore::read",
             milliseconds(executor, ask_and_await));
  fmt::print(
      "\nWhat happened: ten tasks share one thread, and a blocking call stops the thread. Only "
      "what is awaited\n"
      "lets the others run.\n");
}

}  // namespace lesson
