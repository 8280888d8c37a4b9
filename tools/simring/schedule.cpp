// The seed: how long an operation takes and what goes wrong. Each fault has a number, so that a
// failing run can be shrunk: suppressing one leaves every other draw as it was.

#include <algorithm>

#include "state.hpp"

namespace percore::sim {

Options gentle(std::uint64_t seed) {
  Options options;
  options.seed = seed;
  Random random{seed ^ 0x6E71E};
  options.inline_percent = static_cast<unsigned>(random.below(4)) * 30;
  return options;
}

Options rough(std::uint64_t seed) {
  Options options = gentle(seed);
  Random random{seed ^ 0x20064};
  const auto strength =
      [&] {  // swarm testing: half of the runs have none of a kind, and show the others better
        return random.percent(50) ? 0u : static_cast<unsigned>(5 + random.below(36));
      };
  options.short_results_percent = strength();
  options.again_results_percent = strength() / 2;
  options.interrupted_results_percent = strength() / 2;
  options.interrupted_waits_percent = strength();
  options.refused_enters_percent = strength() / 2;
  options.short_submits_percent = strength();
  if (random.percent(30)) options.sq_entries_max = 1u << (1 + random.below(3));
  if (random.percent(30)) options.cq_entries_max = 1u << (1 + random.below(3));
  return options;
}

Nanoseconds draw_delay() {
  Session& now = session();
  const auto longest =
      static_cast<std::uint64_t>(std::max<Nanoseconds>(now.options.delay_nanoseconds_max, 1));
  const std::uint64_t scale =
      now.random.below(4);  // completions of one batch mix with those of the next
  const std::uint64_t bound = scale == 0   ? longest
                              : scale == 1 ? longest / 8 + 1
                                           : longest / 64 + 1;
  return static_cast<Nanoseconds>(1 + now.random.below(bound));
}

bool fault_happens(unsigned percent) {
  Session& now = session();
  if (percent == 0 || !now.random.percent(percent)) return false;
  const std::uint64_t number = ++now.counts.faults;
  if (number > now.options.fault_limit) return false;
  const auto& suppressed = now.options.suppressed_faults;
  return std::find(suppressed.begin(), suppressed.end(), number) == suppressed.end();
}

void draw_faults(Operation& operation) {
  Session& now = session();
  operation.delay = draw_delay();
  if (now.random.percent(now.options.inline_percent) && (operation.sqe.flags & IOSQE_ASYNC) == 0)
    operation.delay = 0;
  if (operation.opcode->draw != nullptr) operation.opcode->draw(operation);
  const auto scripted = std::find_if(now.script.begin(), now.script.end(), [&](const Fault& fault) {
    return fault.operation == operation.id;
  });
  if (scripted == now.script.end()) return;
  if (scripted->result != 0) operation.fault_result = scripted->result;
  if (scripted->bytes_max != 0) operation.bytes_max = scripted->bytes_max;
  if (scripted->delay_nanoseconds >= 0) operation.delay = scripted->delay_nanoseconds;
  now.script.erase(scripted);
}

Fault* scripted_enter() {
  Session& now = session();
  for (Fault& fault : now.script) {
    if (fault.enter == now.counts.enters) return &fault;
  }
  return nullptr;
}

Nanoseconds to_nanoseconds(const __kernel_timespec& time) {
  constexpr Nanoseconds limit = std::numeric_limits<Nanoseconds>::max() / 4;
  if (time.tv_sec > limit / 1'000'000'000)
    return limit;  // "for ever" is often spelt as the largest second
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

std::int64_t time_nanoseconds() noexcept {
  const std::lock_guard lock(mutex());
  return session().clock;
}

void advance(std::int64_t nanoseconds) {
  const Call call(nanoseconds);
}

}  // namespace percore::sim
