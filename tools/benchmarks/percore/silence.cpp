// mesh_peers and mesh_idle on percore: what peers cost that say nothing. `mesh_threads N` is the
// same for one mesh of N members, for tools/bench growth.
#include <sys/resource.h>

#include <mesh.hpp>

#include <percore/combinators.hpp>
#include <percore/mesh.hpp>
#include <percore/timer.hpp>
#include <string>
#include <thread>

namespace {

using percore::Mesh;
using percore::MeshMember;
using percore::MeshRole;
using percore::Result;
using percore::Task;

constexpr std::size_t receiver_number = 0;
constexpr std::size_t speaker_number = 1;

using Member = MeshMember<std::uint64_t>;

// Of the receiver: counts what comes from one peer.
Task<> listens_to(Member& member, std::size_t peer, bench::MessageTimer& timer) {
  for (;;) {
    const auto message = co_await member.receiver(peer).receive();
    if (!message) break;
    timer.received(*message);
  }
}

/// A task waits for each of the peers, and one of them speaks.
Task<> receives_from_all(Mesh<std::uint64_t> mesh, bench::MessageTimer& timer) {
  Result<Member> member = co_await mesh.join(receiver_number, MeshRole::receives);
  bench::check_sum(member.has_value(), true);
  std::vector<percore::JoinHandle<void>> listening;
  for (std::size_t peer = 1; peer < member->members(); ++peer)
    listening.push_back(spawn(listens_to(*member, peer, timer)));
  for (auto& one : listening) co_await one;
}

// Each message is on its way when it was sent. The others, who share a CPU with it, have been woken
// by its coming and are let fall asleep first.
Task<> speaks(Mesh<std::uint64_t> mesh) {
  Result<Member> member = co_await mesh.join(speaker_number, MeshRole::sends);
  bench::check_sum(member.has_value(), true);
  const auto slept = co_await percore::sleep_for(percore::Time{50'000'000});
  bench::check_sum(slept.has_value(), true);
  auto& sender = member->sender(receiver_number);
  for (std::uint64_t i = 0; i < bench::messages_in_all; ++i) {
    const auto sent = co_await sender.send(i);
    if (!sent) break;
    sender.flush();
  }
}

// Is there, and says nothing until the one who speaks has ended.
Task<> is_silent(Mesh<std::uint64_t> mesh, std::size_t number, const std::atomic<bool>& ends) {
  Result<Member> member = co_await mesh.join(number, MeshRole::sends);
  bench::check_sum(member.has_value(), true);
  while (!ends.load()) {
    const auto slept = co_await percore::sleep_for(percore::Time{200'000'000});
    if (!slept) break;
  }
}

double one_speaks_of(std::size_t peers) {
  Mesh<std::uint64_t> mesh(peers + 1, bench::channel_capacity);
  bench::MessageTimer timer;
  std::atomic<bool> ends{false};
  std::vector<std::thread> others;
  for (std::size_t number = 2; number <= peers; ++number)
    others.push_back(bench::on_second_cpu(
        [&, number] { percore::Executor().run(is_silent(mesh, number, ends)); }));
  others.push_back(bench::on_second_cpu([&] {
    percore::Executor().run(speaks(mesh));
    ends.store(true);
  }));
  percore::Executor().run(receives_from_all(mesh, timer));
  for (std::thread& one : others) one.join();
  return timer.median_ns();
}

// In turn and in the opposite order each next time, since what else the machine does changes from
// one second to the next.
std::vector<bench::Metric> measure_peers() {
  constexpr std::array<std::size_t, 3> peers{1, 16, 64};
  std::array<std::vector<double>, peers.size()> ns;
  for (int turn = 0; turn < 5; ++turn)
    for (std::size_t place = 0; place < peers.size(); ++place) {
      const std::size_t i = turn % 2 == 0 ? place : peers.size() - 1 - place;
      ns[i].push_back(one_speaks_of(peers[i]));
    }
  std::vector<bench::Metric> out;
  for (std::size_t i = 0; i < peers.size(); ++i)
    out.push_back({"mesh_peers_" + std::to_string(peers[i]), bench::percentile(ns[i], 50), "ns"});
  return out;
}

std::int64_t cpu_ns_of_all_threads() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

// Two executors that have talked and wait for each other, for a second.
Task<> waits_for_the_end(Mesh<std::uint64_t> mesh, std::size_t number) {
  Result<Member> member = co_await mesh.join(number);
  bench::check_sum(member.has_value(), true);
  const std::size_t other = 1 - number;
  const auto sent = co_await member->sender(other).send(1);
  const auto first = co_await member->receiver(other).receive();
  bench::check_sum(sent && first, true);
  const auto end = co_await member->receiver(other).receive();
  bench::check_sum(end.has_value(), false);  // by then the other has closed
}

Task<> waits_a_second(Mesh<std::uint64_t> mesh, double& cpu_us) {
  auto waits = spawn(waits_for_the_end(mesh, 0));
  auto slept = co_await percore::sleep_for(percore::Time{100'000'000});
  const std::int64_t before = cpu_ns_of_all_threads();
  slept = co_await percore::sleep_for(percore::Time{1'000'000'000});
  cpu_us = static_cast<double>(cpu_ns_of_all_threads() - before) / 1000;
  bench::check_sum(slept.has_value(), true);
}

double cpu_us_of_an_idle_second() {
  Mesh<std::uint64_t> mesh(2, bench::channel_capacity);
  double cpu_us = 0;
  std::thread other = bench::on_second_cpu([&] {
    // It ends when the first executor has ended, and closed its channel with it.
    percore::Executor().run(waits_for_the_end(mesh, 1));
  });
  percore::Executor().run(waits_a_second(mesh, cpu_us));
  other.join();
  return cpu_us;
}

}  // namespace

int main(int argument_count, char** arguments) {
  const std::string suite = argument_count > 1 ? arguments[1] : "";
  const std::size_t members =
      argument_count > 2 ? std::strtoull(arguments[2], nullptr, 10) : std::size_t{0};
  bench::pin_to(bench::first_cpu);
  if (suite == "mesh_peers") {
    bench::print_json(measure_peers());
  } else if (suite == "mesh_idle") {
    bench::print_json({{"mesh_idle", cpu_us_of_an_idle_second(), "us"}});
  } else if (suite == "mesh_threads" && members >= 2) {
    bench::print_json({{"mesh_threads", one_speaks_of(members - 1), "ns"}});
  } else {
    bench::unknown_suite("silence", suite.c_str(), "mesh_peers, mesh_idle, mesh_threads N");
  }
}
