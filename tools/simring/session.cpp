// A run: its options, its end, and what is done about a broken rule.

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "baton.hpp"
#include "memory_files.hpp"
#include "network.hpp"
#include "state.hpp"

namespace percore::sim {

namespace {

thread_local unsigned inside_depth = 0;  // > 0 while this thread is inside the simulation
thread_local const void* outermost_frame = nullptr;

void print_and_abort(const Violation& violation, void*) {
  std::fprintf(stderr, "simulated ring: %s (%s, seed %llu)\n%s", violation.sentence.c_str(),
               rule_name(violation.rule), static_cast<unsigned long long>(violation.seed),
               violation.history.c_str());
  std::abort();
}

Session& make_session() {
  // Never destroyed: memory goes back to the allocator, and rings may close, after main has
  // returned. In static memory: operator new may be the one that reports to this very session.
  alignas(Session) static unsigned char memory[sizeof(Session)];
  Session& made = *new (memory) Session;
  if (made.handler == nullptr) {
    made.handler = print_and_abort;
    // Without a seed, as a kernel that finds everything in its caches: what is ready completes
    // within its submit.
    const char* const seed = std::getenv("PERCORE_SIM_SEED");
    made.options.inline_percent = 100;
    const char* const faults = std::getenv("PERCORE_SIM_ROUGH");
    const bool is_rough = faults != nullptr && std::strcmp(faults, "1") == 0;
    if (seed != nullptr || is_rough) {
      const auto number = seed == nullptr ? 0 : std::strtoull(seed, nullptr, 10);
      made.options = is_rough ? rough(number) : gentle(number);
    }
    made.options.poison_entries = false;
    made.options.allow_unfinished = true;
    made.options.wait_for_outside = true;
    made.options.sockets_in_memory = std::getenv("PERCORE_SIM_NETWORK") != nullptr;
    made.random.state = made.options.seed;
    made.clock = run_begins_nanoseconds;
    open_record_file();
    record_run(made);
  }
  return made;
}

struct Inside {
  Inside() noexcept { ++inside_depth; }
  ~Inside() { --inside_depth; }
};

void begin_files() {
  Session& now = session();
  if (now.options.files_in_memory.empty()) {
    now.memory = nullptr;
  } else if (now.options.keep_files && now.memory != nullptr) {
    now.memory->begin(now.options);
  } else {
    now.memory = std::make_shared<MemoryFiles>(now.options);
  }
}

void drop_rings(Session& now) {
  now.rings.clear();
  now.closed_rings.clear();
  now.open_rings.clear();
  refresh_next_due();
}

}  // namespace

Session& session() noexcept {
  static Session& only = make_session();
  return only;
}

Lock& mutex() noexcept {
  static constinit Lock only;
  return only;
}

bool inside_simulation() noexcept {
  return inside_depth > 0;
}

const void* program_frame() noexcept {
  return outermost_frame;
}

Call::Call(Nanoseconds cost, const void* frame) : lock_(mutex()) {
  if (inside_depth++ == 0) outermost_frame = frame;
  Session& now = session();
  now.clock += cost;
  if (now.next_due <= now.clock) perform_due();
}

Call::~Call() {
  --inside_depth;
}

void begin(Options options) {
  const std::lock_guard lock(mutex());
  const Inside inside;
  Session& now = session();
  drop_rings(now);
  now.options = std::move(options);
  now.running = now.begun = true;
  now.counts = {};
  now.record.clear();
  now.words.clear();
  now.word_places.clear();
  now.hash = 0xCBF29CE484222325u;
  now.random.state = now.options.seed;
  now.clock = run_begins_nanoseconds;
  now.setup_failed = false;
  now.last_operation = 0;
  now.script.clear();
  now.interruptions_in_a_row = now.refusals_in_a_row = 0;
  now.enter_budget = 0;
  now.violations = 0;
  now.fault_place = 0;
  if (snapshots_wanted()) snapshot_begin();
  if (now.ledger != nullptr) *now.ledger = {};
  now.allocations_checked = now.allocation_attempts = 0;
  start_threads();
  network::reset();
  note_descriptors();
  record_run(now);
  begin_files();
}

bool end() {
  const std::lock_guard lock(mutex());
  const Inside inside;
  Session& now = session();
  end_threads();
  for (Ring* ring : now.open_rings) {
    note_harvest(*ring);
    if (now.options.allow_unfinished) continue;
    check_closing(*ring, 0);
    violate(Rule::ring_left_open, 0,
            "the run ended with a ring that was never closed; call io_uring_queue_exit");
  }
  drop_rings(now);
  check_descriptors();
  now.running = false;
  start_threads();
  return now.violations == 0;
}

const Options& options() noexcept {
  return session().options;
}

void script(Fault fault) {
  const std::lock_guard lock(mutex());
  const Inside inside;
  session().script.push_back(fault);
}

void set_violation_handler(ViolationHandler handler, void* context) {
  const std::lock_guard lock(mutex());
  session().handler = handler == nullptr ? print_and_abort : handler;
  session().handler_context = context;
}

void violate(Rule rule, Id operation, std::string sentence) {
  Session& now = session();
  ++now.violations;
  now.last.sentence = sentence;  // the record of this event takes it from there
  note(nullptr,
       {.kind = Event::Kind::violation, .result = static_cast<int>(rule), .operation = operation});
  now.last = {.rule = rule,
              .operation = operation,
              .seed = now.options.seed,
              .time_nanoseconds = now.clock,
              .sentence = std::move(sentence),
              .history = history(operation, operation == 0 ? 12 : 60)};
  now.handler(now.last, now.handler_context);
}

const Violation* last_violation() noexcept {
  return session().violations == 0 ? nullptr : &session().last;
}
std::uint64_t violation_count() noexcept {
  return session().violations;
}

void set_ledger(Ledger* ledger) noexcept {
  const std::lock_guard lock(mutex());
  session().ledger = ledger;
}

void set_enter_budget(std::uint64_t enters) noexcept {
  const std::lock_guard lock(mutex());
  session().enter_budget = enters;
}

Counts counts() noexcept {
  const std::lock_guard lock(mutex());
  Counts all = session().counts;
  all.in_flight = 0;
  if (session().memory != nullptr) all.disk_steps = session().memory->steps();
  for (const Ring* ring : session().open_rings) all.in_flight += ring->live.size();
  return all;
}

void crash(std::uint64_t seed) {
  const std::lock_guard lock(mutex());
  const Inside inside;
  drop_rings(session());
  if (session().memory != nullptr) session().memory->crash(seed);
}

bool crashed() noexcept {
  const std::lock_guard lock(mutex());
  return session().memory != nullptr && session().memory->crashed();
}

int make_file(const std::string& path, const std::string& content) {
  const std::lock_guard lock(mutex());
  const Inside inside;
  return session().memory == nullptr ? -ENOENT : session().memory->put(path, content);
}

std::optional<std::string> file_content(const std::string& path) {
  const std::lock_guard lock(mutex());
  return session().memory == nullptr ? std::nullopt : session().memory->content(path);
}

std::optional<std::vector<std::string>> folder_names(const std::string& path) {
  const std::lock_guard lock(mutex());
  return session().memory == nullptr ? std::nullopt : session().memory->names(path);
}

const char* rule_name(Rule rule) noexcept {
  switch (rule) {
    case Rule::buffer_freed:
      return "buffer_freed";
    case Rule::buffer_changed:
      return "buffer_changed";
    case Rule::buffer_lent_twice:
      return "buffer_lent_twice";
    case Rule::buffer_dead:
      return "buffer_dead";
    case Rule::record_freed:
      return "record_freed";
    case Rule::argument_dead:
      return "argument_dead";
    case Rule::entry_changed:
      return "entry_changed";
    case Rule::user_data_unset:
      return "user_data_unset";
    case Rule::completion_released:
      return "completion_released";
    case Rule::head_past_tail:
      return "head_past_tail";
    case Rule::never_submitted:
      return "never_submitted";
    case Rule::never_completed:
      return "never_completed";
    case Rule::never_harvested:
      return "never_harvested";
    case Rule::ring_left_open:
      return "ring_left_open";
    case Rule::ring_not_open:
      return "ring_not_open";
    case Rule::sleeps_for_ever:
      return "sleeps_for_ever";
    case Rule::sleeps_with_work:
      return "sleeps_with_work";
    case Rule::spins_for_ever:
      return "spins_for_ever";
    case Rule::too_many_enters:
      return "too_many_enters";
    case Rule::thread_left:
      return "thread_left";
    case Rule::blocks_outside:
      return "blocks_outside";
    case Rule::wrong_thread:
      return "wrong_thread";
    case Rule::lost_wakeup:
      return "lost_wakeup";
    case Rule::descriptor_left_open:
      return "descriptor_left_open";
    case Rule::grows_without_bound:
      return "grows_without_bound";
  }
  return "unknown rule";
}

}  // namespace percore::sim
