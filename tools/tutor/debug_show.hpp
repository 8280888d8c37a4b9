#pragma once

#include "coroutines.hpp"
#include "debug_record.hpp"

#include <map>
#include <string>

namespace percore::tutor {

/// What a suspended coroutine waits for.
struct TaskState {
  const Coroutine* coroutine = nullptr;
  std::uint64_t address = 0;
  unsigned number = 0;           ///< in the order in which tasks were first seen: the same each run
  unsigned line = 0;             ///< 0: not begun, or not known
  std::string words;             ///< "waits for operation 3"
  std::uint64_t awaited_by = 0;  ///< the frame that goes on when it ends; 0: none
};

/// Turns the steps of a run into text.
class DebugShow {
 public:
  DebugShow(const DebugRecord& record, const Coroutines& coroutines);

  /// "step 12 of 40 ..." and, below it, the rings, the run queue and the tasks.
  [[nodiscard]] std::string step(std::size_t index) const;

  /// The tasks that stand in a step, by number.
  [[nodiscard]] std::vector<TaskState> tasks(const DebugStep& step) const;

 private:
  [[nodiscard]] std::string rings_text(const DebugStep& step,
                                       const std::vector<TaskState>& all) const;
  [[nodiscard]] std::string queue_text(const DebugStep& step,
                                       const std::vector<TaskState>& all) const;
  [[nodiscard]] std::string tasks_text(const std::vector<TaskState>& all) const;
  [[nodiscard]] std::string state_words(const DebugStep& step, const TaskState& task,
                                        const std::vector<TaskState>& all) const;
  [[nodiscard]] std::uint64_t awaiter_of(const DebugStep& step, std::uint64_t frame) const;

  const DebugRecord& record_;
  const Coroutines& coroutines_;
  std::map<std::pair<std::uint64_t, std::size_t>, unsigned> numbers_;  // frame, the step it came in
  std::vector<std::map<std::uint64_t, unsigned>> numbers_at_;          // by step: frame, number
};

}  // namespace percore::tutor
