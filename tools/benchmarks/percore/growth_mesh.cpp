// How the cost of a mesh grows on percore: `growth_mesh WHAT N` measures one point of a curve, for
// N members, on one executor. tools/bench growth draws it; bench_percore_silence has the same
// message on a thread for each member.
//   mesh N          instructions of a message and its answer, and of a turn in which nothing comes,
//                   of a member with a channel to and from each of the N - 1 others, where one of
//                   them speaks
//   mesh_made N     to make a full mesh, have all join and destroy it: a channel
//   mesh_memory N   what a full mesh keeps allocated: a channel, and in all
#include <malloc.h>
#include <count_instructions.hpp>
#include <measure.hpp>

#include <optional>
#include <percore/mesh.hpp>
#include <vector>

namespace {

using percore::Executor;
using percore::ExecutorOptions;
using percore::JoinHandle;
using percore::Mesh;
using percore::MeshRole;
using percore::Result;
using percore::Task;
using Member = percore::MeshMember<std::uint64_t>;

constexpr std::size_t capacity = 64;
constexpr std::size_t hub = 0;
constexpr std::size_t speaker = 1;

/// All members of a mesh, which join on this executor.
Task<std::vector<Member>> join_all(std::size_t members, MeshRole of_hub, MeshRole of_others) {
  Mesh<std::uint64_t> mesh(members, capacity);
  std::vector<JoinHandle<Result<Member>>> joining;
  for (std::size_t number = 0; number < members; ++number)
    joining.push_back(spawn(mesh.join(number, number == hub ? of_hub : of_others)));
  std::vector<Member> out;
  for (auto& one : joining) {
    Result<Member> member = co_await one;
    bench::check_sum(member.has_value(), true);
    out.push_back(std::move(*member));
  }
  co_return out;
}

Task<> listens(percore::SharedReceiver<std::uint64_t>& receiver) {
  const auto value = co_await receiver.receive();
  bench::check_sum(value.has_value(), false);  // a silent peer says nothing
}

Task<> answers(Member& in, Member& out) {
  for (;;) {
    const auto value = co_await in.receiver(speaker).receive();
    if (!value) break;
    const auto sent = co_await out.sender(speaker).send(*value);
    if (!sent) break;
  }
}

Task<std::uint64_t> asks(Member& out, Member& in, std::size_t times) {
  std::uint64_t answered = 0;
  for (std::size_t i = 0; i < times; ++i) {
    const auto sent = co_await out.sender(hub).send(i);
    const auto answer = co_await in.receiver(hub).receive();
    answered += sent && answer ? 1 : 0;
  }
  co_return answered;
}

Task<std::uint64_t> yield_times(std::size_t times) {
  for (std::size_t i = 0; i < times; ++i) co_await percore::yield();
  co_return times;
}

enum class Work { messages, turns };

// What the hub has in a full mesh: both ends with every other member. The others have none among
// themselves, which it could not see.
struct Star {
  std::vector<Member> to_hub;
  std::vector<Member> from_hub;
};

Task<> joins(std::size_t members, Star& star) {
  star.to_hub = co_await join_all(members, MeshRole::receives, MeshRole::sends);
  star.from_hub = co_await join_all(members, MeshRole::sends, MeshRole::receives);
  for (std::size_t peer = speaker + 1; peer < members; ++peer) {
    const auto sent = co_await star.from_hub[hub].sender(peer).send(0);  // so that it has an inbox
    bench::check_sum(sent.has_value(), true);
  }
}

// Who waits when the root has ended sees that the executor ends.
Task<std::uint64_t> works(Star& star, Work work, std::size_t times) {
  for (std::size_t peer = speaker + 1; peer < star.to_hub.size(); ++peer)
    spawn(listens(star.to_hub[hub].receiver(peer)));
  spawn(answers(star.to_hub[hub], star.from_hub[hub]));
  if (work == Work::messages) {
    const auto answered = co_await asks(star.to_hub[speaker], star.from_hub[speaker], times);
    co_return answered;
  }
  auto first = spawn(yield_times(times / 2));
  auto second = spawn(yield_times(times / 2));
  const std::uint64_t of_first = co_await first;
  const std::uint64_t of_second = co_await second;
  co_return of_first + of_second;
}

// What a run of more operations takes beyond a run of fewer: what happens once falls out.
double instructions_an_operation(std::size_t members, Work work, const ExecutorOptions& options) {
  constexpr std::size_t fewer = 16;
  constexpr std::size_t more = 80;
  const auto count = [&](std::size_t times) {
    // The ring belongs to the thread that opens it, so the executor is made in the child.
    std::optional<Executor> executor;
    Star star;
    const auto runs = [&](std::size_t operations) {
      bench::check_sum(executor->run(works(star, work, operations)), operations);
    };
    const auto prepare = [&] {
      executor.emplace(options);
      executor->run(joins(members, star));
      runs(more);
    };
    const auto counted = percore::observe::count_instructions(prepare, [&] { runs(times); });
    if (!counted.counted()) {
      std::fprintf(stderr, "instructions could not be counted: %s\n", counted.problem.c_str());
      std::exit(3);
    }
    return static_cast<double>(counted.instructions);
  };
  return (count(more) - count(fewer)) / static_cast<double>(more - fewer);
}

double channels_among(std::size_t members) {
  return static_cast<double>(members * (members - 1));
}

Task<double> measure_making(std::size_t members) {
  const auto channels = static_cast<std::size_t>(channels_among(members));
  const std::size_t times = std::max<std::size_t>(1, 2'000 / channels);
  bench::RoundTimer timer(times * channels);
  while (timer.next()) {
    for (std::size_t i = 0; i < times; ++i) {
      const auto all = co_await join_all(members, MeshRole::both, MeshRole::both);
      bench::check_sum(all.size(), members);
    }
  }
  co_return timer.median_ns();
}

// What malloc has given out, in the heap and in mappings of their own (mallinfo(3)).
double allocated_bytes() {
  const auto info = mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd);
}

// malloc counts as given out what its cache of freed blocks holds, so a first mesh stays while the
// second is made: before and after, the cache then holds the same.
Task<double> measure_memory(std::size_t members) {
  const auto first = co_await join_all(members, MeshRole::both, MeshRole::both);
  const double before = allocated_bytes();
  const auto second = co_await join_all(members, MeshRole::both, MeshRole::both);
  const double bytes = allocated_bytes() - before;
  bench::check_sum(first.size() + second.size(), 2 * members);
  co_return bytes;
}

}  // namespace

int main(int argument_count, char** arguments) {
  const std::string what = argument_count > 2 ? arguments[1] : "";
  const std::size_t members =
      argument_count > 2 ? std::strtoull(arguments[2], nullptr, 10) : std::size_t{0};
  if (what == "mesh" && members >= 2) {
    // One resume a turn, so that each yield is a turn.
    const double message = instructions_an_operation(members, Work::messages, {});
    const double turn =
        instructions_an_operation(members, Work::turns, {.ring = {}, .resumes_per_turn_max = 1});
    bench::print_json(
        {{"mesh_message", message, "instructions"}, {"mesh_turn", turn, "instructions"}});
  } else if (what == "mesh_made" && members >= 2) {
    bench::print_json({{"mesh_made", Executor().run(measure_making(members)), "ns"}});
  } else if (what == "mesh_memory" && members >= 2) {
    const double bytes = Executor().run(measure_memory(members));
    bench::print_json(
        {{"mesh_channel_bytes", bytes / channels_among(members), "B"}, {"mesh_bytes", bytes, "B"}});
  } else {
    bench::unknown_suite("growth_mesh", what.c_str(),
                         "mesh N, mesh_made N, mesh_memory N (N from 2)");
  }
}
