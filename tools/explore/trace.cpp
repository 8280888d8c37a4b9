// From the events of a losing execution to an order in which a reader can follow them.
//
// The order in which the search executed the events is one of many that give the same execution:
// any that keeps the order within each thread, and each read behind the store it reads, does. Told
// is the one in which the fewest reads are stale, and of these the one with the fewest switches. A
// mistake that needs no stale read is thus told as a plain interleaving.

#include "trace.hpp"

#include "told_text.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>

namespace percore::explore {

namespace {

constexpr std::size_t CUTS_MAX = 200'000;

// A place in the order: how many events of each thread have been told.
using Cut = std::array<std::uint8_t, THREADS_MAX>;

struct Point {
  unsigned thread;
  unsigned position;  // in its thread, from 0
};

bool told_already(const Cut& cut, const Point& point) {
  return cut[point.thread] > point.position;
}

struct Node {
  const Event* event;
  std::vector<Point> after;   // these must come first
  std::vector<Point> missed;  // newer stores: told before this event, they make it stale
};

bool is_last_word(Act act) {
  return act == Act::asleep || act == Act::spins || act == Act::ended || act == Act::race;
}

class Orderer {
 public:
  Orderer(const std::vector<const Event*>& events, Model& model);
  // The events in the order to tell; empty when there are too many.
  std::vector<const Event*> order();

 private:
  struct Step {
    unsigned stale = 0;
    unsigned switches = 0;
    int thread = -1;  // which told the last event
    int thread_before = -1;
  };
  struct Key {
    Cut cut;
    int thread;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const noexcept {
      std::uint64_t packed = 0;
      for (const std::uint8_t part : key.cut) packed = packed << 8 | part;
      return (packed ^ static_cast<std::uint64_t>(key.thread + 1) << 56) * 0x9e3779b97f4a7c15U >> 7;
    }
  };
  using Level = std::unordered_map<Key, Step, Hash>;

  void extend(const Key& from, const Step& step, Level& next) const;
  std::vector<const Event*> walk_back(const std::vector<Level>& levels) const;

