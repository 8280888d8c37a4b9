// 02.1 drift: beats on the simulated ring's clock.

#include <percore/timer.hpp>

#include "support.hpp"

percore::Task<> heartbeat(percore::Time period, unsigned beats, void (*beat)(unsigned));

using namespace checks;
using percore::now;

namespace {

struct Heart {
  percore::check::Run* run = nullptr;
  Time start;
  Time period;
  Time work_ended;  // of the beat before
  unsigned work_percent = 0;
  unsigned beats = 0;
};
Heart heart;

void beats(unsigned n) {
  ++heart.beats;
  heart.run->operation(n);
  require(n == heart.beats, "beat {} came as number {}", n, heart.beats);
  const Time due = heart.start + Time{static_cast<std::int64_t>(n) * heart.period.nanoseconds};
  const Time moment = now();
  if (moment < due)
    fail_with("D1", the_deadline,
              percore::check::say(
                  "beat {} of a period of {} us came {} us before start + {} periods", n,
                  heart.period.nanoseconds / 1'000, (due - moment).nanoseconds / 1'000, n));
  const Time possible = std::max(due, heart.work_ended);
  const bool periods_late = moment - due >= heart.period;
  require(moment - possible <= us(100),
          "beat {} of a period of {} us came {} us after start + {} periods: what the beats before "
          "took was added to it{}",
          n, heart.period.nanoseconds / 1'000, (moment - due).nanoseconds / 1'000, n,
          periods_late
              ? ", or a tick was passed over: next() of an Interval tells how many periods "
                "have passed, and each of them has its beat"
              : "");
  const auto limit =
      static_cast<std::uint64_t>(heart.period.nanoseconds) * heart.work_percent / 100;
  percore::sim::advance(static_cast<std::int64_t>(heart.run->random(limit + 1)));
  heart.work_ended = now();
}

Task<> beats_all(unsigned count) {
  heart.start = heart.work_ended = now();
  co_await heartbeat(heart.period, count, &beats);
  require(heart.beats == count, "{} beats were asked for and {} came", count, heart.beats);
}

}  // namespace

PERCORE_CHECK("", beats_stay_on_the_grid, "D6", "beat n comes at start + n * period", the_interval,
              .faults = false) {
  heart = {.run = &run, .period = us(500 + static_cast<std::int64_t>(run.random(2'000)))};
  heart.work_percent = 10 + static_cast<unsigned>(run.random(80));
  run.waits_for("the next beat");
  run_on_executor(beats_all(run.size(2, 40)));
}

PERCORE_CHECK("", no_beat_is_left_out, "D6", "where a beat took too long, the next follows at once",
              the_interval, .seeds = 60, .faults = false) {
  heart = {.run = &run, .period = us(500)};
  heart.work_percent = 300;
  run.waits_for("the next beat");
  run_on_executor(beats_all(run.size(2, 20)));
}

namespace {

void counts_only(unsigned) {
  ++heart.beats;
}
Task<> leaves_a_heart() {
  spawn(heartbeat(ms(100), 5, &counts_only)).detach();
  co_await percore::yield();
}

}  // namespace

PERCORE_CHECK("", it_stops_when_the_executor_ends, "D7", "a cancelled sleep is no beat",
              the_end_of_sleeps, .seeds = 5, .faults = false) {
  heart = {.run = &run, .period = ms(100)};
  run_on_executor(leaves_a_heart());
  require(heart.beats == 0, "the executor ended before the first beat, and {} came all the same",
          heart.beats);
}
