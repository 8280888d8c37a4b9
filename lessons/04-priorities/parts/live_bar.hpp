#pragma once

#include <unistd.h>
#include <percore/task_queue.hpp>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "work.hpp"

namespace lesson {

/// Who got how much of the thread so far: one line that is drawn again and again on a terminal, and
/// plain lines elsewhere.
class LiveBar {
 public:
  explicit LiveBar(std::vector<percore::TaskQueue*> queues)
      : queues_(std::move(queues)), terminal_(isatty(STDOUT_FILENO) != 0) {}
  bool terminal() const { return terminal_; }

  void draw(percore::Time passed) const {
    percore::Time sum;
    for (const auto* queue : queues_) sum = sum + queue->statistics().time;
    std::string line = fmt::format("after {:4} ms", passed.nanoseconds / ms);
    for (const auto* queue : queues_) {
      const double percent = percent_of(queue->statistics().time, sum);
      if (terminal_) line += fmt::format("  {} {:<30}", queue->name(), bar(percent));
      line += fmt::format("{}{:5.1f} %", terminal_ ? "" : "  " + queue->name(), percent);
    }
    if (terminal_)
      fmt::print("\r\033[K{}", line);
    else
      fmt::print("{}\n", line);
    std::fflush(stdout);
  }
  void done() const {
    if (terminal_) fmt::print("\r\033[K");
  }

 private:
  static std::string bar(double percent) {
    std::string out;
    for (double at = 0; at < percent; at += 100.0 / 30) out += "▇";
    return out;
  }
  std::vector<percore::TaskQueue*> queues_;
  bool terminal_;
};

}  // namespace lesson
