#include "token_ring.hpp"

#include <memory>
#include <percore/mark.hpp>
#include <percore/mesh.hpp>
#include <string>

#include <fmt/core.h>

#include "measure.hpp"
#include "members.hpp"

namespace lesson {
namespace {

using percore::Mesh;
using percore::MeshMember;
using percore::Result;
using percore::Task;

/// A message: who has touched it. It can only be moved, so it is in one place at a time.
struct Token {
  std::unique_ptr<std::uint64_t> hops;
  unsigned number = 0;
};

struct Round {
  std::size_t members;
  unsigned tokens;
  unsigned rounds;
};

/// Puts the tokens in.
Task<> begin_round(percore::SharedSender<Token>& next, unsigned tokens, const char* way) {
  for (unsigned number = 1; number <= tokens; ++number) {
    const percore::Span on_its_way(way, number);
    const auto sent = co_await next.send(Token{std::make_unique<std::uint64_t>(1), number});
    if (!sent) co_return;
  }
}

/// Passes on what comes from the member before it; member 0 puts the tokens in and takes them out.
Task<> pass_round(Mesh<Token> mesh, std::size_t number, Round round, std::uint64_t& hops) {
  Result<MeshMember<Token>> joined = co_await mesh.join(number);
  if (!joined) co_return;
  auto& before = joined->receiver((number + round.members - 1) % round.members);
  const std::size_t next_number = (number + 1) % round.members;
  auto& next = joined->sender(next_number);
  const std::string way = fmt::format("member {} to {}, token", number, next_number);
  if (number == 0) co_await begin_round(next, round.tokens, way.c_str());
  for (unsigned left = round.tokens * round.rounds; left != 0; --left) {
    std::optional<Token> token = co_await before.receive();
    if (!token) break;
    if (number == 0 && left <= round.tokens) {  // its last round
      hops += *token->hops;
      continue;
    }
    ++*token->hops;
    const percore::Span on_its_way(way.c_str(), token->number);  // a lane where the run is drawn
    const auto sent = co_await next.send(*std::move(token));
    if (!sent) break;
  }
}

}  // namespace

void show_ring(std::size_t members, unsigned tokens, unsigned rounds) {
  const Round round{members, tokens, rounds};
  Mesh<Token> mesh(members, 64);
  std::uint64_t hops = 0;
  const percore::Time took = run_members(members, [&](percore::Shard& shard) {
    return pass_round(mesh, shard.number(), round, hops);
  });
  fmt::print("{} tokens went {} times round {} {}: {} hops, {:.0f} ns each\n", tokens, rounds,
             members, name_of(members), hops, nanoseconds_each(took, hops));
}

}  // namespace lesson
