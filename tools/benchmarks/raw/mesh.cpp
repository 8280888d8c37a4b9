// The floors of mesh_rtt and mesh_tput, by hand.
//
// mesh_rtt awake: two threads spin on a word each. Asleep: each waits in its ring, and is woken in
// one of five ways. With the name of one behind the suite it alone is measured: the floor is the
// best of the first four. Without, all are.
//   eventfd          a read of an eventfd in flight on the ring; who wakes writes to it
//   eventfd-polled   the same with a poll that stays in flight (multishot), and no read
//   msg_ring         who wakes sends an entry from its ring to the sleeper's (IORING_OP_MSG_RING)
//   msg_ring-merged  the same, submitted by the same io_uring_enter that the sender then sleeps in
//   eventfd-blocking no ring: the sleeper is in read(2)
// Beside each stands what its system call costs the waker, which may have other things to do.
// mesh_tput: a ring of slots with one writer and one reader, each with a copy of the other's count.
#include <liburing.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <mesh.hpp>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "open_ring.hpp"

namespace {

struct alignas(64) Word {
  std::atomic<std::uint64_t> value{0};

  void wait_for(std::uint64_t wanted) const {
    while (value.load(std::memory_order_acquire) != wanted) __builtin_ia32_pause();
  }
};

double round_trip_awake() {
  Word there, back;
  bench::TripTimer timer(bench::trips_awake);
  std::thread other = bench::on_second_cpu([&] {
    for (std::uint64_t i = 1; i <= timer.all(); ++i) {
      there.wait_for(i);
      back.value.store(i, std::memory_order_release);
    }
  });
  for (std::uint64_t i = 1; i <= timer.all(); ++i) {
    timer.begin();
    there.value.store(i, std::memory_order_release);
    back.wait_for(i);
    timer.end();
  }
  other.join();
  return timer.p50_us();
}

enum class Way { eventfd, polled_eventfd, msg_ring, msg_ring_merged, blocking_eventfd };

Way way_called(const std::string& form) {
  if (form == "eventfd") return Way::eventfd;
  if (form == "eventfd-polled") return Way::polled_eventfd;
  if (form == "msg_ring") return Way::msg_ring;
  if (form == "msg_ring-merged") return Way::msg_ring_merged;
  std::fprintf(stderr,
               "mesh_rtt: no form is called \"%s\"; there are eventfd, eventfd-polled, msg_ring, "
               "msg_ring-merged\n",
               form.c_str());
  std::exit(2);
}

/// One of two threads that wake each other.
struct Side {
  explicit Side(Way its_way) : way(its_way), bell(::eventfd(0, EFD_CLOEXEC)) {}
  ~Side() { ::close(bell); }

  void open() {
    if (way != Way::blocking_eventfd) open_ring(ring);
    ring_fd.store(way != Way::blocking_eventfd ? ring.ring_fd : 0, std::memory_order_release);
  }
  void close() {
    if (way != Way::blocking_eventfd) io_uring_queue_exit(&ring);
  }

  io_uring_sqe* entry() { return io_uring_get_sqe(&ring); }

  void listen() {
    if (way == Way::polled_eventfd && !polled) {
      io_uring_sqe* const poll = entry();
      io_uring_prep_poll_multishot(poll, bell, POLLIN);
      io_uring_sqe_set_data64(poll, heard);
      polled = true;
    }
    if (way != Way::eventfd) return;
    io_uring_sqe* const read = entry();
    io_uring_prep_read(read, bell, &count, sizeof count, 0);
    io_uring_sqe_set_data64(read, heard);
  }

  /// Hands `number` over, and wakes the other.
  void wake(Side& other, std::uint64_t number) {
    other.message.value.store(number, std::memory_order_release);
    if (way != Way::msg_ring && way != Way::msg_ring_merged) {
      const std::uint64_t one = 1;
      static_cast<void>(!::write(other.bell, &one, sizeof one));
      return;
    }
    io_uring_sqe* const wake_up = entry();
    io_uring_prep_msg_ring(wake_up, other.ring_fd.load(std::memory_order_relaxed), 0, heard, 0);
    wake_up->flags |= IOSQE_CQE_SKIP_SUCCESS;
    if (way == Way::msg_ring) io_uring_submit(&ring);
  }

  void sleep() {
    if (way == Way::blocking_eventfd) {
      static_cast<void>(!::read(bell, &count, sizeof count));
      return;
    }
    listen();
    for (bool woken = false; !woken;) {
      io_uring_submit_and_wait(&ring, 1);
      unsigned head = 0, seen = 0;
      io_uring_cqe* cqe = nullptr;
      io_uring_for_each_cqe(&ring, head, cqe) {
        ++seen;
        woken = woken || cqe->user_data == heard;
        if ((cqe->flags & IORING_CQE_F_MORE) == 0) polled = false;
        if (cqe->res < 0) {
          std::fprintf(stderr, "a wake-up gave %d\n", cqe->res);
          std::exit(3);
        }
      }
      io_uring_cq_advance(&ring, seen);
    }
  }

  void receive(std::uint64_t number) {
    sleep();
    bench::check_sum(message.value.load(std::memory_order_acquire), number);
  }

