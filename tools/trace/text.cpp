// The picture in a terminal. In the manner of a version history: each operation in flight has a
// column, which begins where it is handed over and ends at its completion.

#include "text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

namespace percore::trace {

namespace {

enum class Style { plain, bold, dim, program, kernel, bad };

constexpr std::size_t graph_columns_min = 4;
constexpr std::size_t graph_columns_max = 20;
constexpr std::size_t crowd_max = 16;         // completions in a row that are all shown
constexpr std::size_t crowd_shown = 4;        // of more, at either end
constexpr std::size_t lines_max = 160;        // of a long run without --full
constexpr std::size_t lines_at_the_end = 40;  // of these

std::string painted(bool colours, Style style, const std::string& text) {
  if (!colours || style == Style::plain || text.empty()) return text;
  static constexpr const char* codes[] = {"0", "1", "2", "36", "33", "1;31"};
  return fmt::format("\x1b[{}m{}\x1b[0m", codes[static_cast<int>(style)], text);
}

class Painter {
 public:
  // columns_wanted   as many as the picture needs; what completes at once needs columns, too,
  // though it was never in flight together.
  Painter(const Run& run, const Story& story, const TextOptions& options,
          std::size_t columns_wanted)
      : run_(run), story_(story), options_(options), columns_wanted_(columns_wanted) {
    graph_columns_ = std::clamp(columns_wanted, graph_columns_min, graph_columns_max);
    const bool with_milliseconds = story.duration_nanoseconds >= 100'000'000;
    unit_ = with_milliseconds ? "ms" : "us";
    divisor_ = with_milliseconds ? 1e6 : 1e3;
    awake_.assign(story.executors, true);
  }

  std::vector<std::string> lines() {
    heading();
    for (std::size_t i = 0; i < run_.events.size();) {
      if (const Fold* fold = story_.fold_at(i); fold != nullptr) {
        skip(*fold);
        i = fold->end;
      } else {
        i = draw(i);
      }
    }
    return std::move(lines_);
  }

  // After lines(): the columns that were needed.
  [[nodiscard]] std::size_t columns_used() const { return columns_.size(); }

 private:
  void heading() {
    const std::string lanes = story_.executors > 1 ? "core  " : "";
    lines_.push_back(painted(
        options_.colours, Style::dim,
        fmt::format("{:>9}  {:<{}}  {}", "time " + unit_, "in flight", graph_width(), lanes)));
    while (lines_.back().ends_with(' ')) lines_.back().pop_back();
  }

  // --- one line ---

  // The columns of all that is in flight; `places` (of the line's own operations) show `glyph`.
  std::string graph(const std::set<std::size_t>& places, const char* glyph, Style style) const {
    std::string out;
    std::size_t used = 0;
    for (std::size_t column = 0; column < graph_columns_; ++column) {
      if (places.contains(column)) {
        out += painted(options_.colours, style, glyph);
      } else if (column < columns_.size() && columns_[column] != 0) {
        const bool done = done_.contains(columns_[column]);
        out += painted(options_.colours, done ? Style::kernel : Style::dim, done ? "┆" : "│");
      } else {
        out += ' ';
      }
      ++used;
    }
    const std::size_t hidden = beyond(places);
    std::string more = hidden == 0 ? "" : fmt::format("+{}", hidden);
    used += more.size();
    out += painted(options_.colours, Style::dim, more);
    const std::size_t width = graph_width();
    return out + std::string(used < width ? width - used : 0, ' ');
  }

  std::size_t graph_width() const {
    const bool overflows = columns_wanted_ > graph_columns_;
    return std::max<std::size_t>(graph_columns_ + (overflows ? 4 : 0), 9);
  }

  std::size_t beyond(const std::set<std::size_t>& places) const {
    std::size_t out = 0;
    for (std::size_t column = graph_columns_; column < columns_.size(); ++column)
      out += columns_[column] != 0 || places.contains(column) ? 1 : 0;
    return out;
  }

  // A mark for each executor: which of them this line is about, and who sleeps.
  std::string cores(unsigned acting) const {
    if (story_.executors == 1) return "";
    std::string out;
    for (unsigned executor = 0; executor < story_.executors; ++executor) {
      if (executor == acting)
        out += painted(options_.colours, Style::program, fmt::format("{}", executor % 10));
      else
        out += painted(options_.colours, Style::dim, awake_[executor] ? "│" : "·");
    }
    return out + std::string(story_.executors < 4 ? 6 - story_.executors : 2, ' ');
  }

