// What the program itself says in the record: percore_mark, which <percore/mark.hpp> calls when
// there is one.

#include <algorithm>

#include "state.hpp"

namespace percore::sim {

namespace {

constexpr std::size_t words_max = 10'000;  // of different words; more share the last one

// Words are kept once, so that an event stays a few numbers.
std::size_t kept(std::string word) {
  auto& words = session().words;
  if (words.empty()) words.emplace_back();
  auto& places = session().word_places;
  if (const auto found = places.find(word); found != places.end()) return found->second;
  if (words.size() == words_max) return words.size() - 1;
  words.push_back(word);
  places.emplace(std::move(word), words.size() - 1);
  return words.size() - 1;
}

}  // namespace

const std::string& word(std::size_t index) noexcept {
  static const std::string none;
  const auto& words = session().words;
  return index < words.size() ? words[index] : none;
}

void mark(int what, std::string lane, std::string text) {
  const Call call;
  note(nullptr, {.kind = Event::Kind::mark,
                 .result = what,
                 .length = static_cast<std::uint32_t>(kept(std::move(lane))),
                 .offset = text.empty() ? 0 : kept(std::move(text))});
}

}  // namespace percore::sim

extern "C" void percore_mark(int what, const char* lane, unsigned long number, const char* text) {
  const percore::sim::Call call;  // its own allocations are not the program's
  // What this thread took from its rings before now, stands before its words.
  for (percore::sim::Ring* ring : percore::sim::session().open_rings)
    if (pthread_equal(ring->issuer, pthread_self())) note_harvest(*ring);
  percore::sim::mark(what, std::string(lane) + " " + std::to_string(number),
                     text == nullptr ? "" : text);
}
