// From events to what a reader wants to see: the lives of operations, and turns that repeat.

#include "story.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace percore::trace {

namespace {

constexpr std::size_t period_max = 6;   // a pattern is at most so many turns long
constexpr std::size_t repeats_min = 4;  // fewer are all shown

void follow(Life& life, const Event& event, std::size_t place) {
  switch (event.kind) {
    case Kind::submitted:
      life.operation = event.operation;
      life.executor = event.executor;
      life.ring = event.ring;
      life.submitted = place;
      break;
    case Kind::finished:
      life.finished = place;
      life.result = event.result;
      if (life.posted.empty()) life.ended = place;  // until it is posted; a skipped one never is
      break;
    case Kind::posted:
      life.posted.push_back(place);
      life.ended = place;
      life.result = event.result;
      break;
    case Kind::harvested:
      life.harvested = place;
      break;
    default:
      break;
  }
}

// The record's older half may have been dropped: what it does not hold, did not happen for us.
void find_lives(const Run& run, Story& story) {
  for (std::size_t i = 0; i < run.events.size(); ++i) {
    const Event& event = run.events[i];
    if (event.operation == 0) continue;
    const auto found = story.lives.find(event.operation);
    if (found != story.lives.end())
      follow(found->second, event, i);
    else if (event.kind == Kind::submitted)
      follow(story.lives[event.operation], event, i);
  }
}

void count(const Run& run, Story& story) {
  std::set<std::uint64_t> flying;
  for (std::size_t i = 0; i < run.events.size(); ++i) {
    const Event& event = run.events[i];
    story.executors = std::max(story.executors, event.executor + 1);
    story.rings = std::max(story.rings, event.ring);
    story.duration_nanoseconds = std::max(story.duration_nanoseconds, event.time_nanoseconds);
    if (event.kind == Kind::enter) ++story.enters;
    if (event.kind == Kind::slept) ++story.sleeps;
    if (event.kind == Kind::fault) ++story.faults;
    if (event.kind == Kind::switched && event.offset != 0) ++story.switches;
    if (event.kind == Kind::submitted) flying.insert(event.operation);
    const Life* const life = story.life(event.operation);
    if (life != nullptr && life->ended == i) flying.erase(event.operation);
    story.in_flight_max = std::max<std::uint64_t>(story.in_flight_max, flying.size());
  }
}

// The thread on which a wake-up is noted may be asleep itself: then a completion or a deadline was
// due.
void find_causes(const Run& run, Story& story) {
  std::vector<bool> asleep(story.executors, false);
  for (std::size_t i = 0; i < run.events.size(); ++i) {
    const Event& event = run.events[i];
    if (event.kind == Kind::woken) {
      if (asleep[event.executor] || event.result == 1) story.wakes_by_time.insert(i);
      if (event.offset >= 0 && event.offset < story.executors)
        asleep[static_cast<std::size_t>(event.offset)] = false;
    } else if (is_of_thread(event.kind)) {
      asleep[event.executor] = event.kind == Kind::slept || event.kind == Kind::blocked;
    }
  }
}

std::string without_number(std::string lane) {
  const std::size_t at = lane.find_last_not_of("0123456789");
  lane.resize(at == lane.npos ? 0 : at + 1);
  return lane;
}

// What a turn does, without when, in which order, and to which of the operations.
std::string signature(const Run& run, std::size_t begin, std::size_t end) {
  std::vector<std::string> parts;
  for (std::size_t i = begin; i < end; ++i) {
    const Event& event = run.events[i];
    switch (event.kind) {
      case Kind::slept:
      case Kind::issued:
      case Kind::finished:
      case Kind::switched:
      case Kind::woken:
      case Kind::blocked:
        continue;
      case Kind::mark:
        parts.push_back(event.what + without_number(event.lane) + event.text);
        continue;
      default:
        parts.push_back(fmt::format("{} {} {} {} {} {}", event.kind_name, event.executor,
                                    event.ring, event.opcode, event.result, event.length));
    }
  }
  std::ranges::sort(parts);
  return fmt::format("{}", fmt::join(parts, "\n"));
}

// How often the `period` turns from `at` are repeated, themselves included.
std::size_t repeats(const std::vector<std::string>& turns, std::size_t at, std::size_t period) {
  std::size_t end = at + period;
  while (end < turns.size() && turns[end] == turns[end - period]) ++end;
  return (end - at) / period;
}

void find_folds(const Run& run, Story& story) {
  std::vector<std::size_t> begins;
  for (std::size_t i = 0; i < run.events.size(); ++i)
    if (run.events[i].kind == Kind::enter) begins.push_back(i);
  std::vector<std::string> turns;
  for (std::size_t i = 0; i < begins.size(); ++i)
    turns.push_back(
        signature(run, begins[i], i + 1 < begins.size() ? begins[i + 1] : run.events.size()));
  for (std::size_t at = 0; at < turns.size();) {
    std::size_t period = 1, times = 1;
    for (std::size_t tried = 1; tried <= period_max && at + tried <= turns.size(); ++tried) {
      times = repeats(turns, at, tried);
      period = tried;
      if (times >= repeats_min) break;
    }
    if (times < repeats_min) {
      ++at;
      continue;
    }
    const std::size_t end = at + times * period;
    Fold fold{.begin = begins[at + period],
              .end = end < begins.size() ? begins[end] : run.events.size(),
              .turns = static_cast<unsigned>((times - 1) * period),
              .period = static_cast<unsigned>(period)};
    for (std::size_t i = fold.begin; i < fold.end; ++i) {
      if (run.events[i].kind != Kind::submitted) continue;
      if (fold.operation_first == 0) fold.operation_first = run.events[i].operation;
      fold.operation_last = run.events[i].operation;
    }
    story.folds.push_back(fold);
    at = end;
  }
}

}  // namespace

