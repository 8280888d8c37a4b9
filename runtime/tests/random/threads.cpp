// Random programs of several executors, each on a thread of its own: they post messages into one
// another's mailboxes, ring a doorbell where the owner sleeps, and send streams through pipes. The
// seed decides which thread runs when. Each message must come once, and in the order of its sender.

#include <percore/io.hpp>

#include <liburing.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "program.hpp"

namespace percore::test {

namespace {

constexpr unsigned threads_max = 4;

struct Message {
  unsigned from = 0;
  unsigned number = 0;
};

bool passes(const std::error_code& error) {
  return error == std::errc::interrupted || error == std::errc::resource_unavailable_try_again;
}

// Messages for one executor. Its owner sleeps with a read of an eventfd in flight, after it has
// said so and looked once more; who posts rings only then.
class Mailbox final : public Poller, Operation {
 public:
  Mailbox() : Operation(&Mailbox::rung), bell_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    expect(bell_ >= 0, "eventfd gave no descriptor");
  }
  ~Mailbox() override { close(bell_); }

  // Thread: any.
  void post(Message message) {
    bool sleeps = false;
    {
      const std::lock_guard lock(mutex_);
      arrived_.push_back(message);
      sleeps = std::exchange(owner_sleeps_, false);
    }
    if (!sleeps) return;
    const std::uint64_t one = 1;
    expect(::write(bell_, &one, sizeof one) == sizeof one, "an eventfd took no number");
  }

  // Thread: the owner's, as everything below.
  bool empty() const { return messages_.empty(); }
  Message take() {
    const Message first = messages_.front();
    messages_.erase(messages_.begin());
    return first;
  }
  void wait(Runnable runnable) {
    expect(!waiting_.coroutine, "two tasks wait for one mailbox");
    waiting_ = runnable;
  }

  bool poll() override {
    {
      const std::lock_guard lock(mutex_);
      messages_.insert(messages_.end(), arrived_.begin(), arrived_.end());
      arrived_.clear();
    }
    if (messages_.empty() || !waiting_.coroutine) return false;
    std::exchange(waiting_, {}).schedule();
    return true;
  }
  bool prepare_to_sleep() override {
    if (!in_flight()) {
      io_uring_sqe& entry = Executor::current().ring().entry(*this);
      io_uring_prep_read(&entry, bell_, &count_, sizeof count_, -1);
    }
    const std::lock_guard lock(mutex_);
    owner_sleeps_ = arrived_.empty();
    return owner_sleeps_;
  }
  void cancel_sleep() override {
    const std::lock_guard lock(mutex_);
    owner_sleeps_ = false;
  }

 private:
  static void rung(Operation&, std::int32_t, std::uint32_t) noexcept {}

  std::mutex mutex_;
  std::vector<Message> arrived_;  // under the mutex
  bool owner_sleeps_ = false;     // under the mutex
  std::vector<Message> messages_;
  Runnable waiting_;
  int bell_;
  std::uint64_t count_ = 0;
};

class NextMessage {
 public:
  explicit NextMessage(Mailbox& mailbox) : mailbox_(mailbox) {}
  bool await_ready() const noexcept { return !mailbox_.empty(); }
  void await_suspend(std::coroutine_handle<> handle) { mailbox_.wait(Runnable::of(handle)); }
  Message await_resume() const { return mailbox_.take(); }

