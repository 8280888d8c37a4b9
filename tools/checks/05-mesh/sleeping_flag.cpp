// 05.4 sleeping_flag: one thread alone, so that what it does when nobody interferes is plain.

#include <percore/check.hpp>
#include <sleeping_flag.hpp>

using percore::check::require;

PERCORE_CHECK("", who_sleeps_is_woken, "W2", "nothing is rung at one who is awake",
              "Lesson 05, *The sleeping flag*", .faults = false, .ring = false) {
  SleepingFlag flag;
  unsigned work = 0;
  const unsigned rounds = run.size(1, 20);
  for (unsigned round = 0; round < rounds; ++round) {
    run.operation(round);
    require(!flag.ring(), "ring() says that the owner is to be woken, and it is awake");
    const bool early = run.chance(30);
    if (early) ++work;
    unsigned sleeps = 0;
    const auto vain = static_cast<unsigned>(run.random(3));  // woken, and there is nothing yet
    flag.wait([&] { return work != 0; },
              [&] {
                ++sleeps;
                require(work == 0, "it sleeps although there is work");
                require(flag.ring(),
                        "ring() says that nobody is to be woken, and the owner sleeps");
                if (sleeps > vain) ++work;
              });
    require(work != 0, "wait() came back without work");
    require(early ? sleeps == 0 : sleeps == vain + 1, "it slept {} times, and {} were to be",
            sleeps, early ? 0 : vain + 1);
    work = 0;
  }
}
