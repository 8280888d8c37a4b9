// The explorer itself: what it calls wrong, what it lets pass, and that its bounds hold.

#include "outcome.hpp"
#include "samples.hpp"

#include <percore/clock.hpp>
#include <percore/explore.hpp>

#include <doctest/doctest.h>

#include <new>
#include <stdexcept>

using namespace percore;
namespace explore = percore::explore;

namespace {

using explore::Threads;
using explore::Wrong;

explore::Outcome all(const std::function<void(Threads&)>& body) {
  return explore::explore({.preemptions = explore::Options::ALL}, body);
}

// Peterson's lock for two, with one order for all its accesses.
struct Peterson {
  atomic<bool> wants[2] = {{false}, {false}};
  atomic<int> turn{0};

  void lock(int me, std::memory_order load, std::memory_order store) {
    wants[me].store(true, store);
    turn.store(1 - me, store);
    while (wants[1 - me].load(load) && turn.load(load) == 1 - me) cpu_relax();
  }
  void unlock(int me, std::memory_order store) { wants[me].store(false, store); }
};

explore::Outcome peterson(std::memory_order load, std::memory_order store) {
  return all([&](Threads& threads) {
    Peterson lock;
    explore::Tracked guarded(0);
    for (const int me : {0, 1})
      threads.spawn(me == 0 ? "left" : "right", [&, me] {
        lock.lock(me, load, store);
        guarded = explore::Tracked(guarded.value() + 1);
        lock.unlock(me, store);
      });
    threads.run();
    explore::require(guarded.value() == 2, "two increments gave {}", guarded);
  });
}

}  // namespace

TEST_CASE("Peterson's lock excludes with seq_cst, and with nothing weaker") {
  const auto right = peterson(SEQ_CST, SEQ_CST);
  CHECK_MESSAGE(right.passed(), right.sentence, "\n", right.history);
  CHECK(right.every_schedule);
  for (const auto& [load, store] : {std::pair(RELAXED, RELAXED), std::pair(ACQUIRE, RELEASE)}) {
    const auto weak = peterson(load, store);
    CHECK(weak.wrong == Wrong::race);
    const bool stale = weak.history.find("^ stale") != std::string::npos;
    CHECK_MESSAGE(stale == (load == ACQUIRE), weak.history);
    CHECK(weak.history.find("wants#1") != std::string::npos);
  }
}

TEST_CASE("a lock by exchange: spinning neither hangs the search nor hides a missing release") {
  const auto locked = [](std::memory_order unlock) {
    return all([=](Threads& threads) {
      atomic<bool> taken{false};
      explore::Tracked guarded(0);
      for (const char* name : {"A", "B", "C"})
        threads.spawn(name, [&] {
          while (taken.exchange(true, ACQUIRE)) cpu_relax();
          guarded = explore::Tracked(guarded.value() + 1);
          taken.store(false, unlock);
        });
      threads.run();
      explore::require(guarded.value() == 3, "three increments gave {}", guarded);
    });
  };
  const auto right = locked(RELEASE);
  CHECK_MESSAGE(right.passed(), right.sentence, "\n", right.history);
  CHECK(locked(RELAXED).wrong == Wrong::race);
}

TEST_CASE("a loop that spins without cpu_relax() is seen to spin") {
  const auto outcome = all([](Threads& threads) {
    atomic<int> flag{0};
    threads.spawn("waits", [&] {
      while (flag.load(RELAXED) == 0) {
      }
    });
    threads.spawn("sets", [&] { flag.store(1, RELAXED); });
    threads.run();
  });
  CHECK_MESSAGE(outcome.passed(), outcome.sentence, "\n", outcome.history);
}

TEST_CASE("spinning for what nobody writes is a lost wake-up") {
  const auto outcome = all([](Threads& threads) {
    atomic<int> flag{0};
    threads.spawn("waits", [&] {
      while (flag.load(ACQUIRE) != 2) cpu_relax();
    });
    threads.spawn("sets", [&] { flag.store(1, RELEASE); });
    threads.run();
  });
  CHECK(outcome.wrong == Wrong::lost_wakeup);
  CHECK(outcome.sentence == "waits spins, and nobody is left who would end the wait");
}

