// Lesson 05's goal: a ring of tokens over all cores, and then everybody sends to everybody.
#include <command_line.hpp>
#include <percore/mesh.hpp>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "parts/measure.hpp"
#include "parts/members.hpp"
#include "parts/queue_pain.hpp"
#include "parts/token_ring.hpp"
#include "parts/waking.hpp"
#include "parts/who_to_whom.hpp"

namespace {

using lesson::Traffic;
using percore::JoinHandle;
using percore::Mesh;
using percore::MeshMember;
using percore::Result;
using percore::Task;
using percore::Time;

Task<> send_to(percore::SharedSender<std::uint32_t>& sender, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto sent = co_await sender.send(static_cast<std::uint32_t>(i));
    if (!sent) break;
  }
  sender.close();
}
Task<> receive_from(percore::SharedReceiver<std::uint32_t>& receiver, std::uint64_t& received) {
  for (;;) {
    const auto value = co_await receiver.receive();
    if (!value) break;
    ++received;
  }
}

// A table of more columns is wider than a terminal: then the shades stand alone.
constexpr std::size_t table_members_max = 16;

/// Sends to all, and counts what comes from each. Each member writes its own column.
Task<> to_everybody(Mesh<std::uint32_t> mesh, std::size_t number, std::uint64_t messages,
                    Traffic& traffic) {
  Result<MeshMember<std::uint32_t>> joined = co_await mesh.join(number);
  if (!joined) co_return;
  std::vector<JoinHandle<void>> handles;
  for (std::size_t other = 0; other < joined->members(); ++other) {
    if (other == number) continue;
    // To the next one most, and less the farther it is.
    const std::size_t distance = (other + joined->members() - number) % joined->members();
    handles.push_back(spawn(send_to(joined->sender(other), messages / distance)));
    handles.push_back(spawn(receive_from(joined->receiver(other), traffic[number][other])));
  }
  for (auto& handle : handles) co_await handle;
}

void show_all_to_all(std::size_t members, std::uint64_t messages, const std::string& svg) {
  Mesh<std::uint32_t> mesh(members, 1024);
  Traffic by_receiver(members, std::vector<std::uint64_t>(members));
  const Time took = lesson::run_members(members, [&](percore::Shard& shard) {
    return to_everybody(mesh, shard.number(), messages, by_receiver);
  });
  Traffic traffic = by_receiver;
  std::uint64_t all = 0;
  for (std::size_t from = 0; from < members; ++from)
    for (std::size_t to = 0; to < members; ++to) all += traffic[from][to] = by_receiver[to][from];
  fmt::print("everybody to everybody: {} messages, {:.0f} ns each\n\n", all,
             lesson::nanoseconds_each(took, all));
  if (members <= table_members_max) fmt::print("{}\n", lesson::as_table(traffic));
  fmt::print("{}", lesson::as_shades(traffic));
  if (svg.empty()) return;
  percore::lesson::write_drawing(svg, lesson::as_svg(traffic));
  fmt::print("\n{} shows the same as a drawing\n", svg);
}

}  // namespace

int main(int argc, char** argv) {
  percore::lesson::CommandLine line("A mesh of executors: a ring of tokens, then all to all.",
                                    "mesh");
  std::size_t members = lesson::members_of_this_machine();
  std::uint64_t messages = 100'000;
  std::string svg;
  std::string mistake;
  bool pain = false;
  bool waking = false;
  line.number("--members", members, lesson::members_min, lesson::members_max,
              "executors; by default one for each CPU, pinned to it");
  line.number("--messages", messages, 1, 100'000'000, "from each member to the next one");
  line.text("--svg", svg, "a file for a drawing of who sent what to whom");
  line.flag("--pain", pain, "sitting 1: what a value costs from thread to thread");
  line.flag("--waking", waking, "sitting 2: what it costs to wake another core");
  line.sabotage(mistake,
                {{"false-sharing", "all counts of a queue lie in one cache line"},
                 {"lost-wakeup", "the sender looks at the flag before its message is seen"},
                 {"ring-each", "the eventfd is written for each message, asleep or not"}});
  if (const auto status = line.parse(argc, argv)) return *status;
  if (pain) {
    lesson::show_queues();
  } else if (waking) {
    lesson::show_waking();
  } else if (mistake == "false-sharing") {
    lesson::false_sharing();
  } else if (mistake == "lost-wakeup") {
    lesson::lost_wakeup();
  } else if (mistake == "ring-each") {
    lesson::ring_for_each();
  } else {
    lesson::show_ring(members, 16, 1'000);
    fmt::print("\n");
    show_all_to_all(members, messages, svg);
  }
}
