#include "perfetto.hpp"

#include <fmt/format.h>

#include <set>

namespace percore::trace {

namespace {

constexpr unsigned process = 1;

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + '"';
}

class Writer {
 public:
  Writer(const Run& run, const Story& story) : run_(run), story_(story) {}

  std::string write(const std::string& title) {
    out_ = "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"title\":" + json_text(title) +
           ",\"seed\":" + fmt::format("\"{}\"", run_.seed) + "},\"traceEvents\":[\n";
    name_tracks(title);
    for (std::size_t i = 0; i < run_.events.size(); ++i) write_event(i);
    close_lanes();
    out_ += "\n]}\n";
    return std::move(out_);
  }

 private:
  // Microseconds with three decimals, written as whole numbers would be: no rounding.
  static std::string time_text(std::int64_t nanoseconds) {
    return fmt::format("{}.{:03}", nanoseconds / 1000, nanoseconds % 1000);
  }

  void element(const std::string& fields) {
    if (!first_) out_ += ",\n";
    first_ = false;
    out_ += "{" + fields + "}";
  }

  void event(const char* phase, const Event& at, const std::string& name,
             const std::string& more = "") {
    element(fmt::format(R"("ph":"{}","pid":{},"tid":{},"ts":{},"name":{}{})", phase, process,
                        at.executor + 1, time_text(at.time_nanoseconds), json_text(name), more));
  }

  // A slice of its own, at least a nanosecond long: an arrow needs one to begin in.
  void slice(const Event& begin, std::int64_t end_nanoseconds, const std::string& name,
             const std::string& arguments) {
    const std::int64_t length = std::max<std::int64_t>(end_nanoseconds - begin.time_nanoseconds, 1);
    event("X", begin, name,
          fmt::format(R"(,"cat":"executor","dur":{},"args":{{{}}})", time_text(length), arguments));
  }

  void name_tracks(const std::string& title) {
    element(fmt::format(
        R"("ph":"M","pid":{},"tid":0,"ts":0,"name":"process_name","args":{{"name":{}}})", process,
        json_text(title)));
    for (unsigned executor = 0; executor < story_.executors; ++executor)
      element(fmt::format(R"("ph":"M","pid":{},"tid":{},"ts":0,"name":"thread_name",)"
                          R"("args":{{"name":"executor {}"}})",
                          process, executor + 1, executor));
  }

  std::int64_t return_of(std::size_t enter) const {
    for (std::size_t i = enter + 1; i < run_.events.size(); ++i)
      if (run_.events[i].kind == Kind::enter_returned &&
          run_.events[i].executor == run_.events[enter].executor)
        return run_.events[i].time_nanoseconds;
    return story_.duration_nanoseconds;
  }

  // When an executor that was stopped does something again.
  std::int64_t next_of(std::size_t place) const {
    for (std::size_t i = place + 1; i < run_.events.size(); ++i)
      if (run_.events[i].executor == run_.events[place].executor &&
          run_.events[i].kind != Kind::switched)
        return run_.events[i].time_nanoseconds;
    return story_.duration_nanoseconds;
  }

  std::string operation_name(const Life& life) const {
    return fmt::format("{} {}", run_.events[life.submitted].opcode, life.operation);
  }

  void count_in_flight(const Event& at) {
    event("C", at, "in flight", fmt::format(R"(,"args":{{"operations":{}}})", flying_.size()));
  }

  void write_event(std::size_t place);
  void write_submitted(const Event& at, const Life& life);
  void write_completion(std::size_t place, const Life& life);
  void write_mark(const Event& at);
  void close_lanes();