 private:
  Mailbox& mailbox_;
};

// A stream from one executor to the next.
struct Stream {
  std::uint64_t bytes = 0;
  SmallPipe pipe;
};

struct Shared {
  explicit Shared(std::uint64_t seed) : dice(seed) {
    threads = dice.between(2, threads_max);
    for (unsigned from = 0; from != threads; ++from) {
      for (unsigned to = 0; to != threads; ++to) messages[from][to] = dice.below(12);
      streams.push_back(std::make_unique<Stream>());
      streams.back()->bytes = dice.percent(50) ? 0 : dice.below(6'000);
    }
  }
  Dice dice;
  unsigned threads = 0;
  std::array<Mailbox, threads_max> mailboxes;
  std::array<std::array<unsigned, threads_max>, threads_max> messages{};  // from, to: how many
  std::vector<std::unique_ptr<Stream>> streams;  // from each executor to the next
};

Task<> sends_messages(Shared& shared, Token, Dice dice, unsigned self, unsigned to) {
  for (unsigned number = 0; number != shared.messages[self][to]; ++number) {
    shared.mailboxes[to].post({.from = self, .number = number});
    const unsigned draw = dice.below(4);
    if (draw == 0) co_await yield();
    if (draw == 1) co_await nop();
  }
}

Task<> receives_messages(Shared& shared, Token, unsigned self) {
  std::array<unsigned, threads_max> next{};
  unsigned wanted = 0;
  for (const auto& from : shared.messages) wanted += from[self];
  for (unsigned i = 0; i != wanted; ++i) {
    const Message message = co_await NextMessage(shared.mailboxes[self]);
    expect(message.number == next[message.from], "a message was lost, doubled or overtaken");
    ++next[message.from];
  }
}

Task<> sends_a_stream(Token, Dice dice, Stream& stream) {
  std::array<std::byte, 600> bytes;
  for (std::uint64_t sent = 0; sent != stream.bytes;) {
    const auto left = static_cast<unsigned>(std::min<std::uint64_t>(stream.bytes - sent, 600));
    const std::span<std::byte> part = std::span(bytes).first(dice.between(1, left));
    fill(part, 5, sent);
    const auto written = co_await write(stream.pipe.writing(), part);
    expect(written || passes(written.error()), "a write to a pipe failed");
    if (written) sent += *written;
  }
  stream.pipe.close_writing();
}

Task<> receives_a_stream(Token, Dice dice, Stream& stream) {
  std::array<std::byte, 600> bytes;
  for (std::uint64_t received = 0;;) {
    const std::span<std::byte> room = std::span(bytes).first(dice.between(1, 600));
    const auto got = co_await read(stream.pipe.reading(), room);
    expect(got || passes(got.error()), "a read from a pipe failed");
    if (!got) continue;
    expect(holds(room.first(*got), 5, received), "a pipe between threads gave other bytes");
    received += *got;
    if (*got != 0) continue;
    expect(received == stream.bytes, "bytes were lost in a pipe between threads");
    break;
  }
}

Task<> lives(Shared& shared, Token, std::uint64_t seed, unsigned self) {
  Dice dice(seed);
  std::vector<JoinHandle<void>> handles;
  for (unsigned to = 0; to != shared.threads; ++to)
    handles.push_back(spawn(sends_messages(shared, Token(), Dice(dice.next()), self, to)));
  Stream& outgoing = *shared.streams[self];
  Stream& incoming = *shared.streams[(self + 1) % shared.threads];
  handles.push_back(spawn(sends_a_stream(Token(), Dice(dice.next()), outgoing)));
  handles.push_back(spawn(receives_a_stream(Token(), Dice(dice.next()), incoming)));
  co_await receives_messages(shared, Token(), self);
  for (JoinHandle<void>& handle : handles) co_await handle;
}

void one_thread(Shared& shared, std::uint64_t seed, unsigned self) {
  Dice dice(seed);
  ExecutorOptions options;
  options.ring.entries = 1u << dice.below(6);
  options.resumes_per_turn_max = dice.percent(50) ? 256 : dice.between(1, 5);
  Executor executor(options);
  executor.add_poller(shared.mailboxes[self]);
  executor.run(lives(shared, Token(), dice.next(), self));
  expect(executor.tasks_alive() == 0, "E6: tasks are alive after run()");
  executor.remove_poller(shared.mailboxes[self]);
}

}  // namespace

void random_threads_program(std::uint64_t seed) {
  Shared shared(seed);
  std::vector<std::thread> threads;
  for (unsigned self = 0; self != shared.threads; ++self) {
    threads.emplace_back(
        [&shared, self, own = shared.dice.next()] { one_thread(shared, own, self); });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace percore::test
