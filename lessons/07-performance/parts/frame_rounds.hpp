#pragma once

#include <cstddef>
#include <vector>

namespace lesson {

/// One of the two that are compared: memory for frames, from somewhere.
struct Side {
  const char* name;
  void* (*take)(std::size_t size_bytes);
  void (*give_back)(void* frame, std::size_t size_bytes);
};

Side from_operator_new();
Side from_the_pool();

/// Takes a thousand frames, then gives all back. Returns nanoseconds a frame.
double one_round(const Side& side);

/// The rounds of a comparison: a[i] and b[i] are of the same moment.
struct Pairs {
  std::vector<double> a, b;
  std::vector<double> gains() const;  // a[i] - b[i]
};

/// Warms both up, then `rounds` pairs, the other one first each time.
Pairs measure_in_turn(const Side& a, const Side& b, unsigned rounds);

}  // namespace lesson
