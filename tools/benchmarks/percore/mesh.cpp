// mesh_rtt, mesh_tput, mesh_peers and mesh_idle on percore.
#include <mesh.hpp>

#include <percore/mesh.hpp>
#include <percore/timer.hpp>
#include <string>
#include <thread>

namespace {

using percore::Mesh;
using percore::MeshMember;
using percore::MeshRole;
using percore::SharedReceiver;
using percore::SharedSender;
using percore::Task;

/// Runs one task on each of the two CPUs, on executors of their own.
template <typename Here, typename There>
void on_two_cpus(Here here, There there) {
  std::thread other = bench::on_second_cpu([&] { percore::Executor().run(there()); });
  percore::Executor().run(here());
  other.join();
}

Task<> answers(SharedReceiver<std::uint64_t> in, SharedSender<std::uint64_t> out,
               std::int64_t pause_ns) {
  for (;;) {
    const auto value = co_await in.receive();
    if (!value) break;
    bench::compute_for(pause_ns);
    const auto sent = co_await out.send(*value);
    if (!sent) break;
  }
}

Task<> asks(SharedSender<std::uint64_t> out, SharedReceiver<std::uint64_t> in,
            bench::TripTimer& timer, bool must_sleep) {
  for (std::uint64_t i = 0; i < timer.all(); ++i) {
    const std::uint64_t sleeps = percore::doorbell().counts().sleeps;
    timer.begin();
    const auto sent = co_await out.send(i);
    const auto answer = co_await in.receive();
    timer.end();
    if (must_sleep && percore::doorbell().counts().sleeps == sleeps) timer.forget_last();
    bench::check_sum(sent && answer ? *answer : ~i, i);
  }
}

double round_trips(const bench::Trips& trips) {
  auto there = percore::shared_channel<std::uint64_t>(bench::channel_capacity);
  auto back = percore::shared_channel<std::uint64_t>(bench::channel_capacity);
  bench::TripTimer timer(trips);
  const bool must_sleep = trips.pause_ns != 0;
  on_two_cpus(
      [&] { return asks(std::move(there.sender), std::move(back.receiver), timer, must_sleep); },
      [&] { return answers(std::move(there.receiver), std::move(back.sender), trips.pause_ns); });
  if (timer.kept() < trips.count / 2) {
    std::fprintf(stderr, "who asks has slept in %zu of %zu trips: the benchmark is broken\n",
                 timer.kept(), trips.count);
    std::exit(1);
  }
  return timer.p50_us();
}

template <std::size_t Bytes>
Task<> sends(SharedSender<bench::Message<Bytes>> sender, bool each) {
  for (std::size_t i = 0; i < bench::messages_in_all; ++i) {
    bench::Message<Bytes> message;
    message.words.back() = i;
    const auto sent = co_await sender.send(message);
    if (!sent) break;
    if (each) sender.flush();
  }
}

template <std::size_t Bytes>
Task<> receives(SharedReceiver<bench::Message<Bytes>> receiver, bench::MessageTimer& timer) {
  for (;;) {
    const auto message = co_await receiver.receive();
    if (!message) break;
    timer.received(message->words.back());
  }
}

template <std::size_t Bytes>
double one_way(bool each) {
  auto ends = percore::shared_channel<bench::Message<Bytes>>(bench::channel_capacity);
  bench::MessageTimer timer;
  on_two_cpus([&] { return receives<Bytes>(std::move(ends.receiver), timer); },
              [&] { return sends<Bytes>(std::move(ends.sender), each); });
  return timer.median_ns();
}

}  // namespace

int main(int argument_count, char** arguments) {
  const std::string suite = argument_count > 1 ? arguments[1] : "";
  bench::pin_to(bench::first_cpu);
  if (suite == "mesh_rtt") {
    bench::print_json({{"mesh_rtt_awake", round_trips(bench::trips_awake), "us"},
                       {"mesh_rtt_asleep", round_trips(bench::trips_asleep), "us"}});
  } else if (suite == "mesh_tput") {
    bench::print_json({{"mesh_tput", one_way<8>(false), "ns"},
                       {"mesh_tput_64B", one_way<64>(false), "ns"},
                       {"mesh_tput_256B", one_way<256>(false), "ns"},
                       {"mesh_tput_each", one_way<8>(true), "ns"}});
  } else {
    bench::unknown_suite("mesh", suite.c_str(), "mesh_rtt, mesh_tput, mesh_peers, mesh_idle");
  }
}
