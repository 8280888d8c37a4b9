// The run at hand: registration, randomness from the seed, and what a check tells about itself.

#include "harness.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>

namespace percore::check {

namespace {

struct Lists {
  Check* first = nullptr;
  Check* last = nullptr;
  OracleText* oracles = nullptr;
};

// Registrations run before main, from several objects: the list is made at its first use.
Lists& lists() noexcept {
  static Lists the_lists;
  return the_lists;
}

// splitmix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014): every
// seed, 0 too, gives an unrelated stream.
std::uint64_t next_random(std::uint64_t& value) noexcept {
  std::uint64_t z = (value += 0x9e3779b97f4a7c15U);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

}  // namespace

State& state() noexcept {
  static State the_state;
  return the_state;
}

Check* first_check() noexcept {
  return lists().first;
}

const OracleText* oracle_text(std::string_view kind) noexcept {
  for (const OracleText* text = lists().oracles; text != nullptr; text = text->next)
    if (kind == text->kind) return text;
  return nullptr;
}

Registration::Registration(Check& check) noexcept {
  Lists& all = lists();
  (all.last != nullptr ? all.last->next : all.first) = &check;
  all.last = &check;
}

OracleRegistration::OracleRegistration(OracleText& text) noexcept {
  text.next = lists().oracles;
  lists().oracles = &text;
}

std::uint64_t Run::seed() const noexcept {
  return state().seed;
}

bool Run::simulated() const noexcept {
  return flavour_simulated();
}

std::uint64_t Run::random(std::uint64_t bound) noexcept {
  return bound == 0 ? 0 : next_random(state().random_state) % bound;
}

unsigned Run::size(unsigned low, unsigned high) noexcept {
  const std::uint64_t span = high > low ? high - low : 0;
  // Always drawn: the rest of the stream stays the same when shrunk.
  auto drawn = static_cast<std::uint32_t>(random(span + 1));
  Page& page = *state().page;
  const auto& limits = state().arguments.size_limits;
  if (!limits.empty()) {
    const std::size_t mine = std::min<std::size_t>(page.size_count, limits.size() - 1);
    drawn = static_cast<std::uint32_t>(std::min<std::uint64_t>(drawn, limits[mine]));
  }
  if (page.size_count < PAGE_SIZES_MAX) page.sizes[page.size_count] = drawn;
  ++page.size_count;
  return low + drawn;
}

void Run::operation(std::uint64_t number) noexcept {
  state().page->operation = number;
}

void Run::waits_for(const char* what) noexcept {
  Page& page = *state().page;
  std::strncpy(page.waits_for, what, sizeof page.waits_for - 1);
}

void Run::count_from_here() noexcept {
  flavour_mark_outside();
  state().counted = flavour_counts();
  if (state().arguments.stepped) std::raise(SIGTRAP);  // the tracer steps from here on
  state().page->counting = 1;
}

void Run::count_to_here() noexcept {
  state().page->counting = 0;
  const State::Counted after = flavour_counts();
  state().counted = {.enters = after.enters - state().counted.enters,
                     .allocations = after.allocations - state().counted.allocations};
}

std::string_view Run::answer(std::string_view question) const noexcept {
  for (const auto& [asked, answer] : state().answers)
    if (asked == question) return answer;
  return {};
}

void skip_with(std::string_view sentence) {
  report_skipped(sentence);
}

void fail_with(std::string_view sentence) noexcept {
  const Check& check = *state().check;
  report_broken(check.invariant, check.lesson, check.statement, sentence, "", "");
}

void fail_with(std::string_view invariant, std::string_view lesson,
               std::string_view sentence) noexcept {
  report_broken(invariant, lesson, state().check->statement, sentence, "", "");
}

}  // namespace percore::check
