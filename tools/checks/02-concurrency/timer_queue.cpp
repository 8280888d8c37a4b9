// 02.3 timer, step queue: the timers of a thread by themselves. No executor, no clock: the check
// says what time it is.

#include <map>
#include <percore/timer.hpp>

#include "01-hello-world/assertions.hpp"
#include "support.hpp"
#include "touched_pages.hpp"

using namespace checks;
using percore::Timer;
using percore::TimerQueue;

namespace {

/// What must happen: the armed timers by the moment at which they are due, equal ones in the order
/// of their arming.
struct Model {
  std::multimap<std::int64_t, unsigned> armed;
  std::int64_t now = 0;

  void arm(std::int64_t deadline, unsigned number) {
    armed.emplace(std::max(deadline, now), number);
  }
  auto find(unsigned number) {
    return std::ranges::find_if(armed, [&](const auto& entry) { return entry.second == number; });
  }
};

struct Noted : Timer {
  Noted() : Timer(&Noted::fired) {}
  static void fired(Timer& self) noexcept;
  unsigned number = 0;
  bool cancels = false;
  static inline struct World* world = nullptr;
};

struct World {
  percore::check::Run& run;
  TimerQueue queue;
  Model model;
  std::vector<std::unique_ptr<Noted>> timers;
  std::size_t fired = 0;
  bool cancelled_any = false;
  std::int64_t start = 0;  // moments are told from here on

  explicit World(percore::check::Run& its_run) : run(its_run) { Noted::world = this; }
  ~World() {
    for (auto& timer : timers) queue.cancel(*timer);
  }
  std::string told(Time moment) const {
    if (moment == Time::never()) return "never()";
    return std::to_string(moment.nanoseconds - start);
  }
  std::string told(std::int64_t moment) const { return told(Time{moment}); }
  Noted& add() {
    timers.push_back(std::make_unique<Noted>());
    timers.back()->number = static_cast<unsigned>(timers.size() - 1);
    return *timers.back();
  }
  void arm(Noted& timer, std::int64_t deadline) {
    run.operation(timer.number);
    model.arm(deadline, timer.number);
    queue.arm(timer, Time{deadline});
    require(timer.armed(), "timer {} was armed and armed() says no", timer.number);
    require(timer.deadline() == Time{std::max(deadline, model.now)},
            "timer {} was armed for {} when the time was {}, and its deadline() says {}",
            timer.number, told(deadline), told(model.now), told(timer.deadline()));
  }
  void cancel(Noted& timer) {
    const auto found = model.find(timer.number);
    const bool waits = found != model.armed.end();
    if (waits) model.armed.erase(found);
    cancelled_any = cancelled_any || waits;
    const bool said = queue.cancel(timer);
    require(said == waits, "cancel() of timer {}, which {}, returned {}", timer.number,
            waits ? "is armed" : "is not armed: it has fired or was cancelled before", said);
    require(!timer.armed(), "timer {} was cancelled and armed() says yes", timer.number);
  }
  void fire(std::int64_t now);
  void compare();
};

void expect_next(World& world, Noted& timer) {
  Model& model = world.model;
  const auto found = model.find(timer.number);
  if (found == model.armed.end())
    fail_with("D3", the_queue_of_timers,
              percore::check::say(
                  "timer {} fired, and it was not armed: it had been cancelled, or had fired "
                  "already",
                  timer.number));
  if (found->first > model.now)
    fail_with("D1", the_deadline,
              percore::check::say("timer {} is due at {}, and it fired when the time was {}",
                                  timer.number, world.told(found->first), world.told(model.now)));
  const auto next = model.armed.begin();
  require(found->first == next->first, "timer {}, due at {}, fired before timer {}, due at {}",
          timer.number, world.told(found->first), next->second, world.told(next->first));
  require(found == next, "timers {} and {} are both due at {}; {} was armed first and fired later",
          next->second, timer.number, world.told(next->first), next->second);
  model.armed.erase(found);
}

void Noted::fired(Timer& self) noexcept {
  auto& timer = static_cast<Noted&>(self);
  expect_next(*world, timer);
  ++world->fired;
  require(!timer.armed(), "inside its own firing timer {} says that it is armed", timer.number);
  if (!timer.cancels) return;
  for (int i = 0; i < 2; ++i)
    world->cancel(*world->timers[world->run.random(world->timers.size())]);
}

void World::fire(std::int64_t now) {
  model.now = now;
  fired = 0;
  const std::size_t said = queue.fire_due(Time{now});
  require(said == fired, "fire_due() fired {} timers and returned {}", fired, said);
  if (model.armed.empty()) return;
  const auto& [due, number] = *model.armed.begin();
  require(due > now, "timer {} is due at {}; the time is {}, and fire_due() has not fired it",
          number, told(due), told(now));
}

void World::compare() {
  require(queue.size() == model.armed.size(), "{} timers are armed and size() says {}",
          model.armed.size(), queue.size());
  const Time earliest = queue.earliest();
  if (model.armed.empty()) {
    require(earliest == Time::never(), "no timer is armed, and earliest() says {}", told(earliest));
    return;
  }
  const auto& [due, number] = *model.armed.begin();
  if (earliest > Time{due})
    fail_with("D4", the_deadline,
              percore::check::say(
                  "timer {} is due at {} and earliest() says {}: the thread would sleep past "
                  "it",
                  number, told(due), told(earliest)));
  if (!cancelled_any && due > model.now && earliest < Time{due})
    fail_with("D4", the_deadline,
              percore::check::say(
                  "the first timer is due at {} and earliest() says {}: the thread would wake "
                  "for nothing",
                  told(due), told(earliest)));
}

}  // namespace

