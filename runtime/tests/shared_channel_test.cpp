#include "death.hpp"
#include "on_executors.hpp"
#include "pause.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <ostream>
#include <percore/shared_channel.hpp>
#include <percore/timer.hpp>
#include <thread>
#include <vector>

using namespace percore;
using percore::test::pause;

namespace {

using Boxed = std::unique_ptr<int>;

// Says on which thread it was destroyed.
struct Mourned {
  Mourned(int its_value, std::vector<std::thread::id>* list) : value(its_value), graves(list) {}
  Mourned(Mourned&& other) noexcept
      : value(other.value), graves(std::exchange(other.graves, nullptr)) {}
  Mourned& operator=(Mourned&&) = delete;
  ~Mourned() {
    if (graves != nullptr) graves->push_back(std::this_thread::get_id());
  }
  int value;
  std::vector<std::thread::id>* graves;
};

Task<> sends(SharedSender<Boxed> sender, int count, std::int64_t pause_every) {
  for (int i = 0; i < count; ++i) {
    const auto sent = co_await sender.send(std::make_unique<int>(i));
    REQUIRE(sent.has_value());
    const bool pauses = pause_every != 0 && i % pause_every == 0;
    if (pauses) co_await pause(20'000);
  }
}

Task<> receives(SharedReceiver<Boxed> receiver, int count, std::int64_t pause_every) {
  for (int i = 0; i < count; ++i) {
    const auto value = co_await receiver.receive();
    REQUIRE(value.has_value());
    REQUIRE(**value == i);
    const bool pauses = pause_every != 0 && i % pause_every == 0;
    if (pauses) co_await pause(20'000);
  }
  const auto end = co_await receiver.receive();
  CHECK_FALSE(end.has_value());
  CHECK(receiver.drained());
}

void stream(std::size_t capacity, int count, std::int64_t sender_pauses,
            std::int64_t receiver_pauses) {
  auto [sender, receiver] = shared_channel<Boxed>(capacity);
  auto* const from = &sender;
  auto* const to = &receiver;
  on_executors(2, [=](std::size_t number) {
    return number == 0 ? sends(std::move(*from), count, sender_pauses)
                       : receives(std::move(*to), count, receiver_pauses);
  });
}

Task<> full_and_closed() {
  auto [sender, receiver] = shared_channel<Boxed>(2);
  Boxed values[3];
  for (int i = 0; i < 3; ++i) values[i] = std::make_unique<int>(i);
  CHECK(sender.try_send(values[0]));
  CHECK(sender.try_send(values[1]));
  CHECK_FALSE(sender.try_send(values[2]));
  CHECK(values[2] != nullptr);
  CHECK_FALSE(sender.closed());
  sender.close();  // publishes, too
  const auto late = co_await sender.send(std::make_unique<int>(9));
  CHECK(late.error() == std::errc::broken_pipe);
  CHECK_FALSE(receiver.drained());
  for (int i = 0; i < 2; ++i) {
    const auto value = co_await receiver.receive();
    REQUIRE(value.has_value());
    CHECK(**value == i);
  }
  CHECK(receiver.drained());
  const auto end = co_await receiver.receive();
  CHECK_FALSE(end.has_value());
}

Task<> waits_for_room(SharedSender<Boxed>& sender, bool& done, bool& broken) {
  const auto sent = co_await sender.send(std::make_unique<int>(2));
  broken = !sent && sent.error() == std::errc::broken_pipe;
  done = true;
}

// H3, on one executor: who waits for room goes on when there is some, or when the receiver closes.
Task<> room_or_close(bool close) {
  auto [sender, receiver] = shared_channel<Boxed>(1);
  Boxed first = std::make_unique<int>(1);
  CHECK(sender.try_send(first));
  bool done = false, broken = false;
  auto waits = spawn(waits_for_room(sender, done, broken));
  co_await pause(1'000);
  CHECK_FALSE(done);
  if (close) {
    receiver.close();
  } else {
    const auto got = co_await receiver.receive();
    CHECK(got.has_value());
  }
  co_await waits;
  CHECK(broken == close);
  CHECK(sender.closed() == close);
}

Task<> never_sends(SharedSender<int> sender, bool& ended) {
  for (int value = 0;; ++value) {
    const auto sent = co_await sender.send(value);
    if (sent) continue;
    CHECK(sent.error() == std::errc::operation_canceled);
    break;
  }
  ended = true;
}

Task<> never_receives(SharedReceiver<int> receiver, bool& ended) {
  const auto value = co_await receiver.receive();
  CHECK_FALSE(value.has_value());
  ended = true;
}

Task<> ends_while_two_wait(ChannelEnds<int>& full, ChannelEnds<int>& empty, bool& sender_ended,
                           bool& receiver_ended) {
  spawn(never_sends(std::move(full.sender), sender_ended)).detach();
  spawn(never_receives(std::move(empty.receiver), receiver_ended)).detach();
  co_await pause(1'000);
}

// The sender's turn goes on until the receiver has got what was flushed.
Task<> flushes_and_computes(SharedSender<int> sender, std::atomic<bool>& came) {
  co_await pause(2'000'000);  // the receiver sleeps meanwhile
  int value = 7;
  CHECK(sender.try_send(value));
  sender.flush();
  while (!came) cpu_relax();
}

Task<> says_that_it_came(SharedReceiver<int> receiver, std::atomic<bool>& came) {
  const auto value = co_await receiver.receive();
  CHECK(value == 7);
  came = true;
}

Task<> leaves_values(SharedSender<Mourned> sender, std::vector<std::thread::id>& graves,
                     std::thread::id& own, std::atomic<bool>& all_sent) {
  own = std::this_thread::get_id();
  for (int i = 0; i < 3; ++i) {
    Mourned value(i, &graves);
    CHECK(sender.try_send(value));
  }
  sender.flush();
  all_sent = true;
  while (!sender.closed()) co_await pause(1'000);
}

// Not before all have been sent: what is sent may come before it is flushed.
Task<> takes_one(SharedReceiver<Mourned> receiver, std::vector<int>& got,
                 std::atomic<bool>& all_sent) {
  while (!all_sent) co_await pause(1'000);
  const auto value = co_await receiver.receive();
  REQUIRE(value.has_value());
  got.push_back(value->value);
}

// Each a programmer's mistake, in a process of its own.
Task<> receives_one(SharedReceiver<int>& receiver) {
  co_await receiver.receive();
}
Task<> sends_one(SharedSender<int>& sender) {
  co_await sender.send(1);
}
Task<> two_receive() {
  auto ends = shared_channel<int>(1);
  spawn(receives_one(ends.receiver)).detach();
  co_await receives_one(ends.receiver);
}
Task<> two_send() {
  auto ends = shared_channel<int>(1);
  for (int i = 0; i < 3; ++i) spawn(sends_one(ends.sender)).detach();
  co_await yield();
}
Task<> closes_while_one_receives() {
  auto ends = shared_channel<int>(1);
  spawn(receives_one(ends.receiver)).detach();
  co_await yield();
  ends.receiver.close();
}
Task<> closes_while_one_sends() {
  auto ends = shared_channel<int>(1);
  for (int i = 0; i < 2; ++i) spawn(sends_one(ends.sender)).detach();
  co_await yield();
  ends.sender.close();
}

Task<> uses(SharedSender<int>& sender) {
  int value = 1;
  const bool sent = sender.try_send(value);
  CHECK(sent);
  co_return;
}

void destroys_what_another_thread_used() {
  auto ends = shared_channel<int>(1);
  std::thread([&ends] { Executor().run(uses(ends.sender)); }).join();
}

}  // namespace

TEST_CASE("mistakes with a shared channel end the program") {
  CHECK(test::death_of(destroys_what_another_thread_used)
            .has_a_sentence("destroyed on another thread than the one that used it"));
  CHECK(test::death_of([] { Executor().run(two_receive()); }).has_a_sentence("two tasks wait"));
  CHECK(test::death_of([] { Executor().run(two_send()); }).has_a_sentence("two tasks wait"));
  CHECK(test::death_of([] {
          Executor().run(closes_while_one_receives());
        }).has_a_sentence("waits in its receive()"));
  CHECK(test::death_of([] {
          Executor().run(closes_while_one_sends());
        }).has_a_sentence("waits in its send()"));
}

TEST_CASE("a stream from one executor to another: nothing is lost, doubled or out of order (H1)") {
  stream(1, 300, 0, 0);
  stream(64, 20'000, 0, 0);
}

TEST_CASE("a slow receiver holds its sender back, a slow sender lets its receiver sleep (H2, H3)") {
  stream(4, 400, 0, 7);
  stream(4, 400, 5, 0);
  stream(2, 200, 11, 13);
}

TEST_CASE("a full channel takes nothing; a closed one gives what it has, and then nothing (H5)") {
  Executor().run(full_and_closed());
}

TEST_CASE("a sender that waits goes on when there is room, and when the receiver closes (H3, H6)") {
  Executor().run(room_or_close(false));
  Executor().run(room_or_close(true));
}

TEST_CASE("at the end of an executor a send gives ECANCELED and a receive nothing (H8)") {
  // The other ends outlive the executor: no close comes before its end.
  auto full = shared_channel<int>(1);
  auto empty = shared_channel<int>(1);
  bool sender_ended = false, receiver_ended = false;
  Executor().run(ends_while_two_wait(full, empty, sender_ended, receiver_ended));
  CHECK(sender_ended);
  CHECK(receiver_ended);
}

TEST_CASE(
    "what is flushed comes while the sender's turn goes on, and wakes a receiver that sleeps") {
  auto ends = shared_channel<int>(64);
  std::atomic<bool> came = false;
  on_executors(2, [&](std::size_t number) {
    return number == 0 ? flushes_and_computes(std::move(ends.sender), came)
                       : says_that_it_came(std::move(ends.receiver), came);
  });
  CHECK(came);
}

TEST_CASE("what was not received is destroyed by the end that goes last (H7)") {
  auto ends = shared_channel<Mourned>(4);
  std::vector<std::thread::id> graves;
  std::vector<int> got;
  std::thread::id sender_thread;
  std::atomic<bool> all_sent = false;
  on_executors(2, [&](std::size_t number) {
    return number == 0 ? leaves_values(std::move(ends.sender), graves, sender_thread, all_sent)
                       : takes_one(std::move(ends.receiver), got, all_sent);
  });
  CHECK(got == std::vector<int>{0});
  REQUIRE(graves.size() == 3);
  CHECK(std::count(graves.begin(), graves.end(), sender_thread) == 2);
}

TEST_CASE("a channel whose ends were never used is simply freed") {
  {
    auto ends = shared_channel<Boxed>(8);
  }
  auto ends = shared_channel<Boxed>(8);
  SharedSender<Boxed> moved = std::move(ends.sender);
  CHECK(moved.capacity() == 8);
}

#if PERCORE_ALL_OURS  // the executor's last look is ours alone

namespace {

Task<> sends_without_waiting(SharedSender<int>& sender, int count) {
  for (int i = 0; i < count; ++i) {
    int value = i;
    const bool sent = sender.try_send(value);
    CHECK(sent);
  }
  co_return;
}

Task<> receives_so_many(SharedReceiver<int>& receiver, int count) {
  for (int i = 0; i < count; ++i) {
    const std::optional<int> value = co_await receiver.receive();
    CHECK(value == i);
  }
}

}  // namespace

TEST_CASE("what the root's last turn has sent is on its way when run() returns (H4)") {
  auto ends = shared_channel<int>(64);
  std::thread other([receiver = std::move(ends.receiver)]() mutable {
    Executor().run(receives_so_many(receiver, 5));
  });
  Executor executor;
  executor.run(sends_without_waiting(ends.sender, 5));
  other.join();  // for ever, if some wait for a turn that does not come
}

#endif
