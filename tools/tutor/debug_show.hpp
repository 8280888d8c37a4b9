#pragma once

#include "coroutines.hpp"
#include "debug_record.hpp"

#include <map>
#include <string>
#include <vector>

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

/// How much room there is for a step; 0: as much as it takes.
struct Room {
  std::size_t columns = 0, rows = 0;
};

/// Turns the steps of a run into text.
class DebugShow {
 public:
  /// ending   what the verdict says of the run, repeated at its last step; may be empty.
  DebugShow(const DebugRecord& record, const Coroutines& coroutines, std::string ending = "");

  /// "step 12 of 40 ..." and, below it, the rings, the run queue and the tasks. Where there is
  /// little room, lists of operations and tasks are cut short; what stands above them never is.
  [[nodiscard]] std::string step(std::size_t index, Room room = {}) const;

  /// The tasks that stand in a step, by number.
  [[nodiscard]] std::vector<TaskState> tasks(const DebugStep& step) const;

 private:
  using Lines = std::vector<std::string>;
  [[nodiscard]] Lines head_lines(std::size_t index, Room room) const;
  [[nodiscard]] Lines operation_lines(const DebugStep& step, const RingState& ring,
                                      const std::vector<TaskState>& all) const;
  [[nodiscard]] std::string queue_text(const DebugStep& step,
                                       const std::vector<TaskState>& all) const;
  [[nodiscard]] Lines task_lines(const std::vector<TaskState>& all) const;
  void tell_who_runs(const DebugStep& step, std::vector<TaskState>& all) const;
  [[nodiscard]] std::string state_words(const DebugStep& step, const TaskState& task,
                                        const std::vector<TaskState>& all) const;
  [[nodiscard]] std::uint64_t awaiter_of(const DebugStep& step, std::uint64_t frame) const;

  const DebugRecord& record_;
  const Coroutines& coroutines_;
  std::string ending_;
  std::map<std::pair<std::uint64_t, std::size_t>, unsigned> numbers_;  // frame, the step it came in
  std::vector<std::map<std::uint64_t, unsigned>> numbers_at_;          // by step: frame, number
};

}  // namespace percore::tutor