const Life* Story::life(std::uint64_t operation) const {
  const auto found = lives.find(operation);
  return found == lives.end() ? nullptr : &found->second;
}

const Fold* Story::fold_at(std::size_t event) const {
  const auto found = std::ranges::find(folds, event, &Fold::begin);
  return found == folds.end() ? nullptr : &*found;
}

std::int64_t Story::sleep_nanoseconds(std::size_t event) const {
  const auto& events = run->events;
  const Event& slept = events[event];
  for (std::size_t i = event + 1; i < events.size(); ++i) {
    const bool ends = events[i].kind == Kind::enter_returned || events[i].kind == Kind::slept;
    if (wakes(events[i], slept.executor) || (ends && events[i].executor == slept.executor))
      return events[i].time_nanoseconds - slept.time_nanoseconds;
  }
  return duration_nanoseconds - slept.time_nanoseconds;
}

Story understand(const Run& run, bool fold) {
  Story out;
  out.run = &run;
  find_lives(run, out);
  count(run, out);
  find_causes(run, out);
  if (fold) find_folds(run, out);
  return out;
}

std::string counted(std::uint64_t count, const std::string& what, const char* plural) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : plural);
}

bool is_of_thread(Kind kind) {
  switch (kind) {
    case Kind::switched:
    case Kind::issued:
    case Kind::parked:
    case Kind::finished:
    case Kind::posted:
    case Kind::overflowed:
    case Kind::fault:
    case Kind::cancel_asked:
    case Kind::violation:
    case Kind::stalled:
    case Kind::woken:
      return false;
    default:
      return true;
  }
}

bool wakes(const Event& event, unsigned executor) {
  return event.kind == Kind::woken && event.offset == static_cast<std::int64_t>(executor);
}

bool sleeps_in_enter(const Event& event) {
  return event.kind == Kind::blocked && event.ring != 0;
}

