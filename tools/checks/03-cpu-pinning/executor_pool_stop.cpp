// 03.9 executor_pool, step stop: members are asked to end, from any thread, asleep or not.

#include <thread>

#include "executor_pool_support.hpp"

using namespace checks;

namespace {

/// What the members did. One thread runs at a time.
struct Seen {
  unsigned waiting = 0, woken = 0, ended = 0, asked_too_early = 0, not_asked = 0;
};

Task<> wait_for_stop(Shard& shard, Seen& seen) {
  ++seen.waiting;
  co_await shard.stopped();
  ++seen.woken;
  if (!shard.stop_requested()) ++seen.not_asked;
}

/// Some tasks wait, the root among them; some members work for a while before they look.
Task<> member(Shard& shard, Seen& seen, std::uint64_t yields, bool may_be_asked) {
  if (shard.stop_requested() && !may_be_asked) ++seen.asked_too_early;
  auto first = spawn(wait_for_stop(shard, seen));
  co_await yield_often(yields);
  co_await wait_for_stop(shard, seen);
  co_await first;
  co_await shard.stopped();  // once more: it is asked already
  ++seen.ended;
}

Task<int> count_itself(unsigned& ended) {
  ++ended;
  co_return 1;
}

void expect_all_ended(const Seen& seen, std::size_t count) {
  require(seen.asked_too_early == 0, "stop_requested() said yes before anybody had asked");
  require(seen.woken == 2 * count, "stop() was called, and of {} waiting tasks {} went on",
          2 * count, seen.woken);
  require(seen.not_asked == 0, "stopped() came back, and stop_requested() says no");
  require(seen.ended == count, "of {} members {} have ended", count, seen.ended);
}

}  // namespace

PERCORE_CHECK("stop", stop_wakes_sleepers, "O5", "stop() wakes a member that sleeps", the_end) {
  const auto places = any_places(run);
  Seen seen;
  const std::uint64_t yields = run.random(4);
  run.waits_for("members that were asked to stop");
  ExecutorPool<void> pool(places, [&](Shard& shard) { return member(shard, seen, yields, true); });
  const std::uint64_t times = 1 + run.random(3);
  if (run.chance(50)) {
    for (std::uint64_t i = 0; i < times; ++i) pool.stop();
  } else {
    std::thread([&] {
      for (std::uint64_t i = 0; i < times; ++i) pool.stop();
    }).join();
  }
  for (const auto& outcome : pool.join())
    require(outcome.has_value(), "a member that was asked to stop ended with an exception");
  expect_all_ended(seen, places.size());
}

PERCORE_CHECK("stop", nobody_stops_by_itself, "O5", "a member goes on until it is asked", the_end,
              .seeds = 60) {
  const auto places = any_places(run);
  Seen seen;
  bool asked = false;
  run.waits_for("members that were asked to stop");
  ExecutorPool<void> pool(places, [&](Shard& shard) { return member(shard, seen, 2, asked); });
  while (seen.waiting < 2 * places.size()) std::this_thread::yield();
  for (int i = 0; i < 20; ++i) std::this_thread::yield();
  require(seen.woken == 0, "{} tasks went on, and nobody had called stop()", seen.woken);
  asked = true;
  pool.stop();
  pool.join();
  expect_all_ended(seen, places.size());
}

PERCORE_CHECK("stop", the_destructor_stops_and_joins, "O6", "the destructor stops and joins",
              the_end, .seeds = 100) {
  const auto places = any_places(run);
  Seen seen;
  run.waits_for("the end of the pool's destructor");
  {
    ExecutorPool<void> pool(places, [&](Shard& shard) { return member(shard, seen, 1, true); });
  }
  expect_all_ended(seen, places.size());
}

PERCORE_CHECK("stop", who_has_ended_needs_no_stop, "O5", "stop() only asks", the_end, .seeds = 60) {
  const auto places = any_places(run);
  unsigned ended = 0;
  run.waits_for("the end of members that wait for nothing");
  ExecutorPool<int> pool(places, [&ended](Shard&) { return count_itself(ended); });
  if (run.chance(50)) pool.stop();
  const auto outcomes = pool.join();
  pool.stop();
  require(ended == places.size() && outcomes.size() == places.size(),
          "of {} members that wait for nothing {} have ended", places.size(), ended);
}