TEST_CASE("two threads that wait for each other are a deadlock") {
  const auto outcome = all([](Threads& threads) {
    Parking left;
    Parking right;
    threads.spawn("L", [&] {
      left.sleep();
      right.wake();
    });
    threads.spawn("R", [&] {
      right.sleep();
      left.wake();
    });
    threads.run();
  });
  CHECK(outcome.wrong == Wrong::lost_wakeup);
  CHECK(outcome.sentence == "L sleeps, R sleeps, and nobody is left who would end the wait");
}

TEST_CASE("a wake-up before the sleep is kept, two are one, and it hands over what came before") {
  const auto kept = all([](Threads& threads) {
    Parking parking;
    explore::Tracked item;
    threads.spawn("sleeper", [&] {
      parking.sleep();
      explore::require(item.value() == 7, "the item was {}", item);
    });
    threads.spawn("waker", [&] {
      item = explore::Tracked(7);
      parking.wake();
      parking.wake();
    });
    threads.run();
  });
  CHECK_MESSAGE(kept.passed(), kept.sentence, "\n", kept.history);
  const auto twice = all([](Threads& threads) {
    Parking parking;
    threads.spawn("sleeper", [&] {
      parking.sleep();
      parking.sleep();
    });
    threads.spawn("waker", [&] {
      parking.wake();
      parking.wake();
    });
    threads.run();
  });
  CHECK(twice.wrong == Wrong::lost_wakeup);
}

TEST_CASE("plain memory: a write races with an unordered read, two reads do not race") {
  const auto with = [](bool write, std::memory_order store, std::memory_order load) {
    return all([=](Threads& threads) {
      atomic<int> ready{0};
      int data = 0;
      threads.spawn("A", [&] {
        write ? explore::plain_write(&data) : explore::plain_read(&data);
        ready.store(1, store);
      });
      threads.spawn("B", [&] {
        if (ready.load(load) == 1) explore::plain_read(&data);
      });
      threads.run();
    });
  };
  CHECK(with(true, RELEASE, ACQUIRE).passed());
  CHECK(with(true, RELAXED, ACQUIRE).wrong == Wrong::race);
  CHECK(with(true, RELEASE, RELAXED).wrong == Wrong::race);
  CHECK(with(false, RELAXED, RELAXED).passed());
}

TEST_CASE("what comes after a release is not handed over by it") {
  const auto outcome = all([](Threads& threads) {
    atomic<int> ready{0};
    int data = 0;
    threads.spawn("A", [&] {
      ready.store(1, RELEASE);
      explore::plain_write(&data);
    });
    threads.spawn("B", [&] {
      if (ready.load(ACQUIRE) == 1) explore::plain_read(&data);
    });
    threads.run();
  });
  CHECK(outcome.wrong == Wrong::race);
}

TEST_CASE("an atomic is handed over like any memory") {
  const auto with = [](std::memory_order publish) {
    return all([=](Threads& threads) {
      alignas(atomic<int>) std::byte memory[sizeof(atomic<int>)];
      atomic<atomic<int>*> handed{nullptr};
      threads.spawn("maker", [&] { handed.store(new (memory) atomic<int>(5), publish); });
      threads.spawn("user", [&] {
        if (auto* made = handed.load(ACQUIRE)) {
          const int value = made->load(RELAXED);
          explore::require(value == 5, "the new atomic was {}", value);
        }
      });
      threads.run();
    });
  };
  CHECK(with(RELEASE).passed());
  CHECK(with(RELAXED).wrong == Wrong::race);
}

TEST_CASE("memory given back and taken anew by another thread does not race") {
  const auto outcome = all([](Threads& threads) {
    for (const char* name : {"A", "B"})
      threads.spawn(name, [] {
        auto* item = new explore::Tracked(1);
        delete item;
      });
    threads.run();
  });
  CHECK_MESSAGE(outcome.passed(), outcome.sentence);
}

TEST_CASE("a value is taken once: reading what was moved away, or never put in, is told") {
  const auto moved = all([](Threads&) {
    explore::Tracked item(7);
    const explore::Tracked taken(std::move(item));
    const explore::Tracked again(item);  // NOLINT: the mistake
  });
  CHECK(moved.sentence == "the value 7 was read after it was moved away");
  const auto empty = all([](Threads&) {
    const explore::Tracked item;
    const explore::Tracked taken(item);
  });
  CHECK(empty.sentence == "memory was read that holds no value yet");
}

