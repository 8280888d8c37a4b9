// The flavour of check programs linked with liburing: one run on the kernel, nothing simulated,
// nothing counted.

#include "harness.hpp"

namespace percore::check {

bool flavour_simulated() noexcept {
  return false;
}
void flavour_begin() {}
void flavour_end() {}
State::Counted flavour_counts() noexcept {
  return {};
}
std::uint64_t flavour_faults() noexcept {
  return 0;
}
const char* flavour_explain(const void*) noexcept {
  return nullptr;
}
std::int64_t live_allocations() noexcept {
  return 0;
}

}  // namespace percore::check
