// 05.4 sleeping_flag: one who waits and those who ring, in every order.

#include <percore/check.hpp>
#include <percore/explore.hpp>
#include <sleeping_flag.hpp>

using percore::atomic;
using percore::Parking;
using percore::explore::Threads;

namespace {

constexpr const char* the_flag = "Lesson 05, *The sleeping flag*";

struct Shared {
  SleepingFlag flag;
  Parking parking;
  atomic<unsigned> sent{0};

  void send() {
    sent.fetch_add(1, std::memory_order_release);
    if (flag.ring()) parking.wake();
  }
  void wait_for(unsigned count) {
    flag.wait([&] { return sent.load(std::memory_order_acquire) >= count; },
              [&] { parking.sleep(); });
  }
};

}  // namespace

PERCORE_CHECK("", no_wake_up_is_lost, "W1", "a ring is never lost", the_flag, .seeds = 1,
              .faults = false, .ring = false) {
  percore::explore::check({}, [](Threads& threads) {
    Shared shared;
    threads.spawn("sender", [&] { shared.send(); });
    threads.spawn("owner", [&] { shared.wait_for(1); });
    threads.run();
  });
}

PERCORE_CHECK("", nor_the_second, "W1", "a ring is never lost, also one right behind another",
              the_flag, .seeds = 1, .faults = false, .ring = false) {
  percore::explore::check({.preemptions = 2}, [](Threads& threads) {
    Shared shared;
    threads.spawn("sender", [&] {
      shared.send();
      shared.send();
    });
    threads.spawn("owner", [&] {
      shared.wait_for(1);
      shared.wait_for(2);
    });
    threads.run();
  });
}

PERCORE_CHECK("", clear_afterwards, "W2", "nothing is rung at one who is awake", the_flag,
              .seeds = 1, .faults = false, .ring = false) {
  percore::explore::check({}, [](Threads& threads) {
    Shared shared;
    threads.spawn("sender", [&] { shared.send(); });
    threads.spawn("owner", [&] { shared.wait_for(1); });
    threads.run();
    percore::explore::require(
        !shared.flag.ring(),
        "wait() has returned, and ring() still says that the owner must be woken: the flag is "
        "clear when wait() has returned");
  });
}