TEST_CASE("compare_exchange: weak may fail for no reason, strong may not") {
  const auto with = [](bool weak) {
    return all([=](Threads& threads) {
      atomic<int> value{0};
      threads.spawn("only", [&] {
        int expected = 0;
        const bool done = weak ? value.compare_exchange_weak(expected, 1)
                               : value.compare_exchange_strong(expected, 1);
        explore::require(done, "the exchange failed, and saw {}", expected);
      });
      threads.run();
    });
  };
  CHECK(with(false).passed());
  CHECK(with(true).sentence == "the exchange failed, and saw 0");
}

TEST_CASE("a counter by compare_exchange in a loop loses nothing") {
  const auto outcome = all([](Threads& threads) {
    atomic<unsigned> value{0};
    for (const char* name : {"A", "B", "C"})
      threads.spawn(name, [&] {
        unsigned seen = value.load(RELAXED);
        while (!value.compare_exchange_weak(seen, seen + 1, RELAXED)) {
        }
      });
    threads.run();
    explore::require(value.load(RELAXED) == 3, "three increments gave {}", value.load(RELAXED));
  });
  CHECK_MESSAGE(outcome.passed(), outcome.sentence, "\n", outcome.history);
  CHECK(outcome.every_schedule);
}

TEST_CASE("arithmetic is that of the type: it wraps, pointers step, signs are kept") {
  const auto outcome = all([](Threads&) {
    atomic<std::uint8_t> byte{255};
    explore::require(byte.fetch_add(2) == 255 && byte.load() == 1, "255 + 2 in a byte");
    atomic<int> number{-3};
    explore::require(number.fetch_sub(4) == -3 && number.load() == -7, "-3 - 4");
    explore::require(++number == -6 && number-- == -6 && number == -7, "increments");
    int places[3] = {};
    atomic<int*> place{&places[0]};
    explore::require(place.fetch_add(2) == &places[0] && place.load() == &places[2], "a step of 2");
    explore::require(place.fetch_sub(1) == &places[2] && place.load() == &places[1], "a step back");
    atomic<unsigned> mask{6};
    explore::require(mask.fetch_and(3) == 6 && mask.fetch_or(8) == 2 && mask.fetch_xor(1) == 10,
                     "masks");
    explore::require(mask.exchange(1) == 11, "exchange");
    mask += 4;
    mask = mask + 1;
    explore::require(mask.load() == 6, "operators");
    atomic<double> real{0.5};
    real.store(1.5);
    explore::require(real.load() == 1.5, "a double");
  });
  CHECK_MESSAGE(outcome.passed(), outcome.sentence);
}

TEST_CASE("a static atomic begins every execution with its first value") {
  static constinit atomic<int> shared{3};
  const auto outcome = all([](Threads& threads) {
    explore::require(shared.load() == 3, "it began with {}", shared.load());
    threads.spawn("A", [] { shared.store(4); });
    threads.spawn("B", [] { shared.fetch_add(10); });
    threads.run();
  });
  CHECK_MESSAGE(outcome.passed(), outcome.sentence);
  CHECK(outcome.executions > 1);
  CHECK(shared.load() == 3);
}

TEST_CASE("the first failure told needs the fewest preemptions") {
  // B must look between A's first and second update, and again between the second and third.
  const auto outcome = explore::explore({}, [](Threads& threads) {
    atomic<int> value{0};
    threads.spawn("A", [&] {
      for (int i = 0; i < 3; ++i) value.fetch_add(1, SEQ_CST);
    });
    threads.spawn("B", [&] {
      const int first = value.exchange(10, SEQ_CST);
      const int second = value.exchange(20, SEQ_CST);
      explore::require(first != 1 || second != 11, "both looks came in between");
    });
    threads.run();
  });
  CHECK(outcome.wrong == Wrong::requirement);
  CHECK_MESSAGE(outcome.preemptions >= 1, outcome.history);
  CHECK_MESSAGE(outcome.preemptions <= 3, outcome.history);
}

