// Rows first, since what has no row takes no room; then places along the staves.

#include "layout.hpp"

#include <algorithm>

namespace percore::trace {

namespace {

// Rows of one kind in one executor: the lowest that is free is taken.
class Rows {
 public:
  std::size_t take() {
    const auto free = std::ranges::find(taken_, false);
    const auto row = static_cast<std::size_t>(free - taken_.begin());
    if (free == taken_.end())
      taken_.push_back(true);
    else
      *free = true;
    return row;
  }
  void give(std::size_t row) { taken_[row] = false; }

 private:
  std::vector<bool> taken_;
};

void find_operations(const Story& story, Layout& out) {
  std::vector<Rows> rows(story.executors);
  std::map<std::uint64_t, std::size_t> open;
  const auto& events = story.run->events;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Life* const life = events[i].operation == 0 ? nullptr : story.life(events[i].operation);
    if (life == nullptr) continue;
    if (life->submitted == i) {
      open[life->operation] = out.operations.size();
      out.operations.push_back({.begin = i,
                                .end = life->end(*story.run),
                                .executor = life->executor,
                                .row = rows[life->executor].take(),
                                .operation = life->operation,
                                .lane = {}});
    } else if (life->ended == i) {
      const Bar& bar = out.operations[open[life->operation]];
      rows[bar.executor].give(bar.row);
    }
  }
}

// A lane and its executor: several may have a queue of the same name.
using LaneKey = std::pair<unsigned, std::string>;

// Lanes that begin more than once, such as a task queue's: each of them has a row for itself.
std::map<LaneKey, std::size_t> rows_of_recurring(const Story& story, std::vector<Rows>& rows) {
  std::map<LaneKey, unsigned> begins;
  std::vector<LaneKey> lanes;  // in the order of their coming
  for (const Event& event : story.run->events) {
    if (event.kind != Kind::mark || event.what != "begin") continue;
    if (++begins[{event.executor, event.lane}] == 1) lanes.push_back({event.executor, event.lane});
  }
  std::map<LaneKey, std::size_t> out;
  for (const LaneKey& key : lanes)
    if (begins[key] > 1) out[key] = rows[key.first].take();
  return out;
}

void find_lanes(const Story& story, Layout& out) {
  std::vector<Rows> rows(story.executors);
  const auto kept = rows_of_recurring(story, rows);
  std::map<LaneKey, std::size_t> open;
  const auto& events = story.run->events;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Event& event = events[i];
    if (event.kind != Kind::mark) continue;
    const LaneKey key{event.executor, event.lane};
    const auto found = open.find(key);
    if (event.what == "end" && found != open.end()) {
      Bar& bar = out.lanes[found->second];
      bar.end = i;
      if (!bar.recurs) rows[bar.executor].give(bar.row);
      open.erase(found);
    } else if (event.what == "begin" && found == open.end()) {
      open[key] = out.lanes.size();
      const auto row = kept.find(key);
      out.lanes.push_back({.begin = i,
                           .end = events.size(),
                           .executor = event.executor,
                           .row = row != kept.end() ? row->second : rows[event.executor].take(),
                           .operation = 0,
                           .lane = event.lane,
                           .recurs = row != kept.end()});
    }
  }
}

// How much room an event takes. `drawn`: its operation or lane has a row.
int advance(const Story& story, std::size_t place, bool drawn, int cell_width) {
  const Event& event = story.run->events[place];
  const Life* const life = event.operation == 0 ? nullptr : story.life(event.operation);
  switch (event.kind) {
    case Kind::enter:
      return 14;
    case Kind::enter_returned:
      return 9;
    case Kind::submitted:
    case Kind::posted:
    case Kind::overflowed:
      return drawn ? cell_width : 0;
    case Kind::finished: {
      if (life == nullptr || !drawn || life->posted.empty()) return drawn ? cell_width : 0;
      return life->posted.front() == place + 1 ? 0 : 5;
    }
    case Kind::harvested:
      return drawn ? 5 : 0;
    case Kind::slept:
      return 56;
    case Kind::mark:
      return drawn ? 10 : 0;
    case Kind::violation:
      return 22;
    case Kind::fault:
      return 16;
    case Kind::blocked:
      return sleeps_in_enter(event) ? 0 : 40;
    case Kind::switched:
      return event.offset == 0 ? 0 : 10;
    case Kind::issued:
    case Kind::ring_opened:
    case Kind::ring_closed:
      return 0;
    default:
      return 10;
  }
}

