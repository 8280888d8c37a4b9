#pragma once

/// The words of a losing execution: a row for each step, a column for each thread.

#include "trace.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace percore::explore {

/// The text of one execution; events are added in the order to tell.
class TextOfExecution {
 public:
  TextOfExecution(const Trace& trace, Model& model);

  void add(const Event& event);
  [[nodiscard]] unsigned stale() const noexcept { return stale_; }
  [[nodiscard]] unsigned switches() const noexcept { return switches_; }
  [[nodiscard]] std::string finish(std::string_view ending) const;

 private:
  struct Row {
    unsigned step;  ///< 0: a remark on the row above
    unsigned thread;
    std::string words;
    std::string where;
  };
  [[nodiscard]] std::string words_of(const Event& event);
  [[nodiscard]] std::string name_of(const Event& event);
  [[nodiscard]] std::string slot_of(const void* address);
  void remark_staleness(const Event& event);
  void remember(const Event& event, unsigned step);
  [[nodiscard]] std::string columns() const;
  [[nodiscard]] std::string list() const;
  [[nodiscard]] std::size_t width_of(unsigned thread) const;

  const Trace& trace_;
  Model& model_;
  std::vector<Row> rows_;
  std::map<std::uint32_t, std::string> names_;
  std::map<const void*, std::string> slots_;
  struct Written {
    unsigned step;
    const Event* event;
  };
  std::map<std::pair<std::uint32_t, std::uint32_t>, Written> written_;
  unsigned step_ = 0;
  unsigned stale_ = 0;
  unsigned switches_ = 0;
  unsigned last_thread_ = 0;
};

/// The name of the object in a line such as `head_.store(next, std::memory_order_release);`: what
/// stands before the operation, "head_". column  from 1, a hint where a line has several.
std::string object_in_line(std::string_view line, unsigned column);

/// "spsc_queue.hpp:41"
std::string short_place(const std::source_location& where);

}  // namespace percore::explore