std::string Story::wake_text(std::size_t woken) const {
  const Event& event = run->events[woken];
  if (!wakes_by_time.contains(woken)) return fmt::format("wakes executor {}", event.offset);
  if (event.result == 1) return fmt::format("executor {} wakes: its time is up", event.offset);
  return fmt::format("executor {} wakes", event.offset);
}

std::string thread_text(const Event& event) {
  switch (event.kind) {
    case Kind::thread_started:
      return fmt::format("executor {} starts", event.executor);
    case Kind::thread_ended:
      return fmt::format("executor {} ends", event.executor);
    case Kind::switched:
      return fmt::format("is interrupted; executor {} goes on", event.result);
    case Kind::blocked:
      return "waits in " + event.text;
    case Kind::woken:
      return fmt::format("wakes executor {}", event.offset);
    case Kind::stalled:
      return fmt::format("fault: the core of executor {} stalls for {}", event.offset,
                         duration_text(event.length));
    default:
      return event.kind_name;
  }
}

std::string fault_text(const Event& fault) {
  if (fault.result < 0)
    return fault.operation == 0 ? "fault: " + result_text(fault.result)
                                : fmt::format("fault at operation {}: {}", fault.operation,
                                              result_text(fault.result));
  if (fault.operation == 0)
    return fmt::format("fault: only {} of the entries {} taken", fault.result,
                       fault.result == 1 ? "is" : "are");
  return fmt::format("fault at operation {}: only {} of its bytes {} moved", fault.operation,
                     fault.result, fault.result == 1 ? "is" : "are");
}

std::string duration_text(std::int64_t nanoseconds) {
  const auto value = static_cast<double>(nanoseconds);
  if (nanoseconds < 10'000'000) return fmt::format("{:.2f} us", value / 1e3);
  if (nanoseconds < 10'000'000'000) return fmt::format("{:.2f} ms", value / 1e6);
  return fmt::format("{:.2f} s", value / 1e9);
}

std::string summary(const Story& story) {
  std::string out = fmt::format(
      "{}, {}, {}, at most {} in flight", counted(story.lives.size(), "operation"),
      counted(story.enters, "enter"), counted(story.sleeps, "sleep"), story.in_flight_max);
  if (story.executors > 1) out = counted(story.executors, "executor") + ", " + out;
  if (story.switches > 0) out += ", " + counted(story.switches, "unforced switch", "es");
  if (story.faults > 0) out += ", " + counted(story.faults, "fault");
  return out + ", " + duration_text(story.duration_nanoseconds);
}

std::string list_of(const std::vector<std::uint64_t>& numbers) {
  constexpr std::size_t groups_max = 8;
  std::string out;
  std::size_t groups = 0;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t end = i + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
    if (++groups > groups_max) return out + fmt::format(" and {} more", numbers.size() - i);
    if (!out.empty()) out += ", ";
    if (end - i > 2) {
      out += fmt::format("{}-{}", numbers[i], numbers[end - 1]);
    } else {
      end = i + 1;
      out += fmt::format("{}", numbers[i]);
    }
    i = end;
  }
  return out;
}

std::string broken_text(const Event& violation) {
  if (violation.rule.empty()) return violation.text;
  return "BROKEN: " + (violation.text.empty() ? violation.rule : violation.text);
}

std::string request_text(const Event& submitted) {
  const std::string& opcode = submitted.opcode;
  const auto has = [&](std::string_view word) { return opcode.find(word) != opcode.npos; };
  std::string out = opcode;
  const bool moves = has("READ") || has("WRITE") || has("SEND") || has("RECV");
  const bool vectored = opcode == "READV" || opcode == "WRITEV" || has("MSG");
  if (moves && !vectored)
    out += " of " + counted(static_cast<std::uint64_t>(submitted.length), "byte");
  if (moves && submitted.fd >= 0) out += fmt::format(" on descriptor {}", submitted.fd);
  return out;
}

}  // namespace percore::trace