  void line(const Event& event, Style style, const std::string& words,
            const std::set<std::size_t>& places = {}, const char* glyph = "│",
            Style glyph_style = Style::kernel) {
    std::string time =
        fmt::format("{:.2f}", static_cast<double>(event.time_nanoseconds) / divisor_);
    std::swap(time, time_shown_);
    const std::string begin =
        painted(options_.colours, Style::dim,
                fmt::format("{:>9}", time == time_shown_ ? "" : time_shown_)) +
        "  " + graph(places, glyph, glyph_style) + "  " + cores(event.executor);
    const std::size_t indent =
        9 + 2 + graph_width() + 2 +
        (story_.executors == 1 ? 0 : std::max<std::size_t>(story_.executors + 2, 6));
    const auto pieces =
        wrapped(words, options_.columns > indent + 24 ? options_.columns - indent : 24);
    for (std::size_t i = 0; i < pieces.size(); ++i)
      lines_.push_back((i == 0 ? begin
                               : std::string(9 + 2, ' ') + graph({}, "│", Style::dim) + "  " +
                                     std::string(indent - 13 - graph_width(), ' ') + "  ") +
                       painted(options_.colours, style, pieces[i]));
  }

  static std::vector<std::string> wrapped(const std::string& words, std::size_t columns) {
    std::vector<std::string> out(1);
    for (std::size_t at = 0; at < words.size();) {
      const std::size_t end = std::min(words.find(' ', at), words.size());
      const std::size_t size = end - at;
      if (!out.back().empty() && out.back().size() + 1 + size > columns - (out.size() > 1 ? 2 : 0))
        out.emplace_back();
      if (!out.back().empty()) out.back() += ' ';
      out.back() += words.substr(at, size);
      at = end + 1;
    }
    return out;
  }

  // --- columns ---

  std::size_t take_column(std::uint64_t operation) {
    const auto free = std::ranges::find(columns_, 0U);
    const auto place = static_cast<std::size_t>(free - columns_.begin());
    if (free == columns_.end()) columns_.push_back(0);
    columns_[place] = operation;
    return place;
  }

  std::size_t column_of(std::uint64_t operation) const {
    return static_cast<std::size_t>(std::ranges::find(columns_, operation) - columns_.begin());
  }

  void leave_column(std::uint64_t operation) {
    const std::size_t place = column_of(operation);
    if (place < columns_.size()) columns_[place] = 0;
    done_.erase(operation);
  }

  // --- groups of events ---

  // The events from `at` on that tell the same thing of different operations. Between them may
  // stand what is not drawn.
  std::vector<std::size_t> group(std::size_t at,
                                 const std::function<bool(const Event&)>& belongs) const {
    std::vector<std::size_t> out = {at};
    for (std::size_t i = at + 1; i < run_.events.size(); ++i) {
      const Event& event = run_.events[i];
      if (event.kind == Kind::issued || (event.kind == Kind::finished && !options_.full)) continue;
      if (i == crowd_begin_ || story_.fold_at(i) != nullptr ||
          event.executor != run_.events[at].executor ||
          event.time_nanoseconds != run_.events[at].time_nanoseconds || !belongs(event))
        break;
      out.push_back(i);
    }
    return out;
  }

  std::string operations(const std::vector<std::size_t>& places) const {
    std::vector<std::uint64_t> numbers;
    for (const std::size_t place : places) numbers.push_back(run_.events[place].operation);
    return list_of(numbers);
  }

  void note_awake(const Event& event);
  std::size_t draw(std::size_t at);
  std::size_t at_once(std::size_t submitted) const;
  std::size_t draw_at_once(std::size_t at);
  std::size_t draw_submitted(std::size_t at);
  std::size_t skip_crowd(std::size_t at);
  void leave_if_ended(std::size_t posted);
  std::size_t draw_posted(std::size_t at);
  std::size_t draw_marks(std::size_t at);
  void draw_enter(const Event& event);
  std::string left_in(unsigned ring) const;
  void draw_single(std::size_t at);
  void skip(const Fold& fold);

