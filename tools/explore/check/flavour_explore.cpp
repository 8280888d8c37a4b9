// The flavour of check programs that explore schedules: no ring, one run, and an exploration that
// fails is told as the check's verdict with its losing execution for history. A check is then
//
//     PERCORE_CHECK("publish", slot_before_tail, "I3", "a slot is written before it is published",
//                   "Lesson 05, *Publishing*", .seeds = 1, .faults = false, .ring = false) {
//       percore::explore::check({}, [](percore::explore::Threads& threads) { ... });
//     }

#include <harness.hpp>
#include <percore/check_liburing.hpp>
#include <percore/explore.hpp>

namespace percore::check {

namespace {

// The kind of mistake, as the simulated ring's oracles have names: PERCORE_ORACLE(lost_wakeup, ...)
// ties it to an invariant other than the check's.
const char* oracle_of(explore::Wrong wrong) noexcept {
  switch (wrong) {
    case explore::Wrong::race:
      return "race";
    case explore::Wrong::lost_wakeup:
      return "lost_wakeup";
    case explore::Wrong::endless:
      return "endless";
    case explore::Wrong::exception:
      return "exception";
    case explore::Wrong::nothing:
    case explore::Wrong::requirement:
    case explore::Wrong::misuse:
      break;
  }
  return "";
}

void on_failure(const explore::Outcome& outcome) {
  const Check& check = *state().check;
  const char* oracle = oracle_of(outcome.wrong);
  const OracleText* text = oracle_text(oracle);
  const std::string history = fmt::format("{}PERCORE_SCHEDULE={} shows this execution alone.\n",
                                          outcome.history, outcome.schedule);
  report_broken(text != nullptr ? text->invariant : check.invariant,
                text != nullptr ? text->lesson : check.lesson,
                text != nullptr ? text->statement : check.statement, outcome.sentence, oracle,
                history);
}

// Whoever supervises sees a program that gets on, however long it searches.
void on_progress(std::uint64_t execution) {
  state().page->operation = execution;
}

[[maybe_unused]] const bool REGISTERED =
    (explore::on_failure(on_failure), explore::on_progress(on_progress), true);

}  // namespace

// As on the simulated ring the seed is the whole case; it only has no use for more than one.
bool flavour_simulated() noexcept {
  return true;
}

void flavour_listen() {}
void flavour_begin() {}
void flavour_end() {}
void flavour_mark_outside() noexcept {}
State::Counted flavour_counts() noexcept {
  return {};
}
void completions_released(io_uring&) noexcept {}
std::uint64_t flavour_faults() noexcept {
  return 0;
}
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
