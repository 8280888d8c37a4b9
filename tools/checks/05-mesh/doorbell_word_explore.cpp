// 05.5 doorbell, step word: those who ring and one who sleeps, in every order.

#include <percore/bell_word.hpp>
#include <percore/check.hpp>
#include <percore/explore.hpp>

using percore::BellWord;
using percore::Parking;
using percore::explore::require;
using percore::explore::Threads;
using percore::explore::Tracked;

namespace {

constexpr const char* sleeping_flag = "Lesson 05, *The sleeping flag*";
constexpr const char* one_word = "Lesson 05, *Both in one word*";

/// A thread that waits as an executor does.
struct Sleeper {
  BellWord word;
  Parking parking;

  void ring(unsigned number) {
    if (word.note(number)) parking.wake();
  }
  std::uint64_t wait() {
    while (!word.rung())
      if (word.try_to_sleep()) parking.sleep();
    return word.take();
  }
};

constexpr std::uint64_t bit_of(unsigned number) {
  return std::uint64_t{1} << (number % BellWord::bits);
}
constexpr std::uint64_t both = bit_of(1) | bit_of(2);

}  // namespace

PERCORE_CHECK("word", a_ring_is_never_lost, "W1", "each ring is followed by a look", sleeping_flag,
              .seeds = 1, .faults = false, .ring = false) {
  percore::explore::check({}, [](Threads& threads) {
    Sleeper owner;
    threads.spawn("one", [&] { owner.ring(1); });
    threads.spawn("other", [&] { owner.ring(2); });
    threads.spawn("owner", [&] {
      for (std::uint64_t seen = 0; seen != both;) seen |= owner.wait();
    });
    threads.run();
  });
}

PERCORE_CHECK("word", what_was_sent_is_there, "W1", "the look begins after the ring", sleeping_flag,
              .seeds = 1, .faults = false, .ring = false) {
  percore::explore::check({}, [](Threads& threads) {
    Sleeper owner;
    Tracked message;
    threads.spawn("sender", [&] {
      message = Tracked(7);
      owner.ring(1);
    });
    threads.spawn("owner", [&] {
      owner.wait();
      require(message.value() == 7, "the message is {}", message.value());
    });
    threads.run();
  });
}

PERCORE_CHECK("word", a_second_ring_is_one_too, "W1",
              "each ring is followed by a look that begins after it, also where the bit was set",
              sleeping_flag, .seeds = 1, .faults = false, .ring = false) {
  percore::explore::check({}, [](Threads& threads) {
    Sleeper owner;
    percore::atomic<int> message{0};
    threads.spawn("sender", [&] {
      for (int i = 1; i <= 2; ++i) {
        message.store(i, std::memory_order_relaxed);
        owner.ring(1);
      }
    });
    threads.spawn("owner", [&] {
      for (int seen = 0; seen != 2; seen = message.load(std::memory_order_relaxed)) owner.wait();
    });
    threads.run();
  });
}

PERCORE_CHECK("word", one_of_many_wakes, "W2", "of many who ring at a sleeper one wakes it",
              one_word, .seeds = 1, .faults = false, .ring = false) {
  percore::explore::check({}, [](Threads& threads) {
    BellWord word;
    bool wakes[2] = {};
    require(word.try_to_sleep(), "nobody has rung, and try_to_sleep() is false");
    threads.spawn("one", [&] { wakes[0] = word.note(1); });
    threads.spawn("other", [&] { wakes[1] = word.note(2); });
    threads.run();
    require(wakes[0] || wakes[1], "nobody wakes the owner");
    require(!(wakes[0] && wakes[1]), "both wake the owner: two system calls");
    require(word.take() == both, "one of the two rings is lost");
  });
}

PERCORE_CHECK("word", who_is_awake_is_not_woken, "W2",
              "a ring makes a system call only when the owner sleeps", one_word, .seeds = 1,
              .faults = false, .ring = false) {
  percore::explore::check({}, [](Threads& threads) {
    BellWord word;
    unsigned woken = 0;
    unsigned slept = 0;
    threads.spawn("rings", [&] {
      for (unsigned i = 1; i <= 2; ++i) woken += word.note(i) ? 1 : 0;
    });
    threads.spawn("owner", [&] { slept += word.try_to_sleep() ? 1 : 0; });
    threads.run();
    require(woken == slept, "the owner slept {} times and was woken {} times", slept, woken);
  });
}