PERCORE_CHECK(
    "queue", in_the_order_of_their_deadlines, "D2",
    "timers fire in the order of their deadlines, equal ones in the order of their arming",
    the_queue_of_timers, .ring = false) {
  World world(run);
  const std::int64_t spread = std::int64_t{1} << run.random(22);
  std::int64_t now = static_cast<std::int64_t>(run.random(1'000'000'000'000));
  const bool past = run.chance(30);
  const bool cancels = run.chance(70);
  world.start = now;
  world.fire(now);
  const unsigned steps = run.size(2, 120);
  for (unsigned step = 0; step < steps; ++step) {
    const auto what = run.random(8);
    if (what < 5) {
      const auto ahead = static_cast<std::int64_t>(run.random(static_cast<std::uint64_t>(spread)));
      const std::int64_t back = past && run.chance(30) ? 2 * spread : 0;
      world.arm(world.add(), std::max<std::int64_t>(now + 1 + ahead - back, 0));
    } else if (what == 5 && cancels && !world.timers.empty()) {
      world.cancel(*world.timers[run.random(world.timers.size())]);
    } else {
      now += static_cast<std::int64_t>(run.random(static_cast<std::uint64_t>(spread / 2 + 1)));
      world.fire(now);
    }
    world.compare();
  }
  world.fire(now + 4 * spread);
  world.compare();
}

