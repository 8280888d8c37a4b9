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
  constexpr unsigned preemptions[] = {1, 5, 20, 50};  // few switches find other things than many
  options.preemption_percent = preemptions[random.below(4)];
  options.watch_descriptors = true;
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
  if (random.percent(25)) options.stalled_cores_percent = static_cast<unsigned>(random.below(10));
  options.connection_resets_percent = strength() / 4;
  options.no_buffers_percent = strength() / 2;
  options.multishot_ends_percent = strength();
  options.late_notifications_percent = strength();
  options.lost_packets_percent = strength() / 2;
  options.broken_links_percent = strength() / 4;
  options.sync_error_percent = strength() / 4;
  options.too_many_files_percent = strength() / 4;
  options.no_space_percent = strength() / 4;
  if (random.percent(15)) options.clock_jumps_percent = static_cast<unsigned>(1 + random.below(5));
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

namespace {

// The place of the next draw. Draws for one enter, or for one operation, follow one another.
std::uint64_t next_place() {
  Session& now = session();
  const std::uint64_t of =
      (now.drawing_for != 0 ? now.drawing_for * 2 + 1 : now.counts.enters * 2) * FAULT_PLACE_DRAWS;
  const bool again = now.fault_place / FAULT_PLACE_DRAWS == of / FAULT_PLACE_DRAWS;
  now.fault_place = again ? std::min(now.fault_place + 1, of + FAULT_PLACE_LEAST - 1) : of + 1;
  return now.fault_place;
}

}  // namespace

bool fault_happens(unsigned percent) {
  Session& now = session();
  return fault_strikes(percent != 0 && now.random.percent(percent));
}

bool fault_strikes(bool drawn) {
  Session& now = session();
  const std::uint64_t place = next_place();
  const auto& only = now.options.only_faults;
  const auto chose = [&](std::uint64_t wanted) {
    return only && std::binary_search(only->begin(), only->end(), wanted);
  };
  now.fault_is_least = chose(place + FAULT_PLACE_LEAST);
  const bool chosen = now.fault_is_least || chose(place);
  if (only ? !chosen : !drawn) return false;
  const std::uint64_t number = ++now.counts.faults;
  const auto& suppressed = now.options.suppressed_faults;
  if (number > now.options.fault_limit ||
      std::find(suppressed.begin(), suppressed.end(), number) != suppressed.end())
    return false;
  enter_fault(now.fault_is_least ? place + FAULT_PLACE_LEAST : place);
  return true;
}

std::uint64_t draw_amount(std::uint64_t most) {
  const std::uint64_t drawn = 1 + session().random.below(most);
  return session().fault_is_least ? 1 : drawn;
}

void enter_fault(std::uint64_t place) {
  Ledger* const ledger = session().ledger;
  if (ledger == nullptr) return;
  if (ledger->faults < LEDGER_ENTRIES_MAX)
    ledger->fault[ledger->faults] = {.place = place,
                                     .enter = session().counts.enters,
                                     .operation = 0,
                                     .result = 0,
                                     .reserved = 0};
  ++ledger->faults;
}

void describe_faults(std::uint64_t first, Id operation, std::int64_t result) {
  Ledger* const ledger = session().ledger;
  if (ledger == nullptr) return;
  const std::uint64_t end = std::min<std::uint64_t>(ledger->faults, LEDGER_ENTRIES_MAX);
  for (std::uint64_t i = first; i < end; ++i) {
    ledger->fault[i].operation = operation;
    ledger->fault[i].result = static_cast<std::int32_t>(std::min<std::int64_t>(result, INT32_MAX));
  }
}

namespace {

// With vectors or registered buffers, it is the same kind of operation.
int kind_of(unsigned opcode) {
  switch (opcode) {
    case IORING_OP_READ_FIXED:
    case IORING_OP_READV:
      return IORING_OP_READ;
    case IORING_OP_WRITE_FIXED:
    case IORING_OP_WRITEV:
      return IORING_OP_WRITE;
    case IORING_OP_OPENAT2:
      return IORING_OP_OPENAT;
    default:
      return static_cast<int>(opcode);
  }
}

bool strikes(const Fault& fault, const Operation& operation) {
  if (fault.operation != 0) return fault.operation == operation.id;
  if (fault.opcode < 0 ||
      kind_of(static_cast<unsigned>(fault.opcode)) != kind_of(operation.sqe.opcode))
    return false;
  const auto byte = static_cast<std::uint64_t>(fault.byte);
  return fault.byte < 0 ||
         (byte >= operation.sqe.off && byte - operation.sqe.off < operation.length);
}

}  // namespace

void draw_faults(Operation& operation) {
  Session& now = session();
  operation.delay = draw_delay();
  if (now.random.percent(now.options.inline_percent) && (operation.sqe.flags & IOSQE_ASYNC) == 0)
    operation.delay = 0;
  const std::uint64_t before = now.ledger == nullptr ? 0 : now.ledger->faults;
  const auto describe = [&] {
    describe_faults(before, operation.id,
                    operation.fault_result != 0 ? operation.fault_result
                                                : static_cast<std::int64_t>(operation.bytes_max));
  };
  now.drawing_for = operation.id;
  if (operation.opcode->draw != nullptr) operation.opcode->draw(operation);
  const bool linked = (operation.sqe.flags & IOSQE_IO_LINK) != 0;
  if (linked && operation.opcode->draw != nullptr && now.options.broken_links_percent != 0 &&
      fault_happens(now.options.broken_links_percent))
    operation.fault_result = -EINTR;
  now.drawing_for = 0;
  describe();
  const auto scripted = std::ranges::find_if(
      now.script, [&](const Fault& fault) { return strikes(fault, operation); });
  if (scripted == now.script.end()) return;
  if (scripted->result != 0) operation.fault_result = scripted->result;
  if (scripted->bytes_max != 0) operation.bytes_max = scripted->bytes_max;
  if (scripted->delay_nanoseconds >= 0) operation.delay = scripted->delay_nanoseconds;
  if (scripted->result != 0 || scripted->bytes_max != 0) enter_fault(0);
  describe();
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
