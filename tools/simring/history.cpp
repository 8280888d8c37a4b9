// The record of a run, its hash, and its words.

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "baton.hpp"

namespace percore::sim {

namespace {

void mix(std::uint64_t& hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15u ^ (hash >> 31);
}

// Results that a learner knows by name.
std::string result_text(int result) {
  const char* name = strerrorname_np(-result);
  return result < 0 && name != nullptr ? "-" + std::string(name) : std::to_string(result);
}

std::string describe(const Event& event) {
  char text[192];
  const auto format = [&text](const char* pattern, auto... values) {
    std::snprintf(text, sizeof text, pattern, values...);
    return std::string(text);
  };
  const std::string result = result_text(event.result);
  switch (event.kind) {
    case Event::Kind::ring_opened:
      return format("ring opened: %u submissions, %llu completions", event.length,
                    static_cast<unsigned long long>(event.offset));
    case Event::Kind::ring_closed:
      return "ring closed";
    case Event::Kind::enter:
      return format("io_uring_enter: submits %u, waits for %d", event.length, event.result);
    case Event::Kind::enter_returned:
      return "io_uring_enter returned " + result;
    case Event::Kind::submitted:
      return format("submitted: %s, descriptor %d, length %u, offset %lld, user_data 0x%llx%s",
                    opcode_name(event.opcode), event.fd, event.length,
                    static_cast<long long>(event.offset),
                    static_cast<unsigned long long>(event.user_data),
                    supported(event.opcode) ? "" : " (an opcode this kernel does not have)");
    case Event::Kind::issued:
      return "started";
    case Event::Kind::parked:
      return format("waits until descriptor %d is ready", event.fd);
    case Event::Kind::finished:
      return "done, result " + result;
    case Event::Kind::posted:
      return "completion posted, result " + result;
    case Event::Kind::overflowed:
      return "completion kept aside, result " + result + ": the completion queue is full";
    case Event::Kind::harvested:
      return "completion released by the program";
    case Event::Kind::slept:
      return format("sleeps until %d completion%s there", event.result,
                    event.result == 1 ? " is" : "s are");
    case Event::Kind::fault:
      return "fault injected: " + result;
    case Event::Kind::cancel_asked:
      return "a cancel found it";
    case Event::Kind::violation:
      return std::string("BROKEN: ") + rule_name(static_cast<Rule>(event.result));
    case Event::Kind::thread_started:
      return "thread starts";
    case Event::Kind::thread_ended:
      return "thread ends";
    case Event::Kind::switched:
      if (event.offset == 0) return format("the baton goes to thread %d", event.result);
      return format("switch %llu: thread %d goes on", static_cast<unsigned long long>(event.offset),
                    event.result);
    case Event::Kind::blocked:
      return std::string("waits in ") + place_name(static_cast<unsigned>(event.result));
    case Event::Kind::woken:
      return format("makes thread %llu ready", static_cast<unsigned long long>(event.offset));
    case Event::Kind::message:
      return format("sends %d to ring %llu", event.result,
                    static_cast<unsigned long long>(event.offset));
    case Event::Kind::clock_jumped:
      return format("fault injected: the clock jumps by %llu ns",
                    static_cast<unsigned long long>(event.offset));
    case Event::Kind::stalled:
      return format("fault injected: the core of thread %llu stalls for %u ns",
                    static_cast<unsigned long long>(event.offset), event.length);
    case Event::Kind::mark: {
      const char* const what = event.result == 0 ? " begins" : event.result == 1 ? " ends" : ": ";
      return word(event.length) + what + word(event.offset);
    }
  }
  return "unknown event";
}

// What the kernel does for a ring is seen in the lane of the ring's own thread, whoever runs.
bool kernel_did(Event::Kind kind) {
  switch (kind) {
    case Event::Kind::issued:
    case Event::Kind::parked:
    case Event::Kind::finished:
    case Event::Kind::posted:
    case Event::Kind::overflowed:
      return true;
    default:
      return false;
  }
}

}  // namespace

namespace {

// A fault of an enter is noted right after it was drawn; a scripted one never was.
void note_fault(const Ledger& ledger, int result) {
  const std::uint64_t newest = ledger.faults - 1;  // of none: beyond all entries
  const bool drawn = newest < LEDGER_ENTRIES_MAX && ledger.fault[newest].result == 0;
  if (!drawn) enter_fault(0);
  if (ledger.faults <= LEDGER_ENTRIES_MAX) describe_faults(ledger.faults - 1, 0, result);
}

}  // namespace

void note(const Ring* ring, Event event) {
  Session& now = session();
  event.ring = ring == nullptr ? 0 : static_cast<std::uint32_t>(ring->number);
  const Thread* const thread = current_thread();
  event.executor = thread == nullptr ? 0 : thread->number;
  if (ring != nullptr && kernel_did(event.kind)) event.executor = ring->executor;
  event.time_nanoseconds = now.clock;
  mix(now.hash,
      static_cast<std::uint64_t>(event.kind) << 32 | static_cast<std::uint32_t>(event.result));
  mix(now.hash, event.operation ^ std::uint64_t{event.executor} << 48);
  mix(now.hash, static_cast<std::uint64_t>(event.time_nanoseconds));
  if (Ledger* const ledger = now.ledger; ledger != nullptr) {
    if (event.kind == Event::Kind::fault && event.operation == 0) note_fault(*ledger, event.result);
    ledger->enters = now.counts.enters;
    ledger->submitted = now.counts.submitted;
  }
  auto& record = now.record;
  if (record.size() >= std::max<std::size_t>(now.options.record_max, 2)) {
    record.erase(record.begin(), record.begin() + static_cast<std::ptrdiff_t>(record.size() / 2));
  }
  record.push_back(event);
  record_event(event);
  if (snapshots_wanted()) snapshot(event, describe(event));
}

const char* kind_name(Event::Kind kind) noexcept {
  static constexpr const char* names[] = {
      "ring_opened", "ring_closed",  "enter",     "enter_returned", "submitted",    "issued",
      "parked",      "finished",     "posted",    "overflowed",     "harvested",    "slept",
      "fault",       "cancel_asked", "violation", "thread_started", "thread_ended", "switched",
      "blocked",     "woken",        "stalled",   "mark",           "message",      "clock_jumped"};
  const auto index = static_cast<std::size_t>(kind);
  return index < std::size(names) ? names[index] : "unknown";
}

const std::vector<Event>& record() noexcept {
  return session().record;
}
std::uint64_t trace_hash() noexcept {
  return session().hash;
}

std::string history(std::uint64_t operation, std::size_t lines_max) {
  const auto& record = session().record;
  std::vector<const Event*> chosen;
  for (auto event = record.rbegin(); event != record.rend() && chosen.size() < lines_max; ++event) {
    if (operation == 0 || event->operation == operation) chosen.push_back(&*event);
  }
  std::reverse(chosen.begin(), chosen.end());
  std::string text;
  for (const Event* event : chosen) {
    char head[64];
    const double microseconds =
        static_cast<double>(event->time_nanoseconds - run_begins_nanoseconds) / 1000;
    std::snprintf(head, sizeof head, "  %10.2f us  ", microseconds);
    text += head;
    if (event->operation != 0) text += "operation " + std::to_string(event->operation) + ": ";
    text += describe(*event) + "\n";
  }
  return text;
}

}  // namespace percore::sim
