#pragma once

/// What the parts of the harness share. Checks include <percore/check.hpp> only.

#include <percore/check.hpp>
#include <percore/check_page.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace percore::check {

/// The command line of a check program.
struct Arguments {
  bool list = false;
  std::string check;  ///< the one check to run
  std::uint64_t seed_first = 0;
  std::uint64_t seed_last = UINT64_MAX;  ///< UINT64_MAX: as many as the check's traits say
  int report_descriptor = 1;
  int page_descriptor = -1;
  std::string answers_path;
  /// A teacher's: "name=number" each, as <percore/check_overrides.hpp> names them. Only checks that
  /// bear faults take them.
  std::vector<std::string> overrides, scripted_faults;
  bool stepped = false;  ///< a tracer counts the instructions of a measurement

  // A smaller case of the same seed.
  /// The nth Run::size is at most so far above its lower bound; the last holds for all behind it.
  std::vector<std::uint64_t> size_limits;
  std::optional<std::vector<std::uint64_t>> only_faults;    ///< places of a sim::Ledger
  std::optional<std::vector<std::uint64_t>> only_switches;  ///< of threads
};

/// The state of the run at hand. One for a process: a process runs one check.
struct State {
  Arguments arguments;
  const Check* check = nullptr;
  std::uint64_t seed = 0;
  std::uint64_t random_state = 0;
  std::uint32_t seeds_run = 0;
  std::vector<std::pair<std::string, std::string>> answers;
  Page* page = nullptr;  ///< never null: a private page when nobody supervises
  std::uint64_t nonce = 0;
  struct Counted {
    std::uint64_t enters = 0;
    std::uint64_t allocations = 0;
  } counted;
};

State& state() noexcept;
Check* first_check() noexcept;
const OracleText* oracle_text(std::string_view kind) noexcept;

// --- report.cpp: JSON lines on the checker's own descriptor ---
void report_manifest();
void report_passed();
void report_measured();
/// The check cannot run here, for a reason outside the learner's code.
[[noreturn]] void report_skipped(std::string_view sentence);
/// Reports and ends the process. `history` is what the ring did for this operation, or empty.
[[noreturn]] void report_broken(std::string_view invariant, std::string_view lesson,
                                std::string_view statement, std::string_view sentence,
                                std::string_view oracle, std::string_view history) noexcept;

// --- signals.cpp ---
void catch_signals();

// --- flavour_sim.cpp or flavour_real.cpp: the ring under the check ---
bool flavour_simulated() noexcept;
/// What an oracle finds is told as the check's verdict, also where the check begins no ring.
void flavour_listen();
/// Begins the ring for state().seed.
void flavour_begin();
/// Runs the final oracles.
void flavour_end();
/// Where the code lies that stands for the kernel, into the page.
void flavour_mark_outside() noexcept;
/// Enters and allocations so far.
State::Counted flavour_counts() noexcept;
/// What a bad address tells about the ring, or null. Callable from a signal handler.
const char* flavour_explain(const void* address) noexcept;

/// The same of a value that is poison and nothing else, or null.
const char* flavour_explain_value(std::uint64_t value) noexcept;

}  // namespace percore::check
