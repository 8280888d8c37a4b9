// The flavour of check programs linked with the simulated ring: each seed is a run of it, and its
// oracles report as checks do.

#include "harness.hpp"

#include <percore/check_liburing.hpp>
#include <percore/check_overrides.hpp>
#include <percore/sim.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <iterator>
#include <utility>

extern "C" void percore_outside_begin();
extern "C" void percore_outside_end();

namespace percore::check {

namespace {

// What an oracle found, told by the invariant that the check's file ties it to, or by the check's
// own.
void on_violation(const sim::Violation& violation, void*) {
  const Check& check = *state().check;
  const OracleText* text = oracle_text(sim::rule_name(violation.rule));
  report_broken(text != nullptr ? text->invariant : check.invariant,
                text != nullptr ? text->lesson : check.lesson,
                text != nullptr ? text->statement : check.statement, violation.sentence,
                sim::rule_name(violation.rule), violation.history);
}

struct Setting {
  std::string_view name;
  long value = 0;
};

// "name=number"; what is none was refused by the tutor.
Setting to_setting(std::string_view text) {
  Setting out;
  const std::size_t equals = std::min(text.find('='), text.size() - 1);
  out.name = text.substr(0, equals);
  std::from_chars(text.data() + equals + 1, text.data() + text.size(), out.value);
  return out;
}

void override_option(sim::Options& options, const Setting& setting) {
  const auto number = static_cast<unsigned>(setting.value);
  const std::pair<std::string_view, unsigned*> numbers[] = {
      {"inline_percent", &options.inline_percent},
      {"short_results_percent", &options.short_results_percent},
      {"again_results_percent", &options.again_results_percent},
      {"interrupted_results_percent", &options.interrupted_results_percent},
      {"interrupted_waits_percent", &options.interrupted_waits_percent},
      {"refused_enters_percent", &options.refused_enters_percent},
      {"short_submits_percent", &options.short_submits_percent},
      {"sq_entries_max", &options.sq_entries_max},
      {"cq_entries_max", &options.cq_entries_max},
  };
  static_assert(std::size(numbers) + 2 == OVERRIDES.size(), "each option that there is can be set");
  for (const auto& [name, place] : numbers)
    if (name == setting.name) *place = number;
  if (setting.name == "delay_nanoseconds_max") options.delay_nanoseconds_max = setting.value;
  if (setting.name == "busy_on_overflow") options.busy_on_overflow = setting.value != 0;
}

sim::Fault to_fault(std::string_view text) {
  sim::Fault out;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const auto [name, value] = to_setting(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (name == "enter") out.enter = static_cast<std::uint64_t>(value);
    if (name == "operation") out.operation = static_cast<std::uint64_t>(value);
    if (name == "result") out.result = static_cast<int>(value);
    if (name == "entries_max") out.entries_max = value;
    if (name == "bytes_max") out.bytes_max = static_cast<std::uint32_t>(value);
    if (name == "delay_nanoseconds") out.delay_nanoseconds = value;
  }
  return out;
}

void begin_with(sim::Options options) {
  const Arguments& arguments = state().arguments;
  const bool bears_faults = state().check->traits.faults;
  if (bears_faults)
    for (const std::string& one : arguments.overrides) override_option(options, to_setting(one));
  if (arguments.only_faults) options.only_faults = arguments.only_faults;
  if (arguments.only_switches) options.only_switches = arguments.only_switches;
  sim::set_ledger(&state().page->ledger);
  sim::begin(std::move(options));
  if (bears_faults)
    for (const std::string& one : arguments.scripted_faults) sim::script(to_fault(one));
}

}  // namespace

bool flavour_simulated() noexcept {
  return true;
}

sim::Options Run::options() const noexcept {
  constexpr std::uint64_t GENTLE_SEEDS = 4;  // the calm cases come first: their failures read best
  const bool calm = !state().check->traits.faults || state().seed < GENTLE_SEEDS;
  return calm ? sim::gentle(state().seed) : sim::rough(state().seed);
}

void Run::restart(const sim::Options& options) {
  sim::end();
  begin_with(options);
}

void flavour_listen() {
  sim::set_violation_handler(on_violation);
}

void flavour_begin() {
  begin_with(Run().options());
}

void flavour_end() {
  sim::end();
}

void flavour_mark_outside() noexcept {
  state().page->outside_begin = reinterpret_cast<std::uintptr_t>(&percore_outside_begin);
  state().page->outside_end = reinterpret_cast<std::uintptr_t>(&percore_outside_end);
}

State::Counted flavour_counts() noexcept {
  const sim::Counts counts = sim::counts();
  return {.enters = counts.enters, .allocations = counts.allocations};
}

void completions_released(io_uring& ring) noexcept {
  sim::completions_released(ring);
}

const char* flavour_explain(const void* address) noexcept {
  return sim::explain_fault(address);
}

const char* flavour_explain_value(std::uint64_t value) noexcept {
  return sim::is_poison(value) ? sim::explain_fault(reinterpret_cast<const void*>(value)) : nullptr;
}

std::int64_t live_allocations() noexcept {
  const sim::Counts counts = sim::counts();
  return static_cast<std::int64_t>(counts.allocations - counts.frees);
}

}  // namespace percore::check
