// The mesh over the simulated ring: executors on threads of their own, in hundreds of
// interleavings, with the faults of their seeds.
#include "on_executors.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <ostream>
#include <percore/mesh.hpp>
#include <percore/shards.hpp>
#include <percore/sim.hpp>
#include <string>
#include <vector>

using namespace percore;

namespace {

// A token goes round the members, and each adds its number to it, and keeps it for `pause`.
Task<> pass_round(Mesh<std::unique_ptr<int>> mesh, std::size_t number, std::size_t members,
                  int rounds, int& sum, Time pause = {}) {
  auto joined = co_await mesh.join(number);
  REQUIRE(joined.has_value());
  SharedSender<std::unique_ptr<int>>& next = joined->sender((number + 1) % members);
  SharedReceiver<std::unique_ptr<int>>& last = joined->receiver((number + members - 1) % members);
  if (number == 0) {
    const auto begun = co_await next.send(std::make_unique<int>(0));
    REQUIRE(begun.has_value());
  }
  for (int round = 0; round < rounds; ++round) {
    auto token = co_await last.receive();
    REQUIRE(token.has_value());
    **token += static_cast<int>(number);
    if (number == 0) sum = **token;
    if (number == 0 && round + 1 == rounds) break;
    for (const Time end = now() + pause; now() < end;) cpu_relax();
    const auto sent = co_await next.send(*std::move(token));
    REQUIRE(sent.has_value());
  }
}

// More than fits, from one to the other, both ways at once, and calls beside it.
Task<> talk(Mesh<int> mesh, Shards& shards, std::size_t number, int count, int& received) {
  auto joined = co_await mesh.join(number);
  REQUIRE(joined.has_value());
  auto linked = co_await shards.join(number);
  REQUIRE(linked.has_value());
  const auto send_all = [](SharedSender<int>& sender, int values) -> Task<> {
    for (int value = 0; value < values; ++value) {
      const auto sent = co_await sender.send(value);
      REQUIRE(sent.has_value());
    }
    sender.close();
  };
  auto sending = spawn(send_all(joined->sender(1 - number), count));
  auto ask = [number] { return static_cast<int>(number) + 40; };
  const int answer = co_await linked->submit_to(1 - number, ask);
  CHECK(answer == static_cast<int>(number) + 40);
  for (;;) {
    const auto value = co_await joined->receiver(1 - number).receive();
    if (!value) break;
    REQUIRE(*value == received);
    ++received;
  }
  co_await sending;
  co_await linked->leave();
}

template <typename Run>
void over_seeds(std::uint64_t seeds, Run run) {
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    CAPTURE(seed);
    std::string broken;
    sim::set_violation_handler(
        [](const sim::Violation& violation, void* context) {
          *static_cast<std::string*>(context) += violation.sentence + "\n" + violation.history;
        },
        &broken);
    std::uint64_t hashes[2] = {};
    for (std::uint64_t& hash : hashes) {
      sim::begin(seed % 2 == 0 ? sim::gentle(seed) : sim::rough(seed));
      run();
      const bool whole = sim::end();
      CHECK_MESSAGE(whole, broken);
      hash = sim::trace_hash();
      if (!whole) break;
    }
    sim::set_violation_handler(nullptr);
    CHECK(hashes[0] == hashes[1]);
    if (!broken.empty()) return;
  }
}

}  // namespace

TEST_CASE("a token goes round a mesh, whatever the interleaving") {
  over_seeds(100, [] {
    constexpr std::size_t members = 3;
    constexpr int rounds = 3;
    Mesh<std::unique_ptr<int>> mesh(members, 1);
    int sum = 0;
    on_executors(members, [&](std::size_t number) {
      return pass_round(mesh, number, members, rounds, sum);
    });
    CHECK(sum == 3 * rounds);
  });
}

// Who spins meets no kernel. Who is asleep is woken by one write to its eventfd (by whoever sends),
// which ends the read of it that was in flight, and then sleeps again, with the next read: an enter
// and an operation a hop. Neither depends on how many members are silent.
TEST_CASE("a hop costs as many system calls among 2 members as among 32") {
  const auto counts_of = [](std::size_t members, int rounds, Time pause) {
    sim::begin(sim::Options{});
    {
      Mesh<std::unique_ptr<int>> mesh(members, 1);
      int sum = 0;
      on_executors(members, [&](std::size_t number) {
        return pass_round(mesh, number, members, rounds, sum, pause);
      });
    }
    CHECK(sim::end());
    return sim::counts();
  };
  constexpr Time longer_than_a_spin{30'000};
  for (const std::size_t members : {2, 8, 32}) {
    CAPTURE(members);
    const sim::Counts fewer = counts_of(members, 2, longer_than_a_spin);
    const sim::Counts more = counts_of(members, 4, longer_than_a_spin);
    const std::uint64_t hops = 2 * members;
    CHECK(more.enters - fewer.enters == hops);
    CHECK(more.submitted - fewer.submitted == hops);
  }
  const sim::Counts fewer = counts_of(2, 10, {});
  const sim::Counts more = counts_of(2, 20, {});
  CHECK(more.enters == fewer.enters);
}

TEST_CASE("two executors send one another more than fits, and call one another") {
  over_seeds(100, [] {
    constexpr int count = 7;
    Mesh<int> mesh(2, 2);
    Shards shards(2, 1);
    int received[2] = {};
    on_executors(
        2, [&](std::size_t number) { return talk(mesh, shards, number, count, received[number]); });
    CHECK(received[0] == count);
    CHECK(received[1] == count);
  });
}
