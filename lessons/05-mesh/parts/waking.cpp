#include "waking.hpp"

#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <condition_variable>
#include <coroutine>
#include <memory>
#include <mutex>
#include <percore/doorbell.hpp>
#include <percore/io.hpp>
#include <percore/shared_channel.hpp>
#include <percore/spsc_queue.hpp>
#include <percore/timer.hpp>
#include <thread>
#include <utility>

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

using Queue = percore::SpscQueue<int>;

/// Sends from this thread, and rings after each message.
template <typename Ring>
void send_all(Queue& queue, Ring ring) {
  for (int i = 0; i < messages; ++i) {
    int value = i;
    while (!queue.try_push(value)) std::this_thread::yield();
    ring();
  }
}

/// Takes what is there; waits when there is nothing. wait()  is awaited until the next ring.
template <typename Wait>
Task<> take_all(Queue& queue, Wait wait) {
  for (int taken = 0; taken < messages;) {
    if (queue.try_pop())
      ++taken;
    else
      co_await wait();
  }
}

/// A bell that does not ask who sleeps: each ring is a write to the eventfd that the receiver's
/// executor reads.
Task<> is_rung_for_each(Queue& queue, int bell) {
  std::uint64_t count = 0;
  const auto next_ring = [&] {
    return percore::read(bell, std::as_writable_bytes(std::span(&count, 1)), 0);
  };
  co_await take_all(queue, next_ring);
}

double with_a_ring_each() {
  Queue queue(1024);
  const int bell = eventfd(0, EFD_CLOEXEC);
  const Time began = now();
  std::thread receiver([&] { percore::Executor().run(is_rung_for_each(queue, bell)); });
  send_all(queue, [bell] {
    const std::uint64_t one = 1;
    static_cast<void>(!write(bell, &one, sizeof one));
  });
  receiver.join();
  close(bell);
  return nanoseconds_each(now() - began, messages);
}

/// Wakes the task that waits for the next ring.
class Rung final : public percore::Inbox {
 public:
  Rung() { percore::doorbell().attach(*this); }
  ~Rung() { percore::doorbell().detach(*this); }
  void look() noexcept override {
    if (std::exchange(waits_, false)) runnable_.schedule();
  }

  class Next {
   public:
    explicit Next(Rung& rung) noexcept : rung_(rung) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiting) noexcept {
      rung_.runnable_ = percore::Runnable::of(awaiting);
      rung_.waits_ = true;
    }
    void await_resume() const noexcept {}

   private:
    Rung& rung_;
  };

 private:
  bool waits_ = false;
  percore::Runnable runnable_;
};

/// The bell of the receiver's doorbell, once there is somebody to ring for.
struct Address {
  std::shared_ptr<percore::Bell> bell;
  unsigned number = 0;
  percore::atomic<bool> known{false};
};

Task<> is_rung_when_it_sleeps(Queue& queue, Address& address, std::uint64_t& sleeps) {
  Rung rung;
  address.bell = percore::doorbell().bell();
  address.number = rung.number();
  address.known.store(true, std::memory_order_release);
  const std::uint64_t slept_before = sleeps_of_this_thread();
  const auto next_ring = [&rung] { return Rung::Next(rung); };
  co_await take_all(queue, next_ring);
  sleeps = sleeps_of_this_thread() - slept_before;
}

double with_a_ring_for_one_who_sleeps(std::uint64_t& sleeps) {
  Queue queue(1024);
  Address address;
  const Time began = now();
  std::thread receiver(
      [&] { percore::Executor().run(is_rung_when_it_sleeps(queue, address, sleeps)); });
  while (!address.known.load(std::memory_order_acquire)) std::this_thread::yield();
  send_all(queue, [&address] { address.bell->ring(address.number); });
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
      "A run may show none: it takes two cores that act within nanoseconds of one another.\n"
      "What happens when one is lost: the owner's flag is still in its core's store buffer when "
      "it\n"
      "looks for work, and the sender's message in the other's. Each sees the old value; one "
      "sleeps,\n"
      "nobody rings, and only an alarm clock of 20 ms goes on. This is invariant W1.\n");
}

void ring_for_each() {
  std::uint64_t sleeps = 0;
  const double each = with_a_ring_each();
  const double asleep = with_a_ring_for_one_who_sleeps(sleeps);
  fmt::print("{} messages through a queue to an executor, a ring after each\n\n", messages);
  fmt::print("  a ring is a write to its eventfd   {:>7.0f} ns a message, {:>6} system calls\n",
             each, messages);
  fmt::print(
      "  only where the executor sleeps     {:>7.0f} ns a message, {:>6} at most: so often "
      "it slept\n\n",
      asleep, sleeps);
  fmt::print(
      "What happens: who is awake sees the message anyway. A ring is a system call here and a "
      "wake-up\n"
      "there, and it is needed only when the other sleeps. This is invariant W2.\n");
}

}  // namespace lesson
