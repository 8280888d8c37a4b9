#pragma once

#include <percore/mark.hpp>

/// A part of every task_queue that teaches nothing about task queues. Ours, never swapped.
namespace percore {

/// Says in the record of a simulated run which queue runs: a lane "heavy 2" that begins with its
/// quantum and ends when another's begins or nothing is ready. On the kernel it does nothing.
/// Thread   the executor's.
class QueueLane {
 public:
  void begin(const char* name, unsigned number) noexcept {
    if (percore_mark == nullptr || (name_ == name && number_ == number)) return;
    end();
    name_ = name;
    number_ = number;
    percore_mark(0, name_, number_, nullptr);
  }
  void end() noexcept {
    if (percore_mark == nullptr || name_ == nullptr) return;
    percore_mark(1, name_, number_, nullptr);
    name_ = nullptr;
  }

 private:
  const char* name_ = nullptr;
  unsigned number_ = 0;
};

}  // namespace percore