PERCORE_CHECK("queue", equal_deadlines_keep_their_order, "D2",
              "timers of equal deadlines fire in the order of their arming", the_queue_of_timers,
              .seeds = 60, .ring = false) {
  World world(run);
  const unsigned count = run.size(2, 40);
  const bool others = run.chance(50);
  for (unsigned i = 0; i < count; ++i)
    world.arm(world.add(), others && run.chance(40)
                               ? 4'000 + static_cast<std::int64_t>(run.random(2'000))
                               : 5'000);
  if (run.chance(50)) world.fire(4'500);
  for (unsigned i = 0; i < count / 2; ++i) world.arm(world.add(), 5'000);
  world.fire(5'000);
  world.fire(10'000);
  world.compare();
}

PERCORE_CHECK("queue", cancelled_within_its_own_batch, "D3",
              "a cancelled timer does not fire, not even when others of its batch have fired",
              the_queue_of_timers, .ring = false) {
  World world(run);
  const unsigned count = run.size(2, 30);
  for (unsigned i = 0; i < count; ++i) {
    Noted& timer = world.add();
    timer.cancels = run.chance(50);
  }
  for (auto& timer : world.timers)
    world.arm(*timer, 100 + static_cast<std::int64_t>(run.random(10)));
  world.fire(105);
  world.compare();
  world.fire(200);
  world.compare();
  require(world.queue.size() == 0, "all timers have fired or are cancelled, and size() says {}",
          world.queue.size());
}

PERCORE_CHECK("queue", a_timer_is_armed_again, "D2",
              "a timer can be armed again, any number of times", the_queue_of_timers, .seeds = 60,
              .ring = false) {
  World world(run);
  for (unsigned i = 0; i < 8; ++i) world.add();
  std::int64_t now = 1'000;
  const unsigned steps = run.size(4, 100);
  for (unsigned step = 0; step < steps; ++step) {
    Noted& timer = *world.timers[run.random(8)];
    if (run.chance(20)) {
      world.fire(now += static_cast<std::int64_t>(run.random(60)));
    } else if (timer.armed()) {
      world.cancel(timer);
    } else {
      world.arm(timer, now + 1 + static_cast<std::int64_t>(run.random(100)));
    }
    world.compare();
  }
}

namespace {

struct Again : Timer {
  explicit Again(TimerQueue& its_queue)
      : Timer([](Timer& self) noexcept {
          auto& timer = static_cast<Again&>(self);
          ++timer.times;
          require(timer.times <= 20,
                  "a timer that arms itself again while it fires was fired {} times by one call of "
                  "fire_due(): what is armed meanwhile waits for the next",
                  timer.times);
          timer.queue.arm(timer, timer.deadline_again);
        }),
        queue(its_queue) {}
  TimerQueue& queue;
  Time deadline_again;
  unsigned times = 0;
};
struct Counted : Timer {
  Counted() : Timer([](Timer& self) noexcept { ++static_cast<Counted&>(self).times; }) {}
  unsigned times = 0;
};

}  // namespace

PERCORE_CHECK("queue", armed_meanwhile_waits_for_the_next_call, "D2",
              "what is armed while the queue fires waits for the next call, whatever its deadline",
              the_queue_of_timers, .seeds = 20, .ring = false) {
  TimerQueue queue;
  Again again(queue);
  again.deadline_again = Time{static_cast<std::int64_t>(run.random(3) * 50)};
  Counted behind;
  queue.arm(again, Time{40});
  queue.arm(behind, Time{90});
  const std::size_t first = queue.fire_due(Time{100});
  require(again.times == 1,
          "a timer that armed itself again while it fired was fired {} times by one call of "
          "fire_due()",
          again.times);
  require(
      behind.times == 1,
      "a timer armed itself again while it fired, and another one, due at 90, did not fire when "
      "the time was 100");
  require(first == 2, "fire_due() fired 2 timers and returned {}", first);
  const std::size_t second = queue.fire_due(Time{100});
  require(again.times == 2 && second == 1,
          "a timer had armed itself again for {}; fire_due() at 100 fired it {} times and returned "
          "{}",
          again.deadline_again.nanoseconds, again.times - 1, second);
  queue.cancel(again);
}

PERCORE_CHECK("queue", none_is_lost_at_the_ends_of_time, "D2",
              "a timer without a deadline waits until all are fired", the_queue_of_timers,
              .seeds = 1, .ring = false) {
  TimerQueue queue;
  Counted never, zero, far;
  queue.arm(never, Time::never());
  require(queue.size() == 1, "one timer is armed and size() says {}", queue.size());
  queue.arm(zero, Time{});
  queue.arm(far, Time{INT64_MAX - 1});
  require(queue.fire_due(Time{1}) == 1 && zero.times == 1,
          "three timers are armed, for 0, for the end of time and for never: fire_due() at 1 fires "
          "the first");
  require(queue.fire_due(Time::never()) == 2 && never.times == 1 && far.times == 1,
          "at an executor's end fire_due(Time::never()) fires all that are armed; of 2 it fired {}",
          never.times + far.times);
  queue.arm(zero, Time{50});
  require(
      queue.earliest() == Time{50},
      "after all had been fired with Time::never() a timer was armed for 50, and earliest() says "
      "{}",
      queue.earliest().nanoseconds);
  require(queue.fire_due(Time{60}) == 1, "a timer, due at 50, did not fire at 60");
}

PERCORE_CHECK("queue", the_newest_moment_stays, "D2",
              "a deadline that has passed is taken as the newest moment that fire_due() was told",
              the_queue_of_timers, .seeds = 20, .ring = false) {
  const auto newest = static_cast<std::int64_t>(1'000 + run.random(1'000));
  const std::int64_t older = newest - 1 - static_cast<std::int64_t>(run.random(500));
  TimerQueue queue;
  Counted timer;
  queue.fire_due(Time{newest});
  queue.fire_due(Time{older});
  queue.arm(timer, Time{older - 1});
  const std::int64_t deadline = timer.deadline().nanoseconds;
  require(
      deadline == newest,
      "fire_due() was told {}, then {}; a timer that was then armed for {} has the deadline {}: "
      "the newest moment is the largest of those it was told",
      newest, older, older - 1, deadline);
  queue.cancel(timer);
}

PERCORE_CHECK("queue", arming_allocates_nothing, "D5", "arming and cancelling allocate nothing",
              the_queue_of_timers, .seeds = 1, .ring = false) {
  constexpr std::size_t count = 500;
  const auto timers = std::make_unique<Counted[]>(count);
  TimerQueue queue;
  const auto before = percore::sim::counts().allocations;
  for (std::size_t i = 0; i < count; ++i)
    queue.arm(timers[i], Time{static_cast<std::int64_t>(1 + run.random(10'000))});
  for (std::size_t i = 0; i < count; i += 2) queue.cancel(timers[i]);
  queue.fire_due(Time{20'000});
  const auto made = percore::sim::counts().allocations - before;
  require(
      made == 0,
      "arming {} timers, cancelling half of them and firing the rest allocated {} times: a timer "
      "lies in its owner, and holds all that the queue needs to find it",
      count, made);
}

PERCORE_CHECK("queue", among_many_it_costs_the_same, "D5",
              "arming and cancelling cost the same whether ten timers are armed or a million",
              the_queue_of_timers, .seeds = 4, .ring = false) {
  constexpr std::size_t many = 500;
  constexpr std::size_t probes = 20;
  constexpr std::size_t most = 40;
  OnePageEach<Counted> timers(many + probes);
  TimerQueue queue;
  const auto deadline = [&](std::size_t number) {
    switch (run.seed()) {  // in order, the other way round, at random
      case 0:
        return Time{static_cast<std::int64_t>(1'000 + number)};
      case 1:
        return Time{static_cast<std::int64_t>(1'000'000 - number)};
      default:
        return Time{static_cast<std::int64_t>(1 + run.random(1'000'000))};
    }
  };
  run.waits_for("500 timers to be armed");
  for (std::size_t i = 0; i < many; ++i) queue.arm(timers[i], deadline(i));
  queue.fire_due(Time{static_cast<std::int64_t>(run.random(200'000))});
  std::size_t armed = 0;
  std::size_t cancelled = 0;
  for (std::size_t i = 0; i < probes; ++i)
    armed += timers.touched_by([&] { queue.arm(timers[many + i], deadline(many + i)); });
  for (std::size_t i = 0; i < probes; ++i)
    cancelled += timers.touched_by([&] { queue.cancel(timers[run.random(many + probes)]); });
  for (std::size_t i = 0; i < many + probes; ++i) queue.cancel(timers[i]);
  require(armed <= probes * most,
          "among {} timers, arming one more looked at {} others on the average: it must not walk "
          "through those that are armed",
          many, armed / probes);
  require(cancelled <= probes * most,
          "among {} timers, cancelling one looked at {} others on the average: it must not search "
          "for it",
          many, cancelled / probes);
}

namespace {

constexpr std::size_t long_ones = 400;
constexpr std::size_t short_ones = 50;

/// How many timers are looked at when the first of all is cancelled, again and again.
std::size_t cancel_the_first_of_many(OnePageEach<Counted>& timers, TimerQueue& queue) {
  std::size_t touched = 0;
  for (std::size_t i = 0; i < long_ones; ++i)
    queue.arm(timers[i], Time{static_cast<std::int64_t>(1'000'000 + i)});
  for (std::size_t i = 0; i < short_ones; ++i)
    touched += timers.touched_by([&] { queue.cancel(timers[i]); });
  return touched;
}

/// The same where each that is cancelled was armed a moment before, and is due before all others.
std::size_t cancel_what_was_just_armed(OnePageEach<Counted>& timers, TimerQueue& queue) {
  std::size_t touched = 0;
  queue.arm(timers[long_ones], Time{1});
  for (std::size_t i = 0; i < long_ones; ++i)
    queue.arm(timers[i], Time{static_cast<std::int64_t>(1'000'000 + i)});
  for (std::size_t i = long_ones; i < long_ones + short_ones; ++i) {
    queue.arm(timers[i + 1], Time{static_cast<std::int64_t>(i)});
    touched += timers.touched_by([&] { queue.cancel(timers[i]); });
  }
  return touched;
}

}  // namespace

PERCORE_CHECK("queue", the_first_of_many_goes_at_little_cost, "D5",
              "taking out the first costs little, again and again", the_queue_of_timers, .seeds = 2,
              .ring = false) {
  constexpr std::size_t most = 40;
  OnePageEach<Counted> timers(long_ones + short_ones + 1);
  TimerQueue queue;
  run.waits_for("400 timers, of which the first is cancelled again and again");
  const std::size_t touched = run.seed() == 0 ? cancel_the_first_of_many(timers, queue)
                                              : cancel_what_was_just_armed(timers, queue);
  for (std::size_t i = 0; i < timers.size(); ++i) queue.cancel(timers[i]);
  require(touched <= short_ones * most,
          "{}: each looked at {} timers on the average. Where the children of the root are merged "
          "one by one, the next root has them all again: merge in pairs, then the pairs",
          run.seed() == 0
              ? "400 timers were armed, and the one that was due first was cancelled, 50 times"
              : "beside 400 timers a short one was armed and cancelled, 50 times",
          touched / short_ones);
}

PERCORE_CHECK("queue", an_armed_timer_must_not_be_destroyed, "D3",
              "destroying or arming an armed timer ends the program with a sentence",
              the_queue_of_timers, .seeds = 1, .ring = false) {
  require(ends_the_program([] {
            TimerQueue& queue = *new TimerQueue;
            Counted timer;
            queue.arm(timer, Time{5});
          }),
          "a timer was destroyed while it was armed, and the program went on: the queue still has "
          "its address");
  require(ends_the_program([] {
            TimerQueue& queue = *new TimerQueue;
            Counted& timer = *new Counted;
            queue.arm(timer, Time{5});
            queue.arm(timer, Time{6});
          }),
          "a timer that was armed was armed once more, and the program went on: it would stand in "
          "the queue twice");
}
