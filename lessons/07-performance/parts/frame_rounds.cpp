#include "frame_rounds.hpp"

#include <array>
#include <new>
#include <percore/clock.hpp>
#include <percore/frame_pool.hpp>

namespace lesson {
namespace {

constexpr std::size_t frames_a_round = 1'000;
constexpr std::size_t frame_bytes = 96;
constexpr unsigned warm_up_rounds = 5;

std::array<void*, frames_a_round> frames;

}  // namespace

Side from_operator_new() {
  return {"operator new and delete", [](std::size_t bytes) { return ::operator new(bytes); },
          [](void* frame, std::size_t bytes) { ::operator delete(frame, bytes); }};
}

Side from_the_pool() {
  return {"the frame pool", [](std::size_t bytes) { return percore::allocate_frame(bytes); },
          [](void* frame, std::size_t bytes) { percore::free_frame(frame, bytes); }};
}

double one_round(const Side& side) {
  const percore::Time began = percore::now();
  for (void*& frame : frames) frame = side.take(frame_bytes);
  for (void* frame : frames) side.give_back(frame, frame_bytes);
  return static_cast<double>((percore::now() - began).nanoseconds) / frames_a_round;
}

std::vector<double> Pairs::gains() const {
  std::vector<double> out;
  for (std::size_t i = 0; i < a.size(); ++i) out.push_back(a[i] - b[i]);
  return out;
}

Pairs measure_in_turn(const Side& a, const Side& b, unsigned rounds) {
  Pairs pairs;
  for (unsigned i = 0; i < warm_up_rounds; ++i) {
    one_round(a);
    one_round(b);
  }
  for (unsigned i = 0; i < rounds; ++i) {
    const bool a_first = i % 2 == 0;
    if (a_first) pairs.a.push_back(one_round(a));
    pairs.b.push_back(one_round(b));
    if (!a_first) pairs.a.push_back(one_round(a));
  }
  return pairs;
}

}  // namespace lesson
