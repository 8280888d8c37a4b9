#include "waking.hpp"

#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <percore/shared_channel.hpp>
#include <percore/timer.hpp>
#include <thread>

#include <fmt/core.h>

#include "measure.hpp"

namespace lesson {
namespace {

using percore::now;
using percore::SharedReceiver;
using percore::SharedSender;
using percore::Task;
using percore::Time;

constexpr std::int64_t us = 1'000;
constexpr std::int64_t ms = 1'000'000;

/// Processor time of this thread.
Time processor_time() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  const auto nanoseconds = [](const timeval& time) {
    return time.tv_sec * 1'000 * ms + time.tv_usec * us;
  };
  return Time{nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime)};
}

/// How often this thread has given up its core to wait.
std::uint64_t sleeps_of_this_thread() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return static_cast<std::uint64_t>(usage.ru_nvcsw);
}

struct Trips {
  double microseconds = 0;  // median
  double busy_percent = 0;  // of the one that answers
};

Task<> echoes(SharedReceiver<int> in, SharedSender<int> out, double& busy_percent) {
  const Time began = now();
  const Time used_before = processor_time();
  for (;;) {
    const auto value = co_await in.receive();
    if (!value) break;
    const auto sent = co_await out.send(*value);
    if (!sent) break;
  }
  busy_percent = 100.0 * static_cast<double>((processor_time() - used_before).nanoseconds) /
                 static_cast<double>((now() - began).nanoseconds);
}

Task<> asks(SharedSender<int> out, SharedReceiver<int> in, int times, Time pause,
            std::vector<double>& took) {
  for (int i = 0; i < times; ++i) {
    if (pause.nanoseconds != 0) {
      const auto slept = co_await percore::sleep_for(pause);
      if (!slept) co_return;
    }
    const Time began = now();
    const auto sent = co_await out.send(i);
    if (!sent) co_return;
    const auto answer = co_await in.receive();
    if (!answer) co_return;
    took.push_back(static_cast<double>((now() - began).nanoseconds) / 1e3);
  }
}

Trips round_trips(int times, Time pause) {
  auto there = percore::shared_channel<int>(16);
  auto back = percore::shared_channel<int>(16);
  Trips out;
  std::vector<double> took;
  std::thread other([&] {
    percore::Executor().run(
        echoes(std::move(there.receiver), std::move(back.sender), out.busy_percent));
  });
  percore::Executor().run(
      asks(std::move(there.sender), std::move(back.receiver), times, pause, took));
  other.join();
  out.microseconds = median(std::move(took));
  return out;
}

/// A thread that sleeps when it finds no work, and whoever gives it some.
class Sleeper {
 public:
  explicit Sleeper(bool fenced) : fenced_(fenced) {}

  /// Waits until as many were sent: looks for a while, and then sleeps.
  /// Returns  how often only the alarm clock woke it, and nobody would have.
  unsigned wait_for(unsigned count, unsigned looks) {
    for (; looks != 0 && !sent(count); --looks) percore::cpu_relax();
    unsigned lost = 0;
    while (!sent(count)) {
      sleeping_.store(true, std::memory_order_relaxed);
      if (fenced_) percore::atomic_thread_fence(std::memory_order_seq_cst);
      if (!sent(count) && !sleep() && rings_done_.load() >= count) ++lost;
      sleeping_.store(false, std::memory_order_relaxed);
    }
    return lost;
  }
  void send() {
    const unsigned count = sent_.load(std::memory_order_relaxed) + 1;
    sent_.store(count, std::memory_order_release);
    if (fenced_) percore::atomic_thread_fence(std::memory_order_seq_cst);
    if (sleeping_.load(std::memory_order_relaxed)) {
      const std::scoped_lock lock(mutex_);
      woken_ = true;
      wake_.notify_one();
    }
    rings_done_.store(count);
  }

 private:
  bool sent(unsigned count) const { return sent_.load(std::memory_order_acquire) >= count; }

  // With an alarm clock, so that the program ends. False: that is what woke it.
  bool sleep() {
    std::unique_lock lock(mutex_);
    const bool rung = wake_.wait_for(lock, std::chrono::milliseconds(20), [&] { return woken_; });
    woken_ = false;
    return rung;
  }

  const bool fenced_;
  alignas(64) percore::atomic<unsigned> sent_{0};
  alignas(64) percore::atomic<bool> sleeping_{false};
  alignas(64) percore::atomic<unsigned> rings_done_{0};  // whoever sent so many rings no more
  std::mutex mutex_;
  std::condition_variable wake_;
  bool woken_ = false;
};