  const Run& run_;
  const Story& story_;
  const TextOptions& options_;
  std::vector<std::string> lines_;
  std::size_t columns_wanted_;
  std::vector<std::uint64_t> columns_;  // the operation in each; 0 = free
  std::set<std::uint64_t> done_;        // finished, not yet posted
  std::size_t graph_columns_ = graph_columns_min;
  std::vector<bool> awake_;
  std::string time_shown_;
  std::size_t crowd_begin_ = 0, crowd_end_ = 0;  // completions of one sleep, the middle left out
  std::string unit_;
  double divisor_ = 1;
  std::uint64_t enters_ = 0;
};

// The completion that follows a submission with nothing worth a line between, or nowhere.
std::size_t Painter::at_once(std::size_t submitted) const {
  for (std::size_t i = submitted + 1; i < run_.events.size(); ++i) {
    const Event& event = run_.events[i];
    const bool same = event.operation == run_.events[submitted].operation;
    if (same && event.kind == Kind::posted) return i;
    if (!same || (event.kind != Kind::issued && event.kind != Kind::finished)) return nowhere;
  }
  return nowhere;
}

// Operations that were complete when they had hardly begun: one line for all that are alike.
std::size_t Painter::draw_at_once(std::size_t at) {
  const Event& first = run_.events[at];
  const std::int64_t result = run_.events[at_once(at)].result;
  std::vector<std::uint64_t> numbers;
  std::set<std::size_t> columns;
  std::size_t next = at;
  while (next < run_.events.size() && run_.events[next].kind == Kind::submitted &&
         story_.fold_at(next) == nullptr &&
         request_text(run_.events[next]) == request_text(first)) {
    const std::size_t posted = at_once(next);
    if (posted == nowhere || run_.events[posted].result != result) break;
    numbers.push_back(run_.events[next].operation);
    columns.insert(take_column(numbers.back()));
    next = posted + 1;
  }
  for (const std::uint64_t number : numbers) leave_column(number);  // no more below the mark
  const bool many = numbers.size() > 1;
  const std::string name = many || first.name < 0 ? "" : fmt::format(", name {}", first.name);
  line(first, result < 0 ? Style::bad : Style::plain,
       fmt::format("{}: {}{}, {} at once: {}", list_of(numbers) + (many ? ", each" : ""),
                   request_text(first), name, many ? "complete" : "completes", result_text(result)),
       columns, result < 0 ? "✕" : "●", result < 0 ? Style::bad : Style::kernel);
  return next;
}

std::size_t Painter::draw_submitted(std::size_t at) {
  const Event& first = run_.events[at];
  if (!options_.full && at_once(at) != nowhere) return draw_at_once(at);
  auto places = group(at, [&](const Event& event) {
    return event.kind == Kind::submitted && request_text(event) == request_text(first);
  });
  // What completes at once has a line of its own.
  for (std::size_t i = 1; i < places.size() && !options_.full; ++i)
    if (at_once(places[i]) != nowhere) places.resize(i);
  std::set<std::size_t> columns;
  for (const std::size_t place : places) columns.insert(take_column(run_.events[place].operation));
  std::string words =
      operations(places) + (places.size() > 1 ? ", each: " : ": ") + request_text(first);
  if (places.size() == 1 && first.name >= 0) words += fmt::format(", name {}", first.name);
  line(first, Style::plain, words, columns, "╷", Style::program);
  return places.back() + 1;
}

// Of a crowd of completions the first and the last are shown.
std::size_t Painter::skip_crowd(std::size_t at) {
  if (options_.full) return at;
  if (at >= crowd_end_) {
    std::vector<std::size_t> posted;
    std::size_t i = at;
    for (; i < run_.events.size() && story_.fold_at(i) == nullptr; ++i) {
      const Kind kind = run_.events[i].kind;
      if (kind == Kind::posted && run_.events[i].executor == run_.events[at].executor)
        posted.push_back(i);
      else if (kind != Kind::finished && kind != Kind::issued)
        break;
    }
    crowd_begin_ = crowd_end_ = i;
    if (posted.size() <= crowd_max) return at;
    crowd_begin_ = posted[crowd_shown];
    crowd_end_ = posted[posted.size() - crowd_shown];
  }
  if (at < crowd_begin_ || at >= crowd_end_) return at;
  unsigned left_out = 0;
  for (std::size_t i = at; i < crowd_end_; ++i) {
    if (run_.events[i].kind != Kind::posted) continue;
    ++left_out;
    leave_if_ended(i);
  }
  const Event& next = run_.events[crowd_end_];
  line(next, Style::bold, fmt::format("... {} more complete", left_out));
  return crowd_end_;
}

void Painter::leave_if_ended(std::size_t posted) {
  const Life* const life = story_.life(run_.events[posted].operation);
  if (life == nullptr || life->ended <= posted) leave_column(run_.events[posted].operation);
}

std::size_t Painter::draw_posted(std::size_t at) {
  const Event& first = run_.events[at];
  if (const std::size_t next = skip_crowd(at); next != at) return next;
  const auto places = group(at, [&](const Event& event) {
    return event.kind == first.kind && event.result == first.result;
  });
  const bool aside = first.kind == Kind::overflowed;
  std::set<std::size_t> columns;
  for (const std::size_t place : places) columns.insert(column_of(run_.events[place].operation));
  for (const std::size_t place : places)
    if (!aside) leave_if_ended(place);  // no more below the mark
  const bool many = places.size() > 1;
  std::string words =
      fmt::format("{} {}: {}{}", operations(places), many ? "complete" : "completes",
                  result_text(first.result), many ? " each" : "");
  if (aside) words += "; the completion queue is full, so the kernel keeps it aside";
  const bool bad = first.result < 0;
  line(first, bad || aside ? Style::bad : Style::plain, words, columns, bad ? "✕" : "●",
       bad ? Style::bad : Style::kernel);
  return places.back() + 1;
}

std::size_t Painter::draw_marks(std::size_t at) {
  const Event& first = run_.events[at];
  const auto places = group(at, [&](const Event& event) {
    return event.kind == Kind::mark && event.what == first.what && event.text == first.text;
  });
  std::string stem = first.lane.substr(0, first.lane.find_last_not_of("0123456789") + 1);
  std::vector<std::uint64_t> numbers;
  std::string names;
  for (const std::size_t place : places) {
    const std::string& lane = run_.events[place].lane;
    names += (names.empty() ? "" : ", ") + lane;
    if (lane.starts_with(stem) && lane.size() > stem.size())
      numbers.push_back(std::stoull(lane.substr(stem.size())));
  }
  if (numbers.size() == places.size() && places.size() > 1) {
    while (stem.ends_with(' ')) stem.pop_back();
    names = fmt::format("{}s {}", stem, list_of(numbers));
  }
  const std::string many = places.size() > 1 ? "" : "s";
  const std::string does = first.what == "begin" ? " begin" + many
                           : first.what == "end" ? " end" + many
                                                 : ": " + first.text;
  line(first, Style::program, names + does);
  return places.back() + 1;
}

void Painter::draw_enter(const Event& event) {
  std::string words = fmt::format("enter {}: ", ++enters_);
  if (event.length > 0) words += fmt::format("hands over {}", event.length);
  if (event.result > 0)
    words += fmt::format("{}waits for {}", event.length > 0 ? ", " : "", event.result);
  else
    words += event.length > 0 ? ", does not wait" : "only looks";
  line(event, Style::bold, words);
}

// What a program that has ended never took: a completion that was not given back, or not looked at.
std::string Painter::left_in(unsigned ring) const {
  std::vector<std::uint64_t> left;
  for (const auto& [operation, life] : story_.lives)
    if (life.ring == ring && !life.posted.empty() && life.harvested == nowhere)
      left.push_back(operation);
  if (left.empty()) return "";
  return fmt::format("; the {} of {} {} never given back",
                     left.size() == 1 ? "completion" : "completions", list_of(left),
                     left.size() == 1 ? "was" : "were");
}

// What is drawn by itself.
void Painter::draw_single(std::size_t at) {
  const Event& event = run_.events[at];
  const std::string number = fmt::format("{}", event.operation);
  switch (event.kind) {
    case Kind::ring_opened:
      line(event, Style::dim,
           fmt::format("ring {} opens: places for {} entries, {} completions", event.ring,
                       event.length, event.offset));
      break;
    case Kind::ring_closed:
      line(event, Style::dim, fmt::format("ring {} closes{}", event.ring, left_in(event.ring)));
      break;
    case Kind::enter:
      draw_enter(event);
      break;
    case Kind::enter_returned:
      if (options_.full || (event.result < 0 && run_.events[at - 1].kind != Kind::fault))
        line(event, event.result < 0 ? Style::bad : Style::dim,
             "the enter returns " + result_text(event.result));
      break;
    case Kind::parked:
      line(event, Style::plain,
           fmt::format("{} waits until descriptor {} is ready", number, event.fd),
           {column_of(event.operation)}, "│");
      break;
    case Kind::slept:
      line(event, Style::kernel,
           fmt::format("sleeps {} until {} there", duration_text(story_.sleep_nanoseconds(at)),
                       event.result == 1 ? "1 completion is"
                                         : fmt::format("{} completions are", event.result)));
      break;
    case Kind::fault:
      line(event, Style::bad, fault_text(event));
      break;
    case Kind::cancel_asked:
      line(event, Style::plain, "a cancel finds " + number, {column_of(event.operation)}, "│");
      break;
    case Kind::violation:
      line(event, Style::bad, broken_text(event),
           event.operation == 0 ? std::set<std::size_t>{}
                                : std::set<std::size_t>{column_of(event.operation)},
           "✕", Style::bad);
      break;
    case Kind::switched:
      if (event.offset == 0) break;  // nobody else could go on
      line(event, Style::bold, thread_text(event));
      break;
    case Kind::blocked:
      if (!sleeps_in_enter(event) || options_.full) line(event, Style::kernel, thread_text(event));
      break;
    case Kind::thread_started:
    case Kind::thread_ended:
      line(event, Style::dim, thread_text(event));
      break;
    case Kind::woken:
      line(event, Style::program, story_.wake_text(at));
      break;
    case Kind::stalled:
      line(event, Style::bad, thread_text(event));
      break;
    default:
      line(event, Style::dim,
           event.kind_name + (event.operation == 0 ? "" : " " + number) +
               (event.result == 0 ? "" : " " + result_text(event.result)) +
               (event.text.empty() ? "" : ": " + event.text));
  }
}

// Who sleeps.
void Painter::note_awake(const Event& event) {
  if (event.kind == Kind::woken && event.offset < static_cast<std::int64_t>(awake_.size()))
    awake_[static_cast<std::size_t>(event.offset)] = true;
  else if (is_of_thread(event.kind))
    awake_[event.executor] = event.kind != Kind::slept && event.kind != Kind::blocked;
}

std::size_t Painter::draw(std::size_t at) {
  const Event& event = run_.events[at];
  note_awake(event);
  switch (event.kind) {
    case Kind::submitted:
      return draw_submitted(at);
    case Kind::posted:
    case Kind::overflowed:
      return draw_posted(at);
    case Kind::mark:
      return draw_marks(at);
    case Kind::issued:
      return at + 1;
    case Kind::finished: {
      const Life* const life = story_.life(event.operation);
      const bool never_posted = life != nullptr && life->posted.empty();
      if (options_.full || never_posted)
        line(event, Style::dim,
             fmt::format("{} is done: {}{}", event.operation, result_text(event.result),
                         never_posted ? ", without a completion" : ""),
             {column_of(event.operation)}, "┆");
      done_.insert(event.operation);
      if (never_posted) leave_column(event.operation);
      return at + 1;
    }
    case Kind::harvested: {
      const auto places =
          group(at, [](const Event& other) { return other.kind == Kind::harvested; });
      line(event, Style::program,
           fmt::format("takes the completion{} of {}", places.size() == 1 ? "" : "s",
                       operations(places)));
      return places.back() + 1;
    }
    default:
      draw_single(at);
      return at + 1;
  }
}

void Painter::skip(const Fold& fold) {
  for (std::size_t i = fold.begin; i < fold.end; ++i) {
    const Event& event = run_.events[i];
    if (event.kind == Kind::enter) ++enters_;
    if (event.kind == Kind::submitted) take_column(event.operation);
    if (event.kind == Kind::posted) leave_column(event.operation);
  }
  const Event& last = run_.events[fold.end - 1];
  time_shown_.clear();
  std::string words = fmt::format(
      "... {} turns like {}", fold.turns,
      fold.period == 1 ? std::string("this one") : fmt::format("the last {}", fold.period));
  if (fold.operation_first != 0)
    words += fmt::format(": operations {} to {}", fold.operation_first, fold.operation_last);
  words += fmt::format(", until {}", duration_text(last.time_nanoseconds));
  lines_.push_back(std::string(11 + graph_width() + 2, ' ') +
                   painted(options_.colours, Style::bold, words));
}

}  // namespace

std::string to_text(const Run& run, const TextOptions& options) {
  const Story story = understand(run, !options.full);
  std::string out =
      painted(options.colours, Style::bold,
              fmt::format("{} on the simulated ring, seed {}", options.title, run.seed)) +
      "\n" + summary(story) + "\n\n";
  Painter probe(run, story, options, graph_columns_max);
  probe.lines();
  auto lines = Painter(run, story, options, probe.columns_used()).lines();
  if (!options.full && lines.size() > lines_max) {
    const std::size_t left_out = lines.size() - lines_max;
    const auto begin = lines.begin() + static_cast<std::ptrdiff_t>(lines_max - lines_at_the_end);
    lines.erase(begin, begin + static_cast<std::ptrdiff_t>(left_out));
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(lines_max - lines_at_the_end),
                 fmt::format("           ... {} more lines; --full shows them", left_out));
  }
  for (const std::string& line : lines) out += line + "\n";
  if (run.full) out += "The record was full here; the run went on.\n";
  out += "\n" +
         painted(options.colours, Style::dim,
                 "╷ handed over   │ in flight   ┆ done, not yet seen   ● completion   "
                 "✕ error") +
         "\n";
  return out;
}

}  // namespace percore::trace
