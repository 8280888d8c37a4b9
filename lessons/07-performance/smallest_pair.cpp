// The smallest comparison worth its name: in turn, warm, medians, and the spread beside the gain.
#include <fmt/core.h>

#include <algorithm>
#include <percore/clock.hpp>
#include <percore/frame_pool.hpp>
#include <vector>

template <typename Take, typename GiveBack>
double ns_each(Take take, GiveBack give_back) {
  static void* frames[1'000];
  const percore::Time began = percore::now();
  for (void*& frame : frames) frame = take(96);
  for (void* frame : frames) give_back(frame, 96);
  return static_cast<double>((percore::now() - began).nanoseconds) / 1'000;
}

int main() {
  std::vector<double> of_malloc, of_pool, gain;
  for (int round = 0; round < 203; ++round) {
    const double a = ns_each([](std::size_t n) { return ::operator new(n); },
                             [](void* p, std::size_t n) { ::operator delete(p, n); });
    const double b = ns_each(percore::allocate_frame, percore::free_frame);
    if (round < 3) continue;  // they find cold caches and an empty pool
    of_malloc.push_back(a);
    of_pool.push_back(b);
    gain.push_back(a - b);  // of the same moment
  }
  for (auto* figures : {&of_malloc, &of_pool, &gain}) std::ranges::sort(*figures);
  const auto show = [](const char* what, const std::vector<double>& sorted) {
    fmt::print("{:<26}{:>7.1f} ns  (quartiles {:.1f} to {:.1f})\n", what, sorted[100], sorted[50],
               sorted[150]);
  };
  show("operator new and delete", of_malloc);
  show("the frame pool", of_pool);
  show("gained, round by round", gain);
}
