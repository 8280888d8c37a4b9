// The flavour of check programs linked with liburing: one run on the kernel, nothing simulated,
// nothing counted.

#include "harness.hpp"

#include <fmt/format.h>
#include <liburing.h>
#include <percore/check_liburing.hpp>

#include <cstring>

namespace percore::check {

bool flavour_simulated() noexcept {
  return false;
}

// Where the kernel gives no ring at all (a container, a sysctl) that is not the learner's mistake.
void flavour_listen() {}

void flavour_begin() {
  io_uring ring;
  const int result = io_uring_queue_init(4, &ring, 0);
  if (result < 0)
    report_skipped(
        fmt::format("the kernel gives no ring here ({}); `./tools/percore doctor` says why",
                    std::strerror(-result)));
  io_uring_queue_exit(&ring);
}

void flavour_end() {}
void flavour_mark_outside() noexcept {}
State::Counted flavour_counts() noexcept {
  return {};
}
void completions_released(io_uring&) noexcept {}
const char* flavour_explain(const void*) noexcept {
  return nullptr;
}
const char* flavour_explain_value(std::uint64_t) noexcept {
  return nullptr;
}
std::int64_t live_allocations() noexcept {
  return 0;
}

}  // namespace percore::check
