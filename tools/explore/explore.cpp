// What checks and explored code call.

#include <percore/explore.hpp>

#include "engine.hpp"

#include <cstdio>
#include <cstdlib>

namespace percore::explore {

Engine*& engine() noexcept {
  static Engine* the_engine = nullptr;
  return the_engine;
}

bool exploring() noexcept {
  return engine() != nullptr;
}

namespace {

void report_and_exit(const Outcome& outcome) {
  fmt::print(stderr, "{} ({})\n\n{}\nPERCORE_SCHEDULE={} shows it again.\n", outcome.sentence,
             outcome.summary(), outcome.history, outcome.schedule);
  std::exit(1);
}

void (*failure_handler)(const Outcome&) = report_and_exit;
void (*progress_handler)(std::uint64_t execution) = nullptr;

}  // namespace

std::string Outcome::summary() const {
  if (wrong != Wrong::nothing)
    return fmt::format("with {} {}, found after {} {}", preemptions,
                       preemptions == 1 ? "preemption" : "preemptions", executions,
                       executions == 1 ? "execution" : "executions");
  const std::string work = fmt::format("{} executions, {} steps", executions, steps);
  if (gave_up) return fmt::format("gave up after {}", work);
  if (every_schedule) return fmt::format("exhaustive, {}", work);
  return fmt::format("exhaustive to {} {}, {}", preemptions,
                     preemptions == 1 ? "preemption" : "preemptions", work);
}

void Threads::spawn(const char* name, std::function<void()> work) {
  engine()->spawn(name, std::move(work));
}

void Threads::run() {
  engine()->run();
}

Outcome explore(const Options& options, const std::function<void(Threads&)>& body) {
  if (exploring()) {
    fmt::print(stderr, "percore: explore() was called within an exploration\n");
    std::abort();
  }
  Engine the_engine(options, body);
  engine() = &the_engine;
  Outcome outcome = the_engine.explore();
  engine() = nullptr;
  return outcome;
}

void check(const Options& options, const std::function<void(Threads&)>& body) {
  Options chosen = options;
  if (const char* schedule = std::getenv("PERCORE_SCHEDULE"); schedule != nullptr)
    chosen.schedule = schedule;
  std::uint64_t executions = 0;
  Outcome outcome = explore(chosen, [&](Threads& threads) {
    if (progress_handler != nullptr) progress_handler(++executions);
    body(threads);
  });
  if (outcome.passed()) return;
  if (outcome.gave_up)
    outcome.sentence =
        fmt::format("the explorer {}: make the check smaller, or raise Options::executions_max",
                    outcome.summary());
  failure_handler(outcome);
  std::abort();  // a handler does not return
}

void on_failure(void (*handler)(const Outcome&)) noexcept {
  failure_handler = handler;
}

void on_progress(void (*handler)(std::uint64_t execution)) noexcept {
  progress_handler = handler;
}

void fail(std::string sentence) {
  if (!exploring()) {
    fmt::print(stderr, "percore: {} (outside an exploration)\n", sentence);
    std::abort();
  }
  engine()->fail(Wrong::requirement, std::move(sentence));
}

bool telling() noexcept {
  return exploring() && engine()->telling();
}

void say_words(std::string words) {
  engine()->say(std::move(words));
}

void plain_read(const void* address, std::source_location where) {
  if (exploring()) engine()->plain(address, false, where, "");
}

void plain_write(const void* address, std::source_location where) {
  if (exploring()) engine()->plain(address, true, where, "");
}

// --- explored_atomic.hpp ---

void cell_made(Cell& cell, Where where) noexcept {
  if (exploring()) engine()->made(cell, where);
}

void cell_destroyed(Cell& cell) noexcept {
  if (exploring()) engine()->destroyed(cell);
}

std::uint64_t cell_load(const Cell& cell, std::memory_order order, Where where) noexcept {
  return exploring() ? engine()->load(cell, order, where) : cell.value;
}

void cell_store(Cell& cell, std::uint64_t value, std::memory_order order, Where where) noexcept {
  if (exploring())
    engine()->store(cell, value, order, where);
  else
    cell.value = value;
}

std::uint64_t cell_update(Cell& cell, Change change, std::uint64_t operand, std::memory_order order,
                          Where where) noexcept {
  if (exploring()) return engine()->update(cell, change, operand, order, where);
  const std::uint64_t old = cell.value;
  cell.value = change(old, operand);
  return old;
}

bool cell_compare_exchange(Cell& cell, const Exchange& exchange, std::uint64_t& seen,
                           Where where) noexcept {
  if (exploring()) return engine()->compare_exchange(cell, exchange, seen, where);
  seen = cell.value;
  if (seen != exchange.expected) return false;
  cell.value = exchange.desired;
  return true;
}

void fence(std::memory_order order, Where where) noexcept {
  if (exploring()) engine()->fence(order, where);
}

void wake(Cell& cell, Where where) noexcept {
  if (exploring())
    engine()->wake(cell, where);
  else
    cell.value = 1;
}

void sleep(Cell& cell, Where where) noexcept {
  if (exploring()) {
    engine()->sleep(cell, where);
    return;
  }
  if (cell.value == 0) {
    fmt::print(stderr, "percore: sleep() outside an exploration, with nobody to wake it\n");
    std::abort();
  }
  cell.value = 0;
}

// --- Tracked ---

namespace {

void tracked(const void* object, bool write, std::string_view what, std::uint64_t value) {
  if (!exploring()) return;
  engine()->plain(object, write, {}, engine()->telling() ? fmt::format("{} {}", what, value) : "");
}

}  // namespace

Tracked::Tracked() noexcept {
  if (exploring()) engine()->plain(this, true, {}, "is constructed, empty");
}

Tracked::Tracked(std::uint64_t value) noexcept : value_(value), state_(State::full) {
  tracked(this, true, "=", value_);
}

Tracked::Tracked(const Tracked& other) noexcept {
  read_from(other, false);
}

Tracked::Tracked(Tracked&& other) noexcept {
  read_from(other, true);
}

Tracked& Tracked::operator=(const Tracked& other) noexcept {
  if (this != &other) read_from(other, false);
  return *this;
}

Tracked& Tracked::operator=(Tracked&& other) noexcept {
  if (this != &other) read_from(other, true);
  return *this;
}

Tracked::~Tracked() {
  if (exploring()) engine()->plain(this, true, {}, state_ == State::full ? "is destroyed" : "");
  state_ = State::destroyed;
}

void Tracked::must_be_full() const noexcept {
  if (!exploring() || state_ == State::full) return;
  if (state_ == State::moved_from)
    fail(fmt::format("the value {} was read after it was moved away", value_));
  fail(state_ == State::destroyed ? "a value was read after its destruction"
                                  : "memory was read that holds no value yet");
}

std::uint64_t Tracked::value() const noexcept {
  tracked(this, false, "gives", value_);
  must_be_full();
  return value_;
}

// Moving takes the value out: to the source it is a write.
void Tracked::read_from(const Tracked& other, bool moving) noexcept {
  tracked(&other, moving, moving ? "gives away" : "gives", other.value_);
  other.must_be_full();
  const std::uint64_t value = other.value_;
  if (moving) other.state_ = State::moved_from;
  value_ = value;
  state_ = State::full;
  tracked(this, true, "=", value);
}

}  // namespace percore::explore
