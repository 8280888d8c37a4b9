// mesh_rtt and mesh_tput on Asio: two io_contexts, each run by one thread. A message is a handler
// that is posted to the other context, which is less than its experimental channels do. At most
// 1,024 are on their way: the receiver posts back that there is room, for 256 messages at once.
// Awake, both contexts are polled in a loop; asleep, they wait in run().
#include <asio.hpp>
#include <mesh.hpp>

#include <string>

namespace {

using Context = asio::io_context;
using Guard = asio::executor_work_guard<Context::executor_type>;

/// One end: a context, and the loop that runs it.
struct End {
  End() : guard(asio::make_work_guard(context)) {}

  void run(bool polls) {
    if (!polls) {
      context.run();
      return;
    }
    while (!context.stopped()) context.poll();
  }

  Context context{1};  // one thread runs it, others post to it
  Guard guard;
};

/// The end that asks; its handlers run on the first CPU.
struct Asks {
  End& here;
  End& there;
  bench::TripTimer& timer;
  std::int64_t pause_ns;
  std::uint64_t asked = 0;

  void ask() {
    if (asked == timer.all()) {
      there.context.stop();
      here.context.stop();
      return;
    }
    timer.begin();
    asio::post(there.context, [this, number = asked] { answer(number); });
  }
  void answer(std::uint64_t number) {  // on the other's thread
    bench::compute_for(pause_ns);
    asio::post(here.context, [this, number] { answered(number); });
  }
  void answered(std::uint64_t number) {
    timer.end();
    bench::check_sum(number, asked++);
    ask();
  }
};

double round_trips(const bench::Trips& trips) {
  End here, there;
  bench::TripTimer timer(trips);
  const bool polls = trips.pause_ns == 0;
  std::thread other = bench::on_second_cpu([&] { there.run(polls); });
  Asks asks{here, there, timer, trips.pause_ns};
  asio::post(here.context, [&asks] { asks.ask(); });
  here.run(polls);
  other.join();
  return timer.p50_us();
}

template <std::size_t Bytes>
struct Stream {
  static constexpr std::size_t room_at_once = bench::channel_capacity / 4;

  End receiver;
  End sender;
  bench::MessageTimer timer;
  std::size_t sent = 0;
  std::size_t room = bench::channel_capacity;
  std::size_t to_give_back = 0;

  void send() {  // the sender's
    for (; room != 0 && sent != bench::messages_in_all; --room) {
      bench::Message<Bytes> message;
      message.words.back() = sent++;
      asio::post(receiver.context, [this, message] { received(message); });
    }
    if (sent == bench::messages_in_all) sender.guard.reset();
  }
  void received(const bench::Message<Bytes>& message) {  // the receiver's
    timer.received(message.words.back());
    if (++to_give_back == room_at_once) {
      to_give_back = 0;
      asio::post(sender.context, [this] {
        room += room_at_once;
        send();
      });
    }
    if (timer.all_came()) receiver.context.stop();
  }
};

template <std::size_t Bytes>
double one_way() {
  Stream<Bytes> stream;
  std::thread other = bench::on_second_cpu([&] {
    asio::post(stream.sender.context, [&] { stream.send(); });
    stream.sender.run(false);
  });
  stream.receiver.run(false);
  stream.sender.context.stop();
  other.join();
  return stream.timer.median_ns();
}

}  // namespace

int main(int argument_count, char** arguments) {
  const std::string suite = argument_count > 1 ? arguments[1] : "";
  bench::pin_to(bench::first_cpu);
  if (suite == "mesh_rtt") {
    bench::print_json({{"mesh_rtt_awake", round_trips(bench::trips_awake), "us"},
                       {"mesh_rtt_asleep", round_trips(bench::trips_asleep), "us"}});
  } else if (suite == "mesh_tput") {
    const double of_8 = one_way<8>();  // each message is posted by itself: there is no batch
    bench::print_json({{"mesh_tput", of_8, "ns"},
                       {"mesh_tput_64B", one_way<64>(), "ns"},
                       {"mesh_tput_256B", one_way<256>(), "ns"},
                       {"mesh_tput_each", of_8, "ns"}});
  } else {
    bench::unknown_suite("mesh", suite.c_str(), "mesh_rtt, mesh_tput");
  }
}