struct Lost {
  unsigned rounds = 0;
  unsigned wakeups = 0;
};

/// Two threads send to one another in turn, until wake-ups were lost or two seconds have passed.
/// How long each looks before it sleeps changes, so that now and then it falls asleep just when the
/// other sends.
Lost back_and_forth(bool fenced) {
  Sleeper here(fenced);
  Sleeper there(fenced);
  percore::atomic<bool> ends{false};
  Lost out;
  std::thread other([&] {
    for (unsigned round = 1; !ends.load(); ++round) {
      there.wait_for(round, round * 7 % 50);
      here.send();
    }
  });
  const Time until = now() + Time{2'000 * ms};
  while (now() < until && out.wakeups < 3) {
    ++out.rounds;
    there.send();
    out.wakeups += here.wait_for(out.rounds, out.rounds * 13 % 50);
  }
  ends.store(true);
  there.send();
  other.join();
  return out;
}

constexpr int messages = 20'000;
constexpr int at_once = 100;

/// Each message is written to an eventfd, and read from there.
double with_a_ring_each() {
  const int bell = eventfd(0, EFD_SEMAPHORE);
  const Time began = now();
  std::thread receiver([bell] {
    std::uint64_t one = 0;
    for (int i = 0; i < messages; ++i) static_cast<void>(!read(bell, &one, sizeof one));
  });
  const std::uint64_t one = 1;
  for (int i = 0; i < messages; ++i) static_cast<void>(!write(bell, &one, sizeof one));
  receiver.join();
  close(bell);
  return nanoseconds_each(now() - began, messages);
}

Task<> sends_all(SharedSender<int> out) {
  for (int i = 0; i < messages; ++i) {
    const auto sent = co_await out.send(i);
    if (!sent) break;
    if (i % at_once == 0) co_await percore::yield();  // the turn ends: it is published
  }
}
Task<> receives_all(SharedReceiver<int> in, std::uint64_t& sleeps) {
  const std::uint64_t slept_before = sleeps_of_this_thread();
  for (;;) {
    const auto value = co_await in.receive();
    if (!value) break;
  }
  sleeps = sleeps_of_this_thread() - slept_before;
}

double with_a_ring_for_many(std::uint64_t& sleeps) {
  auto ends = percore::shared_channel<int>(1024);
  const Time began = now();
  std::thread receiver(
      [&] { percore::Executor().run(receives_all(std::move(ends.receiver), sleeps)); });
  percore::Executor().run(sends_all(std::move(ends.sender)));
  receiver.join();
  return nanoseconds_each(now() - began, messages);
}

}  // namespace

void show_waking() {
  const Trips awake = round_trips(20'000, {});
  const Trips asleep = round_trips(100, Time{2 * ms});
  fmt::print("{:<36}{:>12}{:>18}\n", "a message there and back", "p50", "who waits is busy");
  fmt::print("{:<36}{:>9.1f} us{:>16.0f} %\n", "  one right after the other", awake.microseconds,
             awake.busy_percent);
  fmt::print("{:<36}{:>9.1f} us{:>16.0f} %\n", "  one every two milliseconds", asleep.microseconds,
             asleep.busy_percent);
}

void lost_wakeup() {
  const Lost without = back_and_forth(false);
  const Lost with = back_and_forth(true);
  fmt::print("two threads send to one another in turn; who finds nothing sleeps\n\n");
  fmt::print("  flag and second look, no fence  {:>8} wake-ups lost in {} rounds\n",
             without.wakeups, without.rounds);
  fmt::print("  with the two fences             {:>8} wake-ups lost in {} rounds\n\n", with.wakeups,
             with.rounds);
  fmt::print(
      "What happens when one is lost: the owner's flag is still in its core's store buffer when "
      "it\n"
      "looks for work, and the sender's message in the other's. Each sees the old value; one "
      "sleeps,\n"
      "nobody rings, and only an alarm clock of 20 ms goes on. This is invariant W1.\n");
}

void ring_for_each() {
  std::uint64_t sleeps = 0;
  const double each = with_a_ring_each();
  const double many = with_a_ring_for_many(sleeps);
  fmt::print("{} messages from one core to another\n\n", messages);
  fmt::print("  a ring for each           {:>7.0f} ns a message, {:>6} rings\n", each, messages);
  fmt::print(
      "  a ring for one who sleeps {:>7.0f} ns a message, {:>6} at most: so often it slept\n\n",
      many, sleeps);
  fmt::print(
      "What happens: who is awake sees the message anyway. A ring is a system call here and a "
      "wake-up\n"
      "there, and it is needed only when the other sleeps. This is invariant W2.\n");
}

}  // namespace lesson