  std::array<std::vector<Node>, THREADS_MAX> threads_;
  std::size_t count_ = 0;
};

Orderer::Orderer(const std::vector<const Event*>& events, Model& model) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, Point> writers;
  for (const Event* event : events) {
    auto& nodes = threads_[event->thread];
    if (event->written != NO_STORE)
      writers[{event->location, event->written}] = {event->thread,
                                                    static_cast<unsigned>(nodes.size())};
    nodes.push_back({.event = event, .after = {}, .missed = {}});
    ++count_;
  }
  for (auto& nodes : threads_) {
    for (Node& node : nodes) {
      const Event& event = *node.event;
      if (event.read == NO_STORE && event.written == NO_STORE) continue;
      if (const auto it = writers.find({event.location, event.read}); it != writers.end())
        node.after.push_back(it->second);
      const Location& at = model.location(event.location);
      const std::uint32_t own = event.written != NO_STORE ? event.written : event.read;
      for (std::uint32_t i = 0; i < at.stores.size(); ++i) {
        const auto it = writers.find({event.location, i});
        if (it != writers.end() && at.stores[i].place > at.stores[own].place)
          node.missed.push_back(it->second);
      }
    }
  }
}

void Orderer::extend(const Key& from, const Step& step, Level& next) const {
  for (unsigned thread = 0; thread < THREADS_MAX; ++thread) {
    if (from.cut[thread] == threads_[thread].size()) continue;
    const Node& node = threads_[thread][from.cut[thread]];
    const auto told = [&](const Point& point) { return told_already(from.cut, point); };
    if (!std::ranges::all_of(node.after, told)) continue;
    Step after{
        .stale = step.stale + std::ranges::any_of(node.missed, told),
        .switches = step.switches + (from.thread >= 0 && from.thread != static_cast<int>(thread)),
        .thread = static_cast<int>(thread),
        .thread_before = from.thread};
    Key key{.cut = from.cut, .thread = static_cast<int>(thread)};
    ++key.cut[thread];
    const auto [it, is_new] = next.try_emplace(key, after);
    if (!is_new &&
        std::pair(after.stale, after.switches) < std::pair(it->second.stale, it->second.switches))
      it->second = after;
  }
}

std::vector<const Event*> Orderer::walk_back(const std::vector<Level>& levels) const {
  const auto better = [](const auto& a, const auto& b) {
    return std::pair(a.second.stale, a.second.switches) <
           std::pair(b.second.stale, b.second.switches);
  };
  auto best = std::min_element(levels.back().begin(), levels.back().end(), better);
  Key key = best->first;
  std::vector<const Event*> out;
  for (std::size_t level = levels.size() - 1; level > 0; --level) {
    const Step& step = levels[level].at(key);
    const auto thread = static_cast<unsigned>(key.thread);
    --key.cut[thread];
    out.push_back(threads_[thread][key.cut[thread]].event);
    key.thread = step.thread_before;
  }
  std::ranges::reverse(out);
  return out;
}

std::vector<const Event*> Orderer::order() {
  std::size_t cuts = 1;
  for (const auto& nodes : threads_) {
    if (nodes.size() >= 255) return {};
    cuts *= nodes.size() + 1;
    if (cuts > CUTS_MAX) return {};
  }
  std::vector<Level> levels(1);
  levels[0][Key{.cut = {}, .thread = -1}] = {};
  for (std::size_t level = 0; level < count_; ++level) {
    levels.emplace_back();
    for (const auto& [key, step] : levels[level]) extend(key, step, levels[level + 1]);
  }
  return walk_back(levels);
}

// Plain memory that one thread alone uses is its own affair.
std::vector<const Event*> worth_telling(const Trace& trace) {
  std::map<const void*, unsigned> users;
  for (const Event& event : trace.events)
    if (event.address != nullptr && event.thread != 0) users[event.address] |= 1U << event.thread;
  const auto first = std::ranges::find_if(trace.events, [](auto& e) { return e.thread != 0; });
  std::vector<const Event*> out;
  for (auto it = first == trace.events.end() ? trace.events.begin() : first;
       it != trace.events.end(); ++it) {
    const unsigned mask = it->address != nullptr ? users[it->address] : 0;
    const bool plain = it->act == Act::read || it->act == Act::write;
    if (plain && ((mask & (mask - 1)) == 0 || it->words.empty() || it->thread == 0)) continue;
    out.push_back(&*it);
  }
  return out;
}

// What the end does not depend on is left out: kept are the events that end the execution, the
// access that a race is with, and all that each of these needed, by the order within a thread and
// by what was read. What is kept is an execution of its own.
std::vector<const Event*> needed(const std::vector<const Event*>& events) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> writers;
  for (std::size_t i = 0; i < events.size(); ++i)
    if (events[i]->written != NO_STORE) writers[{events[i]->location, events[i]->written}] = i;
  std::array<std::size_t, THREADS_MAX> keep{};  // of each thread, the events before this index
  std::vector<std::size_t> rest;
  const auto root = [&](std::size_t i) { rest.push_back(i); };
  for (std::size_t i = events.size(); i-- > 0;) {
    const Event& event = *events[i];
    if (event.thread == 0 || is_last_word(event.act)) root(i);
    if (event.act != Act::race) continue;
    for (std::size_t k = i; k-- > 0;)
      if (events[k]->address == event.address && events[k]->thread != event.thread) {
        root(k);
        break;
      }
  }
  if (rest.empty()) return events;
  if (std::ranges::any_of(events, [](auto* e) {
        return e->thread == 0 || e->act == Act::asleep || e->act == Act::spins;
      }))
    return events;
  while (!rest.empty()) {
    const std::size_t last = rest.back();
    rest.pop_back();
    const unsigned thread = events[last]->thread;
    for (std::size_t i = keep[thread]; i <= last; ++i) {
      if (events[i]->thread != thread || events[i]->read == NO_STORE) continue;
      const auto it = writers.find({events[i]->location, events[i]->read});
      if (it != writers.end()) rest.push_back(it->second);
    }
    keep[thread] = std::max(keep[thread], last + 1);
  }
  std::vector<const Event*> out;
  for (std::size_t i = 0; i < events.size(); ++i)
    if (i < keep[events[i]->thread]) out.push_back(events[i]);
  return out;
}

}  // namespace

Told tell(const Trace& trace, Model& model, std::string_view ending) {
  std::vector<const Event*> middle;
  std::vector<const Event*> last;
  for (const Event* event : needed(worth_telling(trace)))
    (is_last_word(event->act) || event->thread == 0 ? last : middle).push_back(event);
  std::vector<const Event*> order = Orderer(middle, model).order();
  if (order.empty()) order = middle;  // too many for the best order: the one they were executed in
  order.insert(order.end(), last.begin(), last.end());

  TextOfExecution text(trace, model);
  for (const Event* event : order) text.add(*event);
  Told out;
  out.stale = text.stale();
  out.switches = text.switches();
  out.steps = order.size();
  out.text = text.finish(ending);
  return out;
}

}  // namespace percore::explore
