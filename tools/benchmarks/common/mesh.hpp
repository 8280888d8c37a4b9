#pragma once

#include <measure.hpp>
#include <two_cpus.hpp>

#include <array>
#include <utility>

/// What the suites of two threads share: where they run, the work, and how it is summed up.
namespace bench {

/// Of each size: a number that is checked, and what fills the message up.
template <std::size_t Bytes>
struct Message {
  std::array<std::uint64_t, Bytes / 8> words{};
};

inline constexpr std::size_t channel_capacity = 1024;

/// Round trips. Where both ends are to sleep each end leaves the other alone for `pause_ns` before
/// it sends: longer than any runtime here spins. The pauses are no part of the figure.
struct Trips {
  std::size_t warm_up;
  std::size_t count;
  std::int64_t pause_ns;
};
inline constexpr Trips trips_awake{5'000, 50'000, 0};
inline constexpr Trips trips_asleep{300, 2'000, 200'000};

/// Keeps the CPU busy, as a task that computes does.
inline void compute_for(std::int64_t nanoseconds) {
  if (nanoseconds == 0) return;
  for (const std::int64_t end = now_ns() + nanoseconds; now_ns() < end;) {
  }
}

/// Of one who asks: times its trips.
class TripTimer {
 public:
  explicit TripTimer(const Trips& trips) : trips_(trips) { us_.reserve(trips.count); }

  std::size_t all() const { return trips_.warm_up + trips_.count; }
  void begin() {
    compute_for(trips_.pause_ns);
    began_ = now_ns();
  }
  void end() {
    const std::int64_t took = now_ns() - began_ - trips_.pause_ns;  // the other's pause
    if (++done_ > trips_.warm_up) us_.push_back(static_cast<double>(took) / 1000);
  }
  /// The trip that has just ended was none of a sleeper: the host ran one CPU in place of the
  /// other, and the answer was there before anybody could sleep.
  void forget_last() {
    if (done_ > trips_.warm_up) us_.pop_back();
  }
  std::size_t kept() const { return us_.size(); }
  double p50_us() const { return percentile(us_, 50); }

 private:
  Trips trips_;
  std::vector<double> us_;
  std::int64_t began_ = 0;
  std::size_t done_ = 0;
};

inline constexpr std::size_t messages_a_round = 100'000;
inline constexpr std::size_t message_rounds = 20;
inline constexpr std::size_t messages_in_all = messages_a_round * (message_rounds + 1);

/// Of one who receives: the time of a message, by the wall clock, since two threads take part. The
/// first round warms up.
class MessageTimer {
 public:
  void received(std::uint64_t number) {
    sum_ += number;
    if (++received_ % messages_a_round != 0) return;
    const std::int64_t now = now_ns();
    if (round_from_ != 0)
      rounds_.push_back(static_cast<double>(now - round_from_) /
                        static_cast<double>(messages_a_round));
    round_from_ = now;
  }
  bool all_came() const { return received_ == messages_in_all; }
  double median_ns() const {
    check_sum(sum_, messages_in_all * (messages_in_all - 1) / 2);
    return percentile(rounds_, 50);
  }

 private:
  std::uint64_t sum_ = 0;
  std::size_t received_ = 0;
  std::int64_t round_from_ = 0;
  std::vector<double> rounds_;
};

}  // namespace bench
