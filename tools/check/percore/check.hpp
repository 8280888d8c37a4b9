#pragma once

/// The harness that checks are written against.
///
/// A check states one invariant of one exercise and drives the learner's module until the invariant
/// either held over every seed or broke. It is a function with a name; a program holds the checks
/// of one step (its file is tools/checks/NN-lesson/<exercise>_<step>.cpp, or <exercise>.cpp where
/// there are no steps).
///
///     #include <percore/check.hpp>
///     #include <percore/ring.hpp>
///
///     PERCORE_CHECK("harvest", each_completion_once, "I2", "a completion is handed over exactly
///     once",
///                   "Lesson 01, *The harvest*") {
///       const unsigned operations = run.size(1, 50);          // 50 when whole; smaller when a
///       failure is shrunk for (unsigned i = 0; i < operations; ++i) {
///         run.operation(i);                                    // a crash or hang is told with
///         this number
///         ...
///         percore::check::require(seen == 1, "operation {} was completed {} times", i, seen);
///       }
///     }
///
/// A failure then reads
///     I2 broken: operation 17 was completed 2 times (seed 4711).
///       See lesson 01, *The harvest*. `./tools/percore check 01.4 --seed 4711` shows it again.
///
/// Rules
/// 1. A check knows nothing of the others: each has a process of its own, for one seed after the
///    other.
/// 2. `require` does not return when it fails: it reports and ends the process at once. It may be
///    called inside the learner's coroutines, so nothing is thrown and no destructor runs.
/// 3. While a body runs the simulated ring is on, with this seed's faults (Run::options). Seed 0
///    has none: the calm case fails first and reads best. Final oracles run after the body.
/// 4. All randomness comes from Run, so that a seed is the whole case.
/// 5. Count (enters, allocations, resumes); never time.
/// 6. Only code is linked that the exercise may lean on: the harness, the simulated ring, our
///    modules below the learner's, and the learner's files. The learner's headers are included as
///    ever, <percore/ring.hpp>.
///
/// A catch exercise turns this round: the learner's file holds PERCORE_CHECKs, and is linked once
/// with the right modules and once with each folder of tools/checks/NN-lesson/<exercise>/. Such a
/// folder holds <module>/..., the files of one module that differ from runtime/<module>/, and
/// fault.txt, what that module does wrong: "forgets to ...", to be read after "your checks pass a
/// module that". The right one must pass, every other must be reported broken.
///
/// PERCORE_MEASUREs live in <exercise>_measure.cpp, compiled with -O2, and with our module as well.
///
/// A file whose name ends in _explore.cpp is linked with the schedule explorer and no ring
/// (<percore/explore.hpp>); its checks say .seeds = 1, .faults = false, .ring = false.
///
/// A file named <exercise>_<step>_counted.cpp is compiled with -O2, as the learner's files are for
/// it: it holds instructions to a number (<percore/check_instructions.hpp>).
///
/// A file named <exercise>_real.cpp is linked with liburing instead and runs once, on the kernel;
/// it may not use percore/sim.hpp.

#include <cstdint>
#include <percore/sentence.hpp>
#include <string_view>

namespace percore::sim {
struct Options;
}

namespace percore::check {

/// How a check runs, where the usual does not fit: PERCORE_CHECK(..., .seeds = 1, .faults = false).
struct Traits {
  std::uint32_t seeds = 200;  ///< seeds 0 .. seeds-1
  bool faults = true;  ///< false: every seed is calm, only order and delay of completions differ
  bool ring = true;    ///< false: the body uses no ring (coroutines alone), none is set up
};

/// What a check's body is given: the seed, and all randomness drawn from it.
/// Thread  the check's main thread.
class Run {
 public:
  [[nodiscard]] std::uint64_t seed() const noexcept;

  /// False in the program linked with liburing.
  [[nodiscard]] bool simulated() const noexcept;

  /// A number below `bound` (> 0) drawn from the seed.
  std::uint64_t random(std::uint64_t bound) noexcept;

  /// True in `percent` of 100 draws.
  bool chance(unsigned percent) noexcept { return random(100) < percent; }

  /// How many operations, tasks or bytes to try: a number in [low, high] drawn from the seed. When
  /// a failure is shrunk the same seed runs again with lower bounds, so use this for every count
  /// that may be smaller.
  unsigned size(unsigned low, unsigned high) noexcept;

  /// Says which operation is under way. A crash, a hang and an oracle of the ring are told with
  /// this number.
  void operation(std::uint64_t number) noexcept;

  /// Says what is being waited for, in the lesson's words: "the completion of the second write".
  /// Shown when the check hangs. `what` must be a literal.
  void waits_for(const char* what) noexcept;

  /// The simulated ring's options for this seed; change them and hand them to restart(). Seed 0 is
  /// calm. Not in a *_real.cpp.
  [[nodiscard]] sim::Options options() const noexcept;

