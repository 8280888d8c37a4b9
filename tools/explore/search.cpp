// The search over all choices: depth first, bound by bound, so that the first failure needs the
// fewest preemptions.

#include "engine.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>

namespace percore::explore {

namespace {

// After a first failure the search goes on for a while, for one that is told in fewer steps.
constexpr unsigned FAILURES_MAX = 200;
constexpr std::uint64_t FURTHER_EXECUTIONS = 20'000;
constexpr std::string_view DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz";

std::uint64_t next_execution() noexcept {
  static std::uint64_t count = 0;
  return ++count;  // unique in the process: cells remember it
}

}  // namespace

void Engine::run_once() {
  model_.begin();
  plain_.begin();
  execution_ = next_execution();
  count_ = 1;
  current_ = 0;
  writes_ = 0;
  left_ = bound_;
  depth_ = 0;
  started_ = false;
  bare_ = false;
  wrong_ = Wrong::nothing;
  Thread& body = *threads_[0];
  body.name = "the body";
  body.status = Status::ready;
  body.steps = body.made = body.yields = body.idle_loads = body.writes = 0;
  body.fresh = body.spurious = body.looks_at_time = false;
  body.last = {};
  body.fiber.start(body_entry, this);
  Fiber::switch_over(root_, body.fiber);
}

// The next execution differs at the last place where something is left to choose.
bool Engine::next_choices() {
  while (!choices_.empty() && choices_.back().taken + 1 >= choices_.back().count)
    choices_.pop_back();
  if (choices_.empty()) return false;
  ++choices_.back().taken;
  return true;
}

Told Engine::tell() {
  const std::vector<Choice> kept = choices_;
  replaying_ = telling_ = true;
  trace_.events.clear();
  run_once();
  trace_.names.clear();
  for (unsigned i = 0; i < count_; ++i) trace_.names.push_back(threads_[i]->name);
  Told told = explore::tell(trace_, model_, sentence_);
  replaying_ = telling_ = false;
  choices_ = kept;
  told.schedule = schedule_text();
  return told;
}

void Engine::consider_failure() {
  ++failures_;
  const Wrong wrong = wrong_;
  const std::string sentence = sentence_;
  Told told = tell();
  if (found_ && !told.shorter_than(best_)) return;
  if (!found_) found_at_ = outcome_.executions;
  found_ = true;
  best_ = std::move(told);
  outcome_.wrong = wrong;
  outcome_.sentence = sentence;
}

// False when there is no need for a higher bound.
bool Engine::search(unsigned bound) {
  bound_ = bound;
  held_back_ = false;
  choices_.clear();
  visited_.clear();
  do {
    run_once();
    ++outcome_.executions;
    if (wrong_ != Wrong::nothing) consider_failure();
    const bool enough =
        failures_ >= FAILURES_MAX || outcome_.executions > found_at_ + FURTHER_EXECUTIONS;
    if (found_ && (enough || outcome_.wrong == Wrong::misuse)) break;
    if (outcome_.executions >= options_.executions_max) {
      outcome_.gave_up = !found_;
      break;
    }
  } while (next_choices());
  outcome_.states = visited_.size();
  return !found_ && !outcome_.gave_up && held_back_;
}

Outcome Engine::explore() {
  if (!options_.schedule.empty()) return show_again();
  unsigned bound = 0;
  while (search(bound) && bound < options_.preemptions)
    bound = bound < 3 || options_.preemptions != Options::ALL ? bound + 1 : Options::ALL;
  outcome_.preemptions = bound;
  outcome_.every_schedule = !found_ && !held_back_ && !outcome_.gave_up;
  outcome_.steps = steps_;
  if (found_) {
    outcome_.history = best_.text;
    outcome_.schedule = best_.schedule;
  }
  return std::move(outcome_);
}

Outcome Engine::show_again() {
  take_schedule(options_.schedule);
  const Told told = tell();
  outcome_.executions = 1;
  outcome_.steps = steps_;
  outcome_.preemptions = bound_;
  outcome_.wrong = wrong_;
  outcome_.sentence = wrong_ == Wrong::nothing ? "" : sentence_;
  outcome_.history = told.text;
  outcome_.schedule = options_.schedule;
  return std::move(outcome_);
}

// "<bound>.<choices>": a digit a choice, or its number in brackets; what follows is all zeros.
std::string Engine::schedule_text() const {
  std::string out = fmt::format("{}.", bound_);
  for (const Choice& choice : choices_) {
    if (choice.taken < DIGITS.size())
      out += DIGITS[choice.taken];
    else
      out += fmt::format("({})", choice.taken);
  }
  while (out.back() == '0' && out[out.size() - 2] != '.') out.pop_back();
  return out;
}

void Engine::take_schedule(std::string_view text) {
  choices_.clear();
  const auto refuse = [&]() {
    fmt::print(stderr, "'{}' is no schedule: take it from a failure's last line\n", text);
    std::exit(2);
  };
  const auto number = [&](std::string_view digits) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size()) refuse();
    return value;
  };
  const std::size_t dot = text.find('.');
  if (dot == text.npos) refuse();
  bound_ = number(text.substr(0, dot));
  for (std::size_t i = dot + 1; i < text.size(); ++i) {
    unsigned taken = 0;
    if (text[i] == '(') {
      const std::size_t end = text.find(')', i);
      if (end == text.npos) refuse();
      taken = number(text.substr(i + 1, end - i - 1));
      i = end;
    } else {
      const std::size_t digit = DIGITS.find(text[i]);
      if (digit == DIGITS.npos) refuse();
      taken = static_cast<unsigned>(digit);
    }
    choices_.push_back({.taken = static_cast<std::uint16_t>(taken), .count = 0});
  }
}

}  // namespace percore::explore
