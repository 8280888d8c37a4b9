// Random small programs: the explorer finds the outcomes that the standard's axioms allow, all of
// them and no other.

#include "axioms.hpp"
#include "sanitized.hpp"

#include <percore/atomic.hpp>
#include <percore/explore.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <cstdlib>

using namespace percore;
namespace explore = percore::explore;

namespace {

using Kind = Instruction::Kind;
constexpr unsigned LOCATIONS = 2;

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : state_(seed * 2862933555777941757U + 3037000493U) {}
  std::size_t below(std::size_t bound) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return static_cast<std::size_t>(state_ >> 33) % bound;
  }
  template <std::size_t N>
  std::memory_order of(const std::array<std::memory_order, N>& orders) {
    return orders[below(N)];
  }

 private:
  std::uint64_t state_;
};

Instruction draw_instruction(Draw& draw, unsigned value) {
  using enum std::memory_order;
  Instruction out{.kind = Kind::load, .location = static_cast<unsigned>(draw.below(LOCATIONS))};
  switch (draw.below(8)) {
    case 0:
    case 1:
    case 2:
      out.order = draw.of<3>({relaxed, acquire, seq_cst});
      break;
    case 3:
    case 4:
    case 5:
      out.kind = Kind::store;
      out.value = value;
      out.order = draw.of<3>({relaxed, release, seq_cst});
      break;
    case 6:
      out.kind = Kind::exchange;
      out.value = value;
      out.order = draw.of<5>({relaxed, acquire, release, acq_rel, seq_cst});
      break;
    default:
      out.kind = Kind::fence;
      out.order = draw.of<5>({acquire, release, acq_rel, seq_cst, seq_cst});
  }
  return out;
}

Program draw_program(std::uint64_t seed) {
  Draw draw(seed);
  Program out(2 + draw.below(2));
  unsigned value = 0;
  const std::size_t longest = out.size() == 2 ? 4 : 3;
  std::size_t left = 8;
  for (auto& thread : out) {
    const std::size_t length = std::min(left, 1 + draw.below(longest));
    left -= length;
    for (std::size_t i = 0; i < length; ++i) thread.push_back(draw_instruction(draw, ++value));
  }
  return out;
}

std::set<ProgramOutcome> explored(const Program& program) {
  std::set<ProgramOutcome> out;
  const auto result =
      explore::explore({.preemptions = explore::Options::ALL}, [&](explore::Threads& threads) {
        std::array<atomic<unsigned>, LOCATIONS> at{};
        std::array<ProgramOutcome, 3> read;
        for (std::size_t i = 0; i < program.size(); ++i)
          threads.spawn("T", [&, i] {
            for (const Instruction& it : program[i]) {
              if (it.kind == Kind::load) read[i].push_back(at[it.location].load(it.order));
              if (it.kind == Kind::store) at[it.location].store(it.value, it.order);
              if (it.kind == Kind::exchange)
                read[i].push_back(at[it.location].exchange(it.value, it.order));
              if (it.kind == Kind::fence) atomic_thread_fence(it.order);
            }
          });
        threads.run();
        ProgramOutcome outcome;
        for (const auto& of_thread : read)
          outcome.insert(outcome.end(), of_thread.begin(), of_thread.end());
        for (const auto& location : at) outcome.push_back(location.load());
        out.insert(std::move(outcome));
      });
  REQUIRE(result.passed());
  REQUIRE(result.every_schedule);
  return out;
}

}  // namespace

TEST_CASE("random programs have the outcomes that the axioms allow, no more and no fewer") {
  // PERCORE_EXPLORE_PROGRAMS=100000 tries more.
  const char* wish = std::getenv("PERCORE_EXPLORE_PROGRAMS");
  const std::uint64_t programs = wish != nullptr  ? std::strtoull(wish, nullptr, 10)
                                 : SANITIZED != 0 ? 200
                                                  : 2'000;
  std::size_t outcomes = 0;
  for (std::uint64_t seed = 0; seed < programs; ++seed) {
    const Program program = draw_program(seed);
    const auto allowed = allowed_by_axioms(program, LOCATIONS);
    outcomes += allowed.size();
    const bool same = explored(program) == allowed;
    REQUIRE_MESSAGE(same, "seed ", seed, "\n", words(program));
  }
  MESSAGE(programs, " programs, ", outcomes, " outcomes");
}
