// The flavour of check programs linked with the simulated ring: each seed is a run of it, and its
// oracles report as checks do.

#include "harness.hpp"

#include <percore/check_liburing.hpp>
#include <percore/sim.hpp>

#include <cstdlib>

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

void begin_with(sim::Options options) {
  const Arguments& arguments = state().arguments;
  if (arguments.only_faults) options.only_faults = arguments.only_faults;
  if (arguments.only_switches) options.only_switches = arguments.only_switches;
  sim::set_ledger(&state().page->ledger);
  sim::begin(std::move(options));
  sim::set_violation_handler(on_violation);
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