TEST_CASE("bounds: too many steps, too many executions, too much for the explorer") {
  const auto endless = all([](Threads& threads) {
    atomic<unsigned> value{0};
    threads.spawn("counts", [&] {
      for (;;) value.fetch_add(1, RELAXED);
    });
    threads.run();
  });
  CHECK(endless.wrong == Wrong::endless);
  CHECK(endless.sentence == "counts did not end within 2000 steps");

  const auto many = explore::explore({.executions_max = 10}, [](Threads& threads) {
    atomic<unsigned> value{0};
    for (const char* name : {"A", "B", "C"})
      threads.spawn(name, [&] {
        for (int i = 0; i < 4; ++i) value.fetch_add(1, RELAXED);
      });
    threads.run();
  });
  CHECK(many.gave_up);
  CHECK_FALSE(many.passed());
  CHECK(many.executions == 10);

  const auto too_many_sc = all([](Threads& threads) {
    atomic<unsigned> value{0};
    threads.spawn("A", [&] {
      for (int i = 0; i < 65; ++i) value.store(1, SEQ_CST);
    });
    threads.run();
  });
  CHECK(too_many_sc.wrong == Wrong::misuse);
  CHECK(too_many_sc.sentence.find("more than 64 sequentially consistent") != std::string::npos);
}

TEST_CASE("a body that cannot be explored says why") {
  CHECK(all([](Threads& threads) { threads.spawn("A", [] {}); }).sentence ==
        "the body spawned threads and never called threads.run()");
  CHECK(all([](Threads& threads) {
          threads.run();
          threads.spawn("A", [] {});
        }).sentence == "threads.spawn() was called after threads.run()");
  CHECK(all([](Threads& threads) {
          threads.run();
          threads.run();
        }).sentence == "threads.run() may be called once, by the body");
  CHECK(all([](Threads& threads) {
          for (int i = 0; i < 8; ++i) threads.spawn("A", [] {});
        }).sentence == "an execution has at most 7 threads");
  CHECK(all([](Threads& threads) {
          threads.spawn("A", [] { throw std::runtime_error("no more room"); });
          threads.run();
        }).sentence == "an exception left the thread A: no more room");
  CHECK(all([](Threads&) { throw 1; }).sentence == "an exception left the body");
}

TEST_CASE("the same check gives the same outcome, to the step") {
  const auto once = [] { return peterson(ACQUIRE, RELEASE); };
  const auto first = once();
  const auto second = once();
  CHECK(first.history == second.history);
  CHECK(first.schedule == second.schedule);
  CHECK(first.steps == second.steps);
  CHECK(first.executions == second.executions);
}

TEST_CASE("a failure after the threads ended is told with what led to it") {
  const auto outcome = all([](Threads& threads) {
    atomic<int> value{0};
    for (const char* name : {"A", "B"})
      threads.spawn(name, [&] {
        const int seen = value.load(SEQ_CST);
        explore::say("adds one to {}", seen);
        value.store(seen + 1, SEQ_CST);
      });
    threads.run();
    explore::require(value.load(SEQ_CST) == 2, "an increment was lost");
  });
  CHECK(outcome.sentence == "an increment was lost");
  CHECK(outcome.history.find("> adds one to 0") != std::string::npos);
  CHECK(outcome.history.find("at the end: reads value = 1 (seq_cst)") != std::string::npos);
  CHECK_MESSAGE(outcome.history.find("stale") == std::string::npos, outcome.history);
}

TEST_CASE("time is what a thread has spun") {
  const auto outcome = all([](Threads& threads) {
    atomic<int> never{0};
    threads.spawn("waits", [&] {
      const Time deadline = now() + Time{3'000};
      while (never.load(RELAXED) == 0 && now() < deadline) cpu_relax();
    });
    threads.spawn("other", [&] { never.store(0, RELAXED); });
    threads.run();
  });
  CHECK_MESSAGE(outcome.passed(), outcome.sentence, "\n", outcome.history);
}

TEST_CASE(
    "a thread that spins may go on as soon as another has written, whenever it began to spin") {
  bool met = false;
  const auto outcome = all([&](Threads& threads) {
    atomic<int> x{0};
    atomic<int> y{0};
    unsigned spun = 0;
    int seen = 0;
    threads.spawn("other", [&] {
      x.store(1, RELEASE);
      seen = y.load(ACQUIRE);
    });
    threads.spawn("spins", [&] {
      while (x.load(ACQUIRE) == 0) {
        ++spun;
        cpu_relax();
      }
      y.store(1, RELEASE);
    });
    threads.run();
    met |= spun == 1 && seen == 1;
  });
  CHECK_MESSAGE(outcome.passed(), outcome.sentence);
  CHECK(met);
}
