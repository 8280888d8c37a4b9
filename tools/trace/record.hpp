#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// The record of a run on the simulated ring, as tools/simring/record_file.cpp writes it, and the
/// pictures of it: text, SVG, and JSON for Perfetto.
namespace percore::trace {

enum class Kind : std::uint8_t {
  ring_opened,
  ring_closed,
  enter,
  enter_returned,
  submitted,
  issued,
  parked,
  finished,
  posted,
  overflowed,
  harvested,
  slept,
  fault,
  cancel_asked,
  violation,
  mark,
  thread_started,
  thread_ended,
  switched,
  blocked,
  woken,
  stalled,
  other,  ///< of a newer simulation; told by its name
};

struct Event {
  Kind kind = Kind::other;
  std::string kind_name;
  std::int64_t time_nanoseconds = 0;  ///< since the run began
  unsigned executor = 0;
  unsigned ring = 0;
  std::uint64_t operation = 0;
  std::int64_t result = 0;
  std::int64_t length = 0;
  std::int64_t offset = 0;
  int fd = -1;
  std::int64_t name = -1;  ///< user_data, where it is a small number; -1 else
  std::string opcode;      ///< "WRITE"
  std::string what;        ///< of a mark: "begin", "end", "note"
  std::string lane;
  std::string text;  ///< of a mark or a violation
  std::string rule;
};

struct Run {
  std::uint64_t seed = 0;
  std::vector<Event> events;
  bool full = false;  ///< the record was full before the run ended
};

/// The runs of a record, in order; empty when there is none. What is damaged is passed over: a
/// program that was killed may have left half a line.
std::vector<Run> read_record(const std::string& text);

/// "-EINTR", "18".
std::string result_text(std::int64_t result);

}  // namespace percore::trace