  static constexpr std::uint64_t heard = 7;
  const Way way;
  const int bell;
  io_uring ring{};
  std::atomic<int> ring_fd{-1};
  std::uint64_t count = 0;
  bool polled = false;
  Word message;
};

/// p50 of a round trip, and of the waker's part in it before it can go on.
struct Woken {
  double trip_us;
  double call_us;
};

Woken round_trip_asleep(Way way) {
  Side here(way), there(way);
  bench::TripTimer timer(bench::trips_asleep);
  std::vector<double> calls_us;
  here.open();
  std::thread other = bench::on_second_cpu([&] {
    there.open();
    for (std::size_t i = 0; i < timer.all(); ++i) {
      there.receive(i);
      bench::compute_for(bench::trips_asleep.pause_ns);
      there.wake(here, i);
    }
    if (way == Way::msg_ring_merged) io_uring_submit(&there.ring);
    there.close();
  });
  while (there.ring_fd.load(std::memory_order_acquire) == -1) __builtin_ia32_pause();
  for (std::size_t i = 0; i < timer.all(); ++i) {
    timer.begin();
    const std::int64_t from = bench::now_ns();
    here.wake(there, i);
    calls_us.push_back(static_cast<double>(bench::now_ns() - from) / 1000);
    here.receive(i);
    timer.end();
  }
  other.join();
  here.close();
  return {timer.p50_us(), bench::percentile(calls_us, 50)};
}

/// The queue: four counts that only grow, in lines of their own.
template <typename T>
class Slots {
 public:
  /// Publishes once for `batch` values.
  void push(const T& value, std::size_t batch) {
    while (filled_ - released_seen_ == bench::channel_capacity) {
      published_.store(filled_, std::memory_order_release);
      released_seen_ = released_.load(std::memory_order_acquire);
      if (filled_ - released_seen_ == bench::channel_capacity) __builtin_ia32_pause();
    }
    slots_[filled_++ % bench::channel_capacity] = value;
    if (filled_ % batch == 0) published_.store(filled_, std::memory_order_release);
  }
  void publish() { published_.store(filled_, std::memory_order_release); }

  T pop(std::size_t batch) {
    while (taken_ == published_seen_) {
      released_.store(taken_, std::memory_order_release);
      published_seen_ = published_.load(std::memory_order_acquire);
      if (taken_ == published_seen_) __builtin_ia32_pause();
    }
    const T out = slots_[taken_++ % bench::channel_capacity];
    if (taken_ % batch == 0) released_.store(taken_, std::memory_order_release);
    return out;
  }

 private:
  std::array<T, bench::channel_capacity> slots_{};
  alignas(64) std::size_t filled_ = 0;
  std::size_t released_seen_ = 0;
  alignas(64) std::atomic<std::size_t> published_{0};
  alignas(64) std::size_t taken_ = 0;
  std::size_t published_seen_ = 0;
  alignas(64) std::atomic<std::size_t> released_{0};
};

template <std::size_t Bytes>
double one_way(std::size_t batch) {
  auto slots = std::make_unique<Slots<bench::Message<Bytes>>>();
  bench::MessageTimer timer;
  std::thread sender = bench::on_second_cpu([&] {
    for (std::size_t i = 0; i < bench::messages_in_all; ++i) {
      bench::Message<Bytes> message;
      message.words.back() = i;
      slots->push(message, batch);
    }
    slots->publish();
  });
  while (!timer.all_came()) timer.received(slots->pop(batch).words.back());
  sender.join();
  return timer.median_ns();
}

}  // namespace

int main(int argument_count, char** arguments) {
  const std::string suite = argument_count > 1 ? arguments[1] : "";
  bench::pin_to(bench::first_cpu);
  const std::string form = argument_count > 2 ? arguments[2] : "";
  if (suite == "mesh_rtt" && !form.empty()) {
    const Way way = way_called(form);
    std::vector<bench::Metric> figures;
    // Nobody is woken there: it is the same in all forms, and measured in one.
    if (way == Way::eventfd) figures.push_back({"mesh_rtt_awake", round_trip_awake(), "us"});
    figures.push_back({"mesh_rtt_asleep", round_trip_asleep(way).trip_us, "us"});
    bench::print_json(figures);
  } else if (suite == "mesh_rtt") {
    const double awake = round_trip_awake();
    const Woken eventfd = round_trip_asleep(Way::eventfd);
    const Woken polled = round_trip_asleep(Way::polled_eventfd);
    const Woken msg_ring = round_trip_asleep(Way::msg_ring);
    const Woken merged = round_trip_asleep(Way::msg_ring_merged);
    const Woken blocking = round_trip_asleep(Way::blocking_eventfd);
    bench::print_json({{"mesh_rtt_awake", awake, "us"},
                       {"eventfd", eventfd.trip_us, "us"},
                       {"eventfd, the call", eventfd.call_us, "us"},
                       {"eventfd-polled", polled.trip_us, "us"},
                       {"eventfd-polled, the call", polled.call_us, "us"},
                       {"msg_ring", msg_ring.trip_us, "us"},
                       {"msg_ring, the call", msg_ring.call_us, "us"},
                       {"msg_ring-merged", merged.trip_us, "us"},
                       {"eventfd-blocking", blocking.trip_us, "us"}});
  } else if (suite == "mesh_tput") {
    constexpr std::size_t batch = 256;
    bench::print_json({{"mesh_tput", one_way<8>(batch), "ns"},
                       {"mesh_tput_64B", one_way<64>(batch), "ns"},
                       {"mesh_tput_256B", one_way<256>(batch), "ns"},
                       {"mesh_tput_each", one_way<8>(1), "ns"}});
  } else {
    bench::unknown_suite("mesh", suite.c_str(), "mesh_rtt, mesh_tput");
  }
}
