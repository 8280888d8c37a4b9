#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <percore/check.hpp>
#include <percore/executor.hpp>
#include <percore/sim.hpp>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

// What the checks of lesson 06 share.
namespace checks {

using namespace percore;
using percore::check::fail_with;
using percore::check::live_allocations;
using percore::check::require;
using percore::check::Run;

inline constexpr const char* the_arena = "Lesson 06, *The arena*";
inline constexpr const char* who_shares_a_block = "Lesson 06, *Who shares a block*";
inline constexpr const char* who_waits_for_memory = "Lesson 06, *Who waits for memory*";
inline constexpr const char* aligned_ranges = "Lesson 06, *Aligned ranges*";
inline constexpr const char* what_the_file_demands = "Lesson 06, *What the file demands*";
inline constexpr const char* under_way = "Lesson 06, *What is under way*";
inline constexpr const char* what_a_sync_covers = "Lesson 06, *What a sync covers*";
inline constexpr const char* many_reads = "Lesson 06, *Many reads*";
inline constexpr const char* the_reader = "Lesson 06, *The reader*";

inline std::error_code system_error(int error) {
  return {error, std::system_category()};
}

/// What came in place of a value, in words.
template <typename T>
std::string error_of(const Result<T>& result) {
  return result ? "no error" : result.error().message();
}

/// Runs `root` on an executor of its own, which is gone afterwards.
template <typename T>
T run_on_executor(Task<T> root) {
  Executor executor({.ring = {.entries = 8}});
  return executor.run(std::move(root));
}

/// For what must end the program: nothing of it is cleaned up.
inline void run_and_leave(Task<> root) {
  (new Executor({.ring = {.entries = 8}}))->run(std::move(root));
}

/// A run that is left in the middle leaves its ring open, and that is no mistake of the learner's.
inline void leave_open(Run& run) {
  auto options = run.options();
  options.allow_unfinished = true;
  run.restart(options);
}

}  // namespace checks
