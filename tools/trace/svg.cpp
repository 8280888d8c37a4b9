// The drawing: staves from top to bottom, in each a band for each executor. A band has the lanes of
// the program's own words, the thread (program, kernel, asleep), and the operations in flight.

#include "svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "layout.hpp"

namespace percore::trace {

namespace {

constexpr int margin_left = 84, margin_right = 20;
constexpr int heading_height = 58;
constexpr int axis_height = 18, lane_pitch = 15, thread_height = 18, operation_pitch = 16;
constexpr int band_gap = 10, stave_gap = 14;
constexpr int cell_height = 13;
constexpr int character_width = 6;  // of the small text

constexpr const char* style = R"(  <style>
    .bg { fill: #fdfdfb; stroke: #d8d8d2; }
    .ours { fill: #cfe3f7; stroke: #2a6db0; }
    .kernels { fill: #fbe0c4; stroke: #b8651b; }
    .asleep { fill: #f1f1ec; stroke: #b8651b; stroke-dasharray: 3 2; }
    .flying { fill: #e9eff5; stroke: none; }
    .waiting { fill: #fbf0e2; stroke: none; }
    .bad { fill: #f8cfcf; stroke: #b3261e; }
    .rail { stroke: #c9c9c2; stroke-width: 1; }
    .wake { stroke: #2a6db0; stroke-width: 1.4; }
    .break { stroke: #b3261e; stroke-width: 2; }
    text { fill: #22221f; font-family: sans-serif; font-size: 10px; }
    .title { font-weight: bold; font-size: 15px; }
    .sub { font-size: 12px; }
    .faint { fill: #6c6c66; }
    .told { fill: #b3261e; font-size: 12px; }
    .middle { text-anchor: middle; }
    .end { text-anchor: end; }
    @media (prefers-color-scheme: dark) {
      .bg { fill: #1c1d1f; stroke: #3a3b3e; }
      .ours { fill: #1f3b57; stroke: #6fb1f0; }
      .kernels { fill: #4d3218; stroke: #f0a860; }
      .asleep { fill: #27282b; stroke: #f0a860; }
      .flying { fill: #26313c; }
      .waiting { fill: #392c1d; }
      .bad { fill: #5a2020; stroke: #ff8a80; }
      .rail { stroke: #45464a; }
      .wake { stroke: #6fb1f0; }
      .break { stroke: #ff8a80; }
      text { fill: #e8e8e3; }
      .faint { fill: #9a9a94; }
      .told { fill: #ff8a80; }
    }
  </style>
)";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20) out += c;
    }
  }
  return out;
}

class Drawing {
 public:
  Drawing(const Run& run, const Story& story, const SvgOptions& options)
      : run_(run), story_(story), options_(options) {
    std::uint64_t number_max = 0;
    for (const auto& [number, life] : story.lives) number_max = std::max(number_max, number);
    // Two digits fit into the usual cell.
    const auto digits = static_cast<int>(std::to_string(number_max).size());
    cell_width_ = 15 + std::max(digits - 2, 0) * character_width;
    LayoutOptions room;
    room.cell_width = cell_width_ + 2;
    room.width = options.width - margin_left - margin_right;
    if (options.full) room.staves_max = SIZE_MAX;
    layout_ = lay_out(story, room);
    measure_bands();
  }

  std::string svg() {
    for (std::size_t stave = 0; stave < layout_.widths.size(); ++stave) draw_stave(stave);
    draw_lanes();
    draw_threads();
    draw_operations();
    draw_moments();
    draw_folds();
    draw_footer();
    const std::string title =
        fmt::format("{} on the simulated ring, seed {}", options_.title, run_.seed);
    return fmt::format(
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
               "height=\"{1}\" role=\"img\" aria-labelledby=\"title desc\">\n"
               "  <title id=\"title\">{2}</title>\n  <desc id=\"desc\">{3}</desc>\n",
               options_.width, bottom_, escaped(title), escaped(summary(story_))) +
           style +
           fmt::format(
               "  <rect class=\"bg\" x=\"1\" y=\"1\" width=\"{}\" height=\"{}\" rx=\"10\"/>\n"
               "  <text x=\"20\" y=\"26\" class=\"title\">{}</text>\n"
               "  <text x=\"20\" y=\"44\" class=\"sub faint\">{}</text>\n",
               options_.width - 2, bottom_ - 2, escaped(title), escaped(summary(story_))) +
           body_ + "</svg>\n";
  }

 private:
  // Where an executor's parts lie within a stave, from the stave's top.
  struct Band {
    int top = 0;
    int lanes = 0, thread = 0, operations = 0, bottom = 0;
    std::set<std::size_t> lane_rows, operation_rows;  // those that this stave needs

    // A row's place among these.
    static int index(const std::set<std::size_t>& rows, std::size_t row) {
      return static_cast<int>(std::distance(rows.begin(), rows.find(row)));
    }
  };

  std::size_t last_stave(const Bar& bar) const { return layout_.places[bar.end].stave; }

  void measure_bands() {
    const std::size_t staves = layout_.widths.size();
    bands_.assign(staves, std::vector<Band>(story_.executors));
    const auto grow = [&](const Bar& bar, std::set<std::size_t> Band::* rows) {
      for (std::size_t s = layout_.places[bar.begin].stave; s <= last_stave(bar); ++s)
        (bands_[s][bar.executor].*rows).insert(bar.row);
    };
    const auto not_drawn = [&](const Bar& bar) {
      return bar.begin >= layout_.events_drawn ||
             std::ranges::any_of(story_.folds, [&](const Fold& fold) {
               return bar.begin >= fold.begin && bar.end < fold.end;
             });
    };
    std::erase_if(layout_.lanes, not_drawn);
    std::erase_if(layout_.operations, not_drawn);
    for (const Bar& bar : layout_.lanes) grow(bar, &Band::lane_rows);
    for (const Bar& bar : layout_.operations) grow(bar, &Band::operation_rows);
    int y = heading_height;
    for (auto& stave : bands_) {
      tops_.push_back(y);
      y += axis_height;
      for (Band& band : stave) {
        band.top = band.lanes = y;
        band.thread = band.lanes + static_cast<int>(band.lane_rows.size()) * lane_pitch + 2;
        band.operations = band.thread + thread_height + 5;
        band.bottom =
            band.operations + static_cast<int>(band.operation_rows.size()) * operation_pitch;
        y = band.bottom + band_gap;
      }
      y += stave_gap;
    }
    bottom_ = y;
  }

  static int x_of(Place place) { return margin_left + place.x; }

  void add(const std::string& element) { body_ += "  " + element + "\n"; }

  void rect(const char* kind, int x, int y, int width, int height, const std::string& tip,
            int round = 2) {
    const std::string title =
        tip.empty() ? "/>" : fmt::format("><title>{}</title></rect>", escaped(tip));
    add(fmt::format("<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\"{}",
                    kind, x, y, std::max(width, 1), height, round, title));
  }

  void words(int x, int y, const char* kind, const std::string& text) {
    add(fmt::format("<text x=\"{}\" y=\"{}\" class=\"{}\">{}</text>", x, y, kind, escaped(text)));
  }

  // A thing from one place to another, in as many pieces as there are staves between.
  template <typename Draw>
  void span(Place begin, Place end, const Draw& draw) {
    for (std::size_t stave = begin.stave; stave <= end.stave; ++stave) {
      const int from = stave == begin.stave ? begin.x : 0;
      const int to = stave == end.stave ? end.x : layout_.widths[stave];
      if (to > from || begin == end) draw(stave, margin_left + from, margin_left + to);
    }
  }

  std::string at_time(const Event& event) const {
    return " at " + duration_text(event.time_nanoseconds);
  }

  void draw_stave(std::size_t stave);
  void draw_lanes();
  void draw_threads();
  void draw_enter(std::size_t at);
  void draw_operations();
  void draw_operation(const Bar& bar);
  void draw_moments();
  void draw_blocked(std::size_t at);
  void draw_wake(std::size_t at);
  void draw_violation(std::size_t at);
  void draw_folds();
  void draw_footer();
  void legend(int y);

  const Run& run_;
  const Story& story_;
  const SvgOptions& options_;
  Layout layout_;
  std::vector<std::vector<Band>> bands_;
  std::vector<int> tops_;
  std::vector<std::string> told_;  // below the drawing: what broke
  std::string body_;
  int cell_width_ = 15;
  int bottom_ = 0;
};

// The rails, their names, and the time where a turn begins.
void Drawing::draw_stave(std::size_t stave) {
  for (unsigned executor = 0; executor < story_.executors; ++executor) {
    const Band& band = bands_[stave][executor];
    const int y = band.thread + thread_height / 2;
    words(margin_left - 10, y + 4, "sub end", fmt::format("executor {}", executor));
    add(fmt::format("<line class=\"rail\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>", margin_left,
                    y, margin_left + layout_.widths[stave], y));
    if (!band.lane_rows.empty()) words(margin_left - 10, band.lanes + 11, "faint end", "program");
    if (!band.operation_rows.empty())
      words(margin_left - 10, band.operations + 11, "faint end", "in flight");
  }
  int free_from = 0;
  for (std::size_t i = 0; i < layout_.events_drawn; ++i) {
    const Event& event = run_.events[i];
    const Place place = layout_.places[i];
    if (const Fold* const fold = story_.fold_at(i); fold != nullptr) {
      i = fold->end - 1;
      continue;
    }
    if (place.stave != stave || event.kind != Kind::enter || place.x < free_from) continue;
    const std::string text = duration_text(event.time_nanoseconds);
    words(x_of(place), tops_[stave] + 11, "faint", text);
    free_from = place.x + static_cast<int>(text.size() + 2) * character_width;
  }
}

void Drawing::draw_lanes() {
  for (const Bar& bar : layout_.lanes) {
    const std::string tip = fmt::format(
        "{}, from {} to {}", bar.lane, duration_text(run_.events[bar.begin].time_nanoseconds),
        bar.end < run_.events.size() ? duration_text(run_.events[bar.end].time_nanoseconds)
                                     : std::string("the end of the run"));
    // Distances are of events: a lane that comes again and again says how long it was there.
    const std::string label =
        bar.recurs && bar.end < run_.events.size()
            ? fmt::format("{}, {}", bar.lane,
                          duration_text(run_.events[bar.end].time_nanoseconds -
                                        run_.events[bar.begin].time_nanoseconds))
            : bar.lane;
    span(layout_.places[bar.begin], layout_.places[bar.end],
         [&](std::size_t stave, int from, int to) {
           const Band& band = bands_[stave][bar.executor];
           const int y = band.lanes + Band::index(band.lane_rows, bar.row) * lane_pitch;
           rect("ours", from, y, to - from, lane_pitch - 3, tip, 5);
           if (to - from >= static_cast<int>(label.size()) * character_width + 6)
             words(from + 5, y + 10, "", label);
         });
  }
}

// One enter: from its begin to its return, asleep in between.
void Drawing::draw_enter(std::size_t at) {
  const Event& enter = run_.events[at];
  std::size_t returned = at + 1, slept = nowhere, awake = nowhere;
  for (; returned < run_.events.size(); ++returned) {
    const Event& event = run_.events[returned];
    if (slept != nowhere && wakes(event, enter.executor)) awake = returned;
    if (event.executor != enter.executor) continue;
    if (event.kind == Kind::enter_returned) break;
    if (event.kind == Kind::slept && slept == nowhere) slept = returned;
    const bool goes_on = event.kind != Kind::slept && event.kind != Kind::finished &&
                         event.kind != Kind::blocked && event.kind != Kind::switched &&
                         event.kind != Kind::woken && story_.executors == 1;
    if (slept != nowhere && awake == nowhere && goes_on) awake = returned;
  }
  std::string tip = fmt::format("io_uring_enter{}: hands over {}, waits for {}", at_time(enter),
                                enter.length, enter.result);
  if (returned < run_.events.size())
    tip +=
        ", returns " + result_text(run_.events[returned].result) + at_time(run_.events[returned]);
  const auto draw = [&](const char* kind, std::size_t from, std::size_t to,
                        const std::string& text) {
    span(layout_.places[from], layout_.places[to], [&](std::size_t stave, int begin, int end) {
      const int y = bands_[stave][enter.executor].thread;
      rect(kind, begin, y, end - begin, thread_height, text);
    });
  };
  draw("kernels", at, returned, tip);
  if (slept == nowhere) return;
  const std::int64_t nanoseconds = story_.sleep_nanoseconds(slept);
  // Completions may come while it sleeps on for more of them: it wakes with the last.
  for (std::size_t i = slept + 1; i < returned && run_.events[slept].result > 1; ++i)
    if (run_.events[i].kind == Kind::posted && run_.events[i].executor == enter.executor) awake = i;
  draw("asleep", slept, awake == nowhere ? returned : awake,
       fmt::format("asleep for {} until {} there", duration_text(nanoseconds),
                   counted(static_cast<std::uint64_t>(run_.events[slept].result), "completion") +
                       (run_.events[slept].result == 1 ? " is" : " are")));
  const Place place = layout_.places[slept];
  words(x_of(place) + 4, bands_[place.stave][enter.executor].thread + 13, "",
        duration_text(nanoseconds));
}

void Drawing::draw_threads() {
  for (std::size_t i = 0; i < layout_.events_drawn;) {
    if (const Fold* const fold = story_.fold_at(i); fold != nullptr) {
      i = fold->end;
      continue;
    }
    if (run_.events[i].kind == Kind::enter) draw_enter(i);
    ++i;
  }
}

void Drawing::draw_operations() {
  for (const Bar& bar : layout_.operations) draw_operation(bar);
}

// A cell where it is handed over, a bar while it is in flight, a cell where its completion comes.
void Drawing::draw_operation(const Bar& bar) {
  const Life& life = *story_.life(bar.operation);
  const Event& submitted = run_.events[life.submitted];
  const auto y_in = [&](std::size_t stave) {
    const Band& band = bands_[stave][bar.executor];
    return band.operations + Band::index(band.operation_rows, bar.row) * operation_pitch;
  };
  const std::string number = fmt::format("{}", bar.operation);
  const std::string request = request_text(submitted);
  const std::string tip =
      fmt::format("operation {}: {}, handed over{}", number, request, at_time(submitted));
  const std::size_t done = std::min(life.finished, bar.end);
  const auto draw = [&](const char* kind, std::size_t from, std::size_t to) {
    span(layout_.places[from], layout_.places[to], [&](std::size_t stave, int begin, int end) {
      rect(kind, begin, y_in(stave), end - begin, cell_height, tip);
    });
  };
  draw("flying", bar.begin, done);
  if (done < bar.end) draw("waiting", done, bar.end);
  const Place begin = layout_.places[bar.begin], end = layout_.places[bar.end];
  const int room = (begin.stave == end.stave ? end.x : layout_.widths[begin.stave]) - begin.x;
  if (room >= cell_width_ + 10 + static_cast<int>(submitted.opcode.size()) * character_width)
    words(x_of(begin) + cell_width_ + 4, y_in(begin.stave) + 10, "faint", submitted.opcode);
  const auto cell = [&](const char* kind, Place place, const std::string& text) {
    rect(kind, x_of(place), y_in(place.stave), cell_width_, cell_height, text);
    const int middle = x_of(place) + cell_width_ / 2 + 1;
    words(middle, y_in(place.stave) + 10, "middle", number);
  };
  cell("ours", begin, tip);
  for (const std::size_t posted : life.posted) {
    if (posted >= layout_.events_drawn) break;
    const Event& event = run_.events[posted];
    cell(event.result < 0 ? "bad" : "kernels", layout_.places[posted],
         fmt::format("completion of operation {}: {}{}", number, result_text(event.result),
                     at_time(event)));
  }
}

// What has no length: completions taken, faults, words, and what broke.
void Drawing::draw_moments() {
  for (std::size_t i = 0; i < layout_.events_drawn; ++i) {
    if (const Fold* const fold = story_.fold_at(i); fold != nullptr) {
      i = fold->end - 1;
      continue;
    }
    const Event& event = run_.events[i];
    const Place place = layout_.places[i];
    const Band& band = bands_[place.stave][event.executor];
    const int x = x_of(place);
    switch (event.kind) {
      case Kind::harvested:
        if (layout_.hidden.contains(event.operation)) break;
        rect("ours", x, band.thread + 3, 3, thread_height - 6,
             fmt::format("the completion of operation {} is taken{}", event.operation,
                         at_time(event)),
             1);
        break;
      case Kind::fault:
        rect("bad", x + 2, band.thread + 2, 12, thread_height - 4, fault_text(event), 6);
        break;
      case Kind::violation:
        draw_violation(i);
        break;
      case Kind::blocked:
        if (!sleeps_in_enter(event)) draw_blocked(i);
        break;
      case Kind::woken:
        draw_wake(i);
        break;
      case Kind::switched:
        if (event.offset != 0)
          rect("bad", x + 2, band.thread + 5, 5, thread_height - 10,
               thread_text(event) + at_time(event), 1);
        break;
      case Kind::stalled:
        rect("bad", x + 2, band.thread + 2, 12, thread_height - 4, thread_text(event), 6);
        break;
      case Kind::enter:
      case Kind::enter_returned:
      case Kind::ring_opened:
      case Kind::ring_closed:
      case Kind::submitted:
      case Kind::issued:
      case Kind::finished:
      case Kind::posted:
      case Kind::slept:
        break;
      default:
        if (event.kind != Kind::mark || event.what == "note")
          rect("asleep", x, band.thread + 5, 4, thread_height - 10,
               (event.kind == Kind::mark ? event.lane + ": " + event.text : thread_text(event)) +
                   at_time(event),
               2);
    }
  }
}

// A thread that waits for another, outside of any enter: until it does something again.
void Drawing::draw_blocked(std::size_t at) {
  const Event& blocked = run_.events[at];
  std::size_t end = at + 1;
  while (end < run_.events.size() &&
         (run_.events[end].executor != blocked.executor || run_.events[end].kind == Kind::switched))
    ++end;
  span(layout_.places[at], layout_.places[end], [&](std::size_t stave, int from, int to) {
    rect("asleep", from, bands_[stave][blocked.executor].thread, to - from, thread_height,
         thread_text(blocked) + at_time(blocked));
  });
}

// From who wakes to who is woken.
void Drawing::draw_wake(std::size_t at) {
  const Event& event = run_.events[at];
  const Place place = layout_.places[at];
  const auto woken = static_cast<unsigned>(event.offset);
  if (woken == event.executor || woken >= story_.executors || story_.wakes_by_time.contains(at))
    return;
  const auto& stave = bands_[place.stave];
  const int from = stave[event.executor].thread + thread_height / 2;
  const int to = stave[woken].thread + (woken > event.executor ? 0 : thread_height);
  const int x = x_of(place) + 4;
  const std::string tip =
      fmt::format("executor {} {}{}", event.executor, story_.wake_text(at), at_time(event));
  add(
      fmt::format("<line class=\"wake\" x1=\"{0}\" y1=\"{1}\" x2=\"{0}\" y2=\"{2}\"><title>{3}"
                  "</title></line>",
                  x, from, to, escaped(tip)));
  rect("ours", x - 3, to - 3, 6, 6, tip, 3);
}

void Drawing::draw_violation(std::size_t at) {
  const Event& event = run_.events[at];
  const Place place = layout_.places[at];
  const int x = x_of(place) + 8;
  const std::string sentence = broken_text(event);
  add(fmt::format(
      "<line class=\"break\" x1=\"{0}\" y1=\"{1}\" x2=\"{0}\" y2=\"{2}\"><title>{3}</title></line>",
      x, tops_[place.stave] + 6, bands_[place.stave].back().bottom, escaped(sentence)));
  words(x + 4, tops_[place.stave] + 16, "told", fmt::format("{}", told_.size() + 1));
  told_.push_back(fmt::format("{}  {}", told_.size() + 1, sentence));
}

void Drawing::draw_folds() {
  for (const Fold& fold : story_.folds) {
    if (fold.begin >= layout_.events_drawn) continue;
    const Place place = layout_.places[fold.begin];
    const Band& band = bands_[place.stave].front();
    const std::string last =
        fold.period == 1 ? "this one" : fmt::format("the last {}", fold.period);
    const std::string until = "until " + duration_text(run_.events[fold.end - 1].time_nanoseconds);
    const int middle = x_of(place) + fold_middle;
    words(middle, band.thread + 6, "middle", fmt::format("{} turns like {}", fold.turns, last));
    words(middle, band.thread + 20, "faint middle", until);
  }
}

void Drawing::legend(int y) {
  int x = margin_left;
  const auto entry = [&](const char* kind, const std::string& text) {
    rect(kind, x, y - 10, cell_width_, cell_height, "");
    words(x + cell_width_ + 5, y, "faint", text);
    x += cell_width_ + 17 + static_cast<int>(text.size() * 11 / 2);
  };
  entry("ours", "handed over, taken");
  entry("flying", "in flight");
  entry("waiting", "done, not yet seen");
  entry("kernels", "in the kernel, completion");
  entry("asleep", "asleep");
  entry("bad", "error, fault");
}

void Drawing::draw_footer() {
  int y = bottom_;
  for (const std::string& sentence : told_) {
    constexpr std::size_t columns = 125;
    std::string rest = sentence;
    while (!rest.empty()) {
      std::size_t cut = rest.size() <= columns ? rest.size() : rest.rfind(' ', columns);
      if (cut == rest.npos || cut == 0) cut = std::min(columns, rest.size());
      words(margin_left, y, "told", rest.substr(0, cut));
      rest.erase(0, std::min(cut + 1, rest.size()));
      y += 16;
    }
    y += 4;
  }
  std::string left_out;
  if (layout_.events_drawn < run_.events.size())
    left_out = fmt::format("Cut here: {} of {} events are drawn; --full draws all.",
                           layout_.events_drawn, run_.events.size());
  if (!layout_.hidden.empty())
    left_out +=
        fmt::format("{}{} found no room beside the others in flight.", left_out.empty() ? "" : " ",
                    counted(layout_.hidden.size(), "operation"));
  if (!left_out.empty()) {
    words(margin_left, y, "faint", left_out);
    y += 18;
  }
  legend(y + 2);
  bottom_ = y + 18;
}

}  // namespace

std::string to_svg(const Run& run, const SvgOptions& options) {
  const Story story = understand(run, !options.full);
  return Drawing(run, story, options).svg();
}

}  // namespace percore::trace
