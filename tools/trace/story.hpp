#pragma once

#include "record.hpp"

#include <cstddef>
#include <map>
#include <set>
#include <vector>

namespace percore::trace {

inline constexpr std::size_t nowhere = SIZE_MAX;

/// An operation from its submission to its last completion; places are indices into Run::events.
struct Life {
  std::uint64_t operation = 0;
  unsigned executor = 0;
  unsigned ring = 0;
  std::size_t submitted = nowhere;
  std::size_t finished = nowhere;   ///< the kernel is done with it
  std::vector<std::size_t> posted;  ///< its completions
  std::size_t ended = nowhere;      ///< its last completion; nowhere = it never came
  std::size_t harvested = nowhere;
  std::int64_t result = 0;

  /// Its last place: the end of the run for one that never ended.
  [[nodiscard]] std::size_t end(const Run& run) const {
    return ended == nowhere ? run.events.size() : ended;
  }
};

/// Turns that are like the ones just before them and are not drawn again.
struct Fold {
  std::size_t begin = 0, end = 0;  ///< events
  unsigned turns = 0;
  unsigned period = 1;  ///< the turns before it that show the pattern
  std::uint64_t operation_first = 0, operation_last = 0;
};

/// What a picture needs to know about a run beside its events.
struct Story {
  const Run* run = nullptr;
  std::map<std::uint64_t, Life> lives;
  std::vector<Fold> folds;
  unsigned executors = 1;
  unsigned rings = 0;
  std::uint64_t enters = 0, sleeps = 0, faults = 0, switches = 0, in_flight_max = 0;
  std::int64_t duration_nanoseconds = 0;

  std::set<std::size_t> wakes_by_time;  ///< woken events of which no executor is the cause

  [[nodiscard]] const Life* life(std::uint64_t operation) const;
  /// The fold that begins at this event, or null.
  [[nodiscard]] const Fold* fold_at(std::size_t event) const;
  /// "wakes executor 2"; "executor 2 wakes" where no other executor did it.
  [[nodiscard]] std::string wake_text(std::size_t woken) const;
  /// How long the sleep that begins at this event lasts.
  [[nodiscard]] std::int64_t sleep_nanoseconds(std::size_t event) const;
};

/// fold  false: every turn is kept.
Story understand(const Run& run, bool fold);

/// "10 operations, 2 enters, 1 sleep, at most 10 in flight, 1.20 us".
std::string summary(const Story& story);

/// "1 sleep", "2 sleeps".
std::string counted(std::uint64_t count, const std::string& what, const char* plural = "s");

/// The thread itself does this, so it is awake; what the kernel does for it says nothing of it.
bool is_of_thread(Kind kind);
/// Of several executors: this event makes that one ready.
bool wakes(const Event& event, unsigned executor);
/// It sleeps in the enter that is drawn already.
bool sleeps_in_enter(const Event& event);
/// What happens to a thread: "waits in pthread_join".
std::string thread_text(const Event& event);

/// "fault: only 3 of the entries are taken", or of which operation it is.
std::string fault_text(const Event& fault);

/// "12.34 us", in the unit that reads best.
std::string duration_text(std::int64_t nanoseconds);

/// "3", "1-4, 7": operations in the order given, neighbours drawn together, many cut short.
std::string list_of(const std::vector<std::uint64_t>& numbers);

/// What a violation says. One with a rule is an oracle's.
std::string broken_text(const Event& violation);

/// "WRITE of 18 bytes to descriptor 1": what a submission asks for.
std::string request_text(const Event& submitted);

}  // namespace percore::trace