  const Run& run_;
  const Story& story_;
  std::string out_;
  bool first_ = true;
  std::set<std::uint64_t> flying_;
  std::map<std::string, unsigned> lanes_;  // open ones: the executor that began them
};

void Writer::write_submitted(const Event& at, const Life& life) {
  flying_.insert(life.operation);
  event("b", at, operation_name(life),
        fmt::format(R"(,"cat":"operation","id":"{}","args":{{"asks":{}}})", life.operation,
                    json_text(request_text(at))));
  if (!life.posted.empty())
    event("s", at, "completion", fmt::format(R"(,"cat":"completion","id":"{}")", life.operation));
  count_in_flight(at);
}

void Writer::write_completion(std::size_t place, const Life& life) {
  const Event& at = run_.events[place];
  event("i", at, fmt::format("completion of {}: {}", operation_name(life), result_text(at.result)),
        R"(,"s":"t","cat":"completion")");
  if (life.ended != place) return;  // more of them will come
  event("f", at, "completion",
        fmt::format(R"(,"bp":"e","cat":"completion","id":"{}")", life.operation));
  event("e", at, operation_name(life),
        fmt::format(R"(,"cat":"operation","id":"{}","args":{{"result":{}}})", life.operation,
                    json_text(result_text(at.result))));
  flying_.erase(life.operation);
  count_in_flight(at);
}

void Writer::write_mark(const Event& at) {
  const auto open = lanes_.find(at.lane);
  const std::string id = fmt::format(R"(,"cat":"program","id":{})", json_text(at.lane));
  if (at.what == "begin" && open == lanes_.end()) {
    lanes_[at.lane] = at.executor;
    event("b", at, at.lane, id);
  } else if (at.what == "end" && open != lanes_.end()) {
    lanes_.erase(open);
    event("e", at, at.lane, id);
  } else if (at.what == "note") {
    event("i", at, at.lane + ": " + at.text, R"(,"s":"t","cat":"program")");
  }
}

// A program that was stopped leaves lanes and operations open: they last to the end of the run.
void Writer::close_lanes() {
  Event end;
  end.time_nanoseconds = story_.duration_nanoseconds;
  for (const auto& [lane, executor] : lanes_) {
    end.executor = executor;
    event("e", end, lane, fmt::format(R"(,"cat":"program","id":{})", json_text(lane)));
  }
  for (const std::uint64_t operation : flying_) {
    const Life& life = *story_.life(operation);
    end.executor = life.executor;
    event("e", end, operation_name(life),
          fmt::format(R"(,"cat":"operation","id":"{}","args":{{"result":"none"}})", operation));
  }
}

void Writer::write_event(std::size_t place) {
  const Event& at = run_.events[place];
  const Life* const life = at.operation == 0 ? nullptr : story_.life(at.operation);
  switch (at.kind) {
    case Kind::enter:
      slice(at, return_of(place), "io_uring_enter",
            fmt::format(R"("hands over":{},"waits for":{})", at.length, at.result));
      break;
    case Kind::slept:
      slice(at, at.time_nanoseconds + story_.sleep_nanoseconds(place), "asleep",
            fmt::format(R"("until completions":{})", at.result));
      break;
    case Kind::submitted:
      if (life != nullptr && life->submitted == place) write_submitted(at, *life);
      break;
    case Kind::posted:
      if (life != nullptr) write_completion(place, *life);
      break;
    case Kind::finished:
      if (life == nullptr || life->ended != place) break;
      event("e", at, operation_name(*life),
            fmt::format(R"(,"cat":"operation","id":"{}","args":{{"result":{}}})", at.operation,
                        json_text(result_text(at.result))));
      flying_.erase(at.operation);
      count_in_flight(at);
      break;
    case Kind::mark:
      write_mark(at);
      break;
    case Kind::harvested:
      event("i", at, fmt::format("takes the completion of {}", at.operation),
            R"(,"s":"t","cat":"executor")");
      break;
    case Kind::fault:
      event("i", at, fault_text(at), R"(,"s":"t","cat":"fault")");
      break;
    case Kind::violation:
      event("i", at, broken_text(at), R"(,"s":"g","cat":"violation")");
      break;
    case Kind::woken:
      event("i", at, story_.wake_text(place), R"(,"s":"t","cat":"executor")");
      break;
    case Kind::blocked:
      if (!sleeps_in_enter(at)) slice(at, next_of(place), thread_text(at), "");
      break;
    case Kind::switched:
      if (at.offset != 0) event("i", at, thread_text(at), R"(,"s":"t","cat":"executor")");
      break;
    case Kind::enter_returned:
    case Kind::issued:
      break;
    default:
      event("i", at, thread_text(at), R"(,"s":"t","cat":"other")");
  }
}

}  // namespace

std::string to_perfetto(const Run& run, const std::string& title) {
  const Story story = understand(run, false);
  return Writer(run, story).write(title);
}

}  // namespace percore::trace