constexpr int fold_width = 150;
constexpr int fold_margin = 12;  // what reaches into a fold, or out of it
static_assert(fold_width / 2 - fold_margin == fold_middle);
constexpr int end_width = 6;

class Walk {
 public:
  Walk(const Story& story, const LayoutOptions& options, Layout& out)
      : story_(story), options_(options), out_(out), drawn_(story.run->events.size(), true) {
    for (const Bar& bar : out.operations) {
      if (bar.row < options.operation_rows) continue;
      hide_operation(bar);
    }
    for (const Bar& bar : out.lanes) {
      if (bar.row < options.lane_rows) continue;
      drawn_[bar.begin] = false;
      if (bar.end < drawn_.size()) drawn_[bar.end] = false;
    }
    for (const Bar& bar : out.lanes)
      if (bar.recurs && drawn_[bar.begin]) wide_.insert(bar.begin);
  }

  void go() {
    const std::size_t count = story_.run->events.size();
    out_.places.assign(count + 1, {});
    std::size_t i = 0;
    while (i < count) {
      const Fold* const fold = story_.fold_at(i);
      const std::size_t end = fold == nullptr ? i + 1 : fold->end;
      const int width = fold != nullptr ? fold_width : advance_of(i);
      if ((at_.x + width > options_.width || breaks_better_here(i)) && !break_stave()) break;
      for (std::size_t place = i; place < end; ++place)
        out_.places[place] = {at_.stave, at_.x + (fold == nullptr         ? 0
                                                  : place < (i + end) / 2 ? fold_margin
                                                                          : width - fold_margin)};
      at_.x += width;
      i = end;
    }
    out_.events_drawn = i;
    for (; i <= count; ++i) out_.places[i] = {at_.stave, at_.x + end_width};
    out_.widths.push_back(at_.x + end_width);
  }

 private:
  // A lane that comes again and again says each time whose it is, and how long.
  int advance_of(std::size_t place) const {
    if (!wide_.contains(place)) return advance(story_, place, drawn_[place], options_.cell_width);
    constexpr int character_width = 6;
    constexpr int duration_characters = 10;
    return static_cast<int>(story_.run->events[place].lane.size() + duration_characters) *
               character_width +
           12;
  }

  // A turn that does not fit into what is left, and would fit into a stave of its own.
  bool breaks_better_here(std::size_t enter) const {
    const auto& events = story_.run->events;
    if (story_.executors > 1 || events[enter].kind != Kind::enter || at_.x < options_.width / 2 ||
        story_.fold_at(enter) != nullptr)
      return false;
    int width = 0;
    for (std::size_t i = enter; i < events.size(); ++i) {
      if (i > enter && events[i].kind == Kind::enter) break;
      width += advance_of(i);
    }
    return at_.x + width > options_.width && width <= options_.width;
  }

  bool break_stave() {
    if (at_.stave + 1 >= options_.staves_max) return false;
    out_.widths.push_back(at_.x);
    at_ = {at_.stave + 1, 0};
    return true;
  }

  void hide_operation(const Bar& bar) {
    const Life& life = *story_.life(bar.operation);
    for (const std::size_t place : {life.submitted, life.finished, life.harvested})
      if (place != nowhere) drawn_[place] = false;
    for (const std::size_t place : life.posted) drawn_[place] = false;
  }

  const Story& story_;
  const LayoutOptions& options_;
  Layout& out_;
  std::vector<bool> drawn_;
  std::set<std::size_t> wide_;  // where lanes begin that need room for their names
  Place at_;
};

}  // namespace

Layout lay_out(const Story& story, const LayoutOptions& options) {
  Layout out;
  find_operations(story, out);
  find_lanes(story, out);
  Walk(story, options, out).go();
  std::erase_if(out.operations, [&](const Bar& bar) {
    const bool hides = bar.row >= options.operation_rows;
    if (hides) out.hidden.insert(bar.operation);
    return hides;
  });
  std::erase_if(out.lanes, [&](const Bar& bar) { return bar.row >= options.lane_rows; });
  return out;
}

}  // namespace percore::trace