  /// Throws the present simulated ring away (its final oracles run) and begins a new one. Call it
  /// first in the body. Not in a *_real.cpp.
  void restart(const sim::Options& options);

  /// The learner's answer in a predict exercise, in lower case, without the spaces around it; empty
  /// when missing. The file holds lines `question: answer`; `#` begins a remark.
  [[nodiscard]] std::string_view answer(std::string_view question) const noexcept;

  /// Stands around the part of a PERCORE_MEASURE body that is counted.
  void count_from_here() noexcept;
  void count_to_here() noexcept;
};

/// One check as it registered itself.
struct Check {
  const char* step;
  const char* name;
  const char* invariant;
  const char* statement;
  const char* lesson;
  void (*body)(Run&);
  Traits traits;
  std::uint32_t operations = 0;  ///< > 0: not a check but a measurement over so many operations
  Check* next = nullptr;
};

/// Keeps the checks in the order of their files and lines.
struct Registration {
  explicit Registration(Check& check) noexcept;
};

/// Ties an oracle of the simulated ring to an invariant, so that its violation is told in the
/// lesson's words. kind  the name of sim::ViolationKind's value, as sim::name() gives it.
struct OracleText {
  const char* kind;
  const char* invariant;
  const char* statement;
  const char* lesson;
  OracleText* next = nullptr;
};

struct OracleRegistration {
  explicit OracleRegistration(OracleText& text) noexcept;
};

/// Reports that the current check's invariant broke and ends the process.
[[noreturn]] void fail_with(std::string_view sentence) noexcept;

/// The same with an invariant other than the check's own, where one body can see several break.
[[noreturn]] void fail_with(std::string_view invariant, std::string_view lesson,
                            std::string_view sentence) noexcept;

/// The check cannot be made on this machine, for a reason outside the learner's code. For a
/// *_real.cpp and a *_counted.cpp.
[[noreturn]] void skip_with(std::string_view sentence);

/// The same with the words that go into the sentence's {}.
template <typename... Words>
[[noreturn]] void fail(Sentence<sizeof...(Words)> sentence, const Words&... words) {
  fail_with(say(sentence, words...));
}

/// Demands `held`. The sentence says what went wrong in the lesson's words with its numbers, not
/// what should be: "operation {} was completed {} times". No full stop at its end; the harness adds
/// the seed.
template <typename... Words>
void require(bool held, Sentence<sizeof...(Words)> sentence, const Words&... words) {
  if (!held) [[unlikely]]
    fail_with(say(sentence, words...));
}

/// How many blocks of memory are allocated at present (operator new and coroutine frames). A body
/// compares two looks at it to find a frame that was never freed.
[[nodiscard]] std::int64_t live_allocations() noexcept;

}  // namespace percore::check

/// A check's body, as the list of checks has it; see check_only.hpp.
#define PERCORE_BODY(name) percore_check_##name

/// PERCORE_CHECK("step", name, "I2", "statement", "Lesson 01, *Heading*"[, .trait = value...]) {
/// body with `run` }
#define PERCORE_CHECK(step, name, invariant, statement, lesson, ...)                           \
  static void percore_check_##name(percore::check::Run& run);                                  \
  static percore::check::Check percore_entry_##name{                                           \
      step, #name, invariant, statement, lesson, PERCORE_BODY(name), {__VA_ARGS__}};           \
  static const percore::check::Registration percore_registration_##name{percore_entry_##name}; \
  static void percore_check_##name([[maybe_unused]] percore::check::Run& run)

/// PERCORE_MEASURE(name, "an awaited nop", 100) { prepare; run.count_from_here(); 100 operations;
/// run.count_to_here(); } Shown after a pass, beside the same body over our module: enters,
/// allocations and instructions an operation.
#define PERCORE_MEASURE(name, what, operation_count)                                           \
  static void percore_check_##name(percore::check::Run& run);                                  \
  static percore::check::Check percore_entry_##name{"",                                        \
                                                    #name,                                     \
                                                    "",                                        \
                                                    what,                                      \
                                                    "",                                        \
                                                    percore_check_##name,                      \
                                                    {.seeds = 1, .faults = false},             \
                                                    operation_count};                          \
  static const percore::check::Registration percore_registration_##name{percore_entry_##name}; \
  static void percore_check_##name([[maybe_unused]] percore::check::Run& run)

/// PERCORE_ORACLE(freed_in_flight, "I4", "a buffer lives until its completion", "Lesson 01,
/// *Lifetimes*")
#define PERCORE_ORACLE(kind, invariant, statement, lesson)                                      \
  static percore::check::OracleText percore_oracle_##kind{#kind, invariant, statement, lesson}; \
  static const percore::check::OracleRegistration percore_oracle_registration_##kind {          \
    percore_oracle_##kind                                                                       \
  }
