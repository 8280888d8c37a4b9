// Reads a record: flat JSON objects, one a line.

#include "record.hpp"

#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <string_view>

namespace percore::trace {

namespace {

constexpr int version_known = 1;
constexpr std::string_view opcode_prefix = "IORING_OP_";

using Fields = std::map<std::string, std::string, std::less<>>;

class LineReader {
 public:
  explicit LineReader(std::string_view line) : rest_(line) {}

  std::optional<Fields> read() {
    Fields out;
    if (!take('{')) return {};
    while (!take('}')) {
      if (!out.empty() && !take(',')) return {};
      const auto key = quoted();
      if (!key || !take(':')) return {};
      const auto value = rest_.starts_with('"') ? quoted() : number();
      if (!value) return {};
      out[*key] = *value;
    }
    return out;
  }

 private:
  bool take(char wanted) {
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::optional<std::string> quoted() {
    if (!take('"')) return {};
    std::string out;
    while (!rest_.empty() && rest_.front() != '"') {
      if (rest_.front() == '\\') rest_.remove_prefix(1);
      if (rest_.empty()) return {};
      out += rest_.front();
      rest_.remove_prefix(1);
    }
    if (!take('"')) return {};
    return out;
  }
  std::optional<std::string> number() {
    const std::size_t size = rest_.find_first_not_of("-0123456789");
    if (size == 0 || size == rest_.npos) return {};
    std::string out(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return out;
  }

  std::string_view rest_;
};

std::int64_t number_of(const Fields& fields, std::string_view key, std::int64_t otherwise = 0) {
  const auto found = fields.find(key);
  return found == fields.end() ? otherwise : std::strtoll(found->second.c_str(), nullptr, 10);
}

std::string text_of(const Fields& fields, std::string_view key) {
  const auto found = fields.find(key);
  return found == fields.end() ? std::string() : found->second;
}

Kind kind_of(std::string_view name) {
  static constexpr std::string_view names[] = {
      "ring_opened", "ring_closed",    "enter",        "enter_returned", "submitted",
      "issued",      "parked",         "finished",     "posted",         "overflowed",
      "harvested",   "slept",          "fault",        "cancel_asked",   "violation",
      "mark",        "thread_started", "thread_ended", "switched",       "blocked",
      "woken",       "stalled"};
  for (std::size_t i = 0; i < std::size(names); ++i)
    if (names[i] == name) return static_cast<Kind>(i);
  return Kind::other;
}

Event event_of(const Fields& fields) {
  Event out;
  out.kind_name = text_of(fields, "kind");
  out.kind = kind_of(out.kind_name);
  out.time_nanoseconds = number_of(fields, "time");
  out.executor = static_cast<unsigned>(number_of(fields, "executor"));
  out.ring = static_cast<unsigned>(number_of(fields, "ring"));
  out.operation = static_cast<std::uint64_t>(number_of(fields, "operation"));
  out.result = number_of(fields, "result");
  out.length = number_of(fields, "length");
  out.offset = number_of(fields, "offset");
  out.fd = static_cast<int>(number_of(fields, "fd", -1));
  out.name = number_of(fields, "name", -1);
  out.opcode = text_of(fields, "opcode");
  if (out.opcode.starts_with(opcode_prefix)) out.opcode.erase(0, opcode_prefix.size());
  out.what = text_of(fields, "what");
  out.lane = text_of(fields, "lane");
  out.text = text_of(fields, out.kind == Kind::violation ? "sentence" : "text");
  out.rule = text_of(fields, "rule");
  return out;
}

}  // namespace

std::vector<Run> read_record(const std::string& text) {
  std::vector<Run> out;
  std::string_view rest(text);
  rest = rest.substr(0, rest.find('\0'));  // the part of the file that was not written
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const auto fields = LineReader(rest.substr(0, end)).read();
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!fields) continue;
    if (fields->contains("record")) {
      if (number_of(*fields, "record") != version_known) return {};
      out.push_back({.seed = static_cast<std::uint64_t>(number_of(*fields, "seed")),
                     .events = {},
                     .full = false});
    } else if (!out.empty() && text_of(*fields, "kind") == "record_full") {
      out.back().full = true;
    } else if (!out.empty() && fields->contains("kind")) {
      out.back().events.push_back(event_of(*fields));
    }
  }
  return out;
}

std::string result_text(std::int64_t result) {
  if (result >= 0 || result < -4095) return std::to_string(result);
  const char* const name = strerrorname_np(static_cast<int>(-result));
  return name == nullptr ? std::to_string(result) : "-" + std::string(name);
}

}  // namespace percore::trace
