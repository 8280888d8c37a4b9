// Each event in words, with the line it stands in and, for a stale read, what it missed.

#include "told_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

namespace percore::explore {

namespace {

constexpr std::size_t WIDTH_MAX = 118;  // of a table; wider ones become lists
constexpr std::size_t COLUMN_MAX = 52;

const char* order_word(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed:
      return "relaxed";
    case std::memory_order_consume:
    case std::memory_order_acquire:
      return "acquire";
    case std::memory_order_release:
      return "release";
    case std::memory_order_acq_rel:
      return "acq_rel";
    case std::memory_order_seq_cst:
      return "seq_cst";
  }
  return "";
}

// Small negative numbers are numbers, large ones addresses.
std::string number(std::uint64_t value) {
  constexpr std::uint64_t LARGE = std::uint64_t{1} << 40;
  if (value < LARGE) return fmt::format("{}", value);
  if (-value < LARGE) return fmt::format("-{}", -value);
  return fmt::format("{:#x}", value);
}

bool is_word(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string line_of(const std::source_location& where) {
  static std::map<std::pair<std::string, unsigned>, std::string> known;
  const auto key = std::pair<std::string, unsigned>(where.file_name(), where.line());
  const auto [it, is_new] = known.try_emplace(key);
  if (!is_new) return it->second;
  std::ifstream file(where.file_name());
#ifdef PERCORE_EXPLORE_COMPILED_IN
  // The compiler was given a path relative to the folder that it ran in.
  if (!file) file.open(std::string(PERCORE_EXPLORE_COMPILED_IN) + "/" + where.file_name());
#endif
  for (unsigned i = 0; i < where.line(); ++i)
    if (!std::getline(file, it->second)) {
      it->second.clear();
      break;
    }
  return it->second;
}

// Cuts at spaces into lines of at most `width`.
std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> out;
  while (text.size() > width) {
    std::size_t cut = text.rfind(' ', width);
    if (cut == text.npos || cut == 0) cut = width;
    out.emplace_back(text.substr(0, cut));
    text.remove_prefix(cut);
    if (text.starts_with(' ')) text.remove_prefix(1);
  }
  out.emplace_back(text);
  return out;
}

}  // namespace

std::string short_place(const std::source_location& where) {
  if (where.line() == 0) return "";
  const std::string_view path = where.file_name();
  return fmt::format("{}:{}", path.substr(path.rfind('/') + 1), where.line());
}

std::string object_in_line(std::string_view line, unsigned column) {
  static constexpr std::string_view OPERATIONS[] = {"load(",
                                                    "store(",
                                                    "exchange(",
                                                    "compare_exchange_weak(",
                                                    "compare_exchange_strong(",
                                                    "fetch_add(",
                                                    "fetch_sub(",
                                                    "fetch_or(",
                                                    "fetch_and(",
                                                    "fetch_xor(",
                                                    "sleep(",
                                                    "wake("};
  std::string best;
  std::size_t best_distance = std::string_view::npos;
  for (const std::string_view operation : OPERATIONS) {
    for (std::size_t at = line.find(operation); at != line.npos;
         at = line.find(operation, at + 1)) {
      std::size_t end = at;
      if (end >= 1 && line[end - 1] == '.')
        end -= 1;
      else if (end >= 2 && line.substr(end - 2, 2) == "->")
        end -= 2;
      else
        continue;
      while (end > 0 && line[end - 1] == ' ') --end;
      std::size_t subscript = 0;  // of slots[i].load() the name is slots[i]
      std::size_t begin = end;
      while (begin > 0 && (is_word(line[begin - 1]) || line[begin - 1] == ']' || subscript > 0)) {
        --begin;
        if (line[begin] == ']') ++subscript;
        if (line[begin] == '[') --subscript;
      }
      if (begin == end) continue;
      const std::size_t from = column == 0 ? 0 : column - 1;
      const std::size_t distance =
          std::min({begin > from ? begin - from : from - begin, at > from ? at - from : from - at});
      if (distance >= best_distance) continue;
      best_distance = distance;
      best = line.substr(begin, end - begin);
    }
  }
  return best;
}

TextOfExecution::TextOfExecution(const Trace& trace, Model& model) : trace_(trace), model_(model) {
  for (const Event& event : trace.events) {
    if (event.read == NO_STORE && event.written == NO_STORE && event.act != Act::asleep) continue;
    if (names_.contains(event.location)) continue;
    std::string name = object_in_line(line_of(event.where), event.where.column());
    if (!name.empty()) names_[event.location] = std::move(name);
  }
  // wants[me] is another one in each thread: elements are told apart by the order of their making.
  std::map<std::string, unsigned> elements;
  for (auto& [location, name] : names_)
    if (const std::size_t bracket = name.find('['); bracket != name.npos) {
      const std::string array = name.substr(0, bracket);
      name = fmt::format("{}#{}", array, elements[array]++);
    }
}

std::string TextOfExecution::name_of(const Event& event) {
  if (const auto it = names_.find(event.location); it != names_.end()) return it->second;
  const std::source_location made = model_.location(event.location).stores.front().where;
  const std::string place = short_place(made);
  return names_[event.location] =
             place.empty() ? fmt::format("atomic {}", event.location) : "the atomic of " + place;
}

std::string TextOfExecution::slot_of(const void* address) {
  const auto count = slots_.size();
  auto& name = slots_[address];
  if (name.empty())
    name = count < 26 ? fmt::format("slot {}", static_cast<char>('A' + count))
                      : fmt::format("slot {}", count);
  return name;
}

std::string TextOfExecution::words_of(const Event& event) {
  const char* order = order_word(event.order);
  switch (event.act) {
    case Act::load:
      return fmt::format("reads {} = {} ({})", name_of(event), number(event.value), order);
    case Act::store:
      return fmt::format("writes {} = {} ({})", name_of(event), number(event.made), order);
    case Act::update:
      return fmt::format("updates {}: {} becomes {} ({})", name_of(event), number(event.value),
                         number(event.made), order);
    case Act::missed:
      return fmt::format("compares {} with {}, finds {} ({})", name_of(event), number(event.made),
                         number(event.value), order);
    case Act::spurious:
      return fmt::format("compares {} with {}: equal, but weak: fails for no reason",
                         name_of(event), number(event.value));
    case Act::fence:
      return fmt::format("fence ({})", order);
    case Act::wake:
      return fmt::format("wakes {}{}", name_of(event), event.value != 0 ? " (already woken)" : "");
    case Act::sleep:
      return fmt::format("sleeps in {}, is woken", name_of(event));
    case Act::asleep:
      return fmt::format("sleeps in {}, for ever", name_of(event));
    case Act::spins:
      return "spins, for ever";
    case Act::read:
    case Act::write:
      return fmt::format("{} {}", slot_of(event.address), event.words);
    case Act::race:
      return fmt::format("{} {}: RACE", slot_of(event.address),
                         event.words.empty() ? "is accessed" : event.words);
    case Act::words:
      return event.words;
    case Act::ended:
      return "fails here";
  }
  return "";
}

void TextOfExecution::remember(const Event& event, unsigned step) {
  if (event.written != NO_STORE) written_[{event.location, event.written}] = {step, &event};
}

// Which newer store was there already, by the order of this telling.
void TextOfExecution::remark_staleness(const Event& event) {
  if (event.read == NO_STORE && event.written == NO_STORE) return;
  const Location& at = model_.location(event.location);
  const std::uint32_t own = event.written != NO_STORE ? event.written : event.read;
  for (std::size_t place = at.stores[own].place + 1; place < at.order.size(); ++place) {
    const auto it = written_.find({event.location, at.order[place]});
    if (it == written_.end()) continue;
    ++stale_;
    const Event& newer = *it->second.event;
    const char* writer = newer.thread == 0 ? "the body" : trace_.names[newer.thread];
    std::string words =
        event.read != NO_STORE
            ? fmt::format(
                  "^ stale: {} has written {} in step {} already, but nothing orders that "
                  "write before this read",
                  writer, number(newer.made), it->second.step)
            : fmt::format(
                  "^ comes before {}'s {} of step {} in the order of {}'s values: nothing "
                  "orders the two writes",
                  writer, number(newer.made), it->second.step, name_of(event));
    rows_.push_back({.step = 0, .thread = event.thread, .words = std::move(words), .where = ""});
    return;
  }
}

void TextOfExecution::add(const Event& event) {
  if (last_thread_ != 0 && event.thread != 0 && event.thread != last_thread_) ++switches_;
  if (event.thread != 0) last_thread_ = event.thread;
  if (event.act == Act::words) {
    rows_.push_back({.step = 0, .thread = event.thread, .words = "> " + event.words, .where = ""});
    return;
  }
  rows_.push_back({.step = ++step_,
                   .thread = event.thread,
                   .words = words_of(event),
                   .where = short_place(event.where)});
  remark_staleness(event);
  remember(event, step_);
}

std::size_t TextOfExecution::width_of(unsigned thread) const {
  std::size_t width = std::string_view(trace_.names[thread]).size();
  for (const Row& row : rows_) {
    if (row.thread != thread) continue;
    const std::size_t needed = row.words.size() + (row.where.empty() ? 0 : row.where.size() + 2);
    width = std::max(width, std::min(needed, COLUMN_MAX));
  }
  return width;
}

namespace {

std::vector<std::string> cell(std::string_view words, std::string_view where, std::size_t width) {
  std::vector<std::string> out = wrapped(words, width);
  if (where.empty()) return out;
  if (out.back().size() + where.size() + 2 > width) out.emplace_back("");
  out.back() += fmt::format("{:>{}}", where, width - out.back().size());
  return out;
}

std::string without_trailing_spaces(std::string text) {
  while (text.ends_with(' ')) text.pop_back();
  return text + "\n";
}

}  // namespace

std::string TextOfExecution::columns() const {
  std::vector<std::size_t> begins(trace_.names.size() + 1, 6);
  for (unsigned i = 1; i < trace_.names.size(); ++i) begins[i + 1] = begins[i] + width_of(i) + 3;
  std::string out = "step";
  for (unsigned i = 1; i < trace_.names.size(); ++i)
    out += std::string(begins[i] - std::min(out.size(), begins[i]), ' ') + trace_.names[i];
  out = without_trailing_spaces(std::move(out));
  for (const Row& row : rows_) {
    const bool at_end = row.thread == 0;
    const std::size_t begin = at_end ? 6 : begins[row.thread];
    const std::size_t width = at_end ? COLUMN_MAX * 2 : width_of(row.thread);
    bool first = true;
    const std::string words = at_end ? "at the end: " + row.words : row.words;
    for (const std::string& text :
         cell(words, row.where, at_end ? words.size() + 2 + row.where.size() : width)) {
      std::string line = first && row.step != 0 ? fmt::format("{:4}  ", row.step) : "";
      line.resize(begin, ' ');
      out += without_trailing_spaces(line + text);
      first = false;
    }
  }
  return out;
}

// For more threads than fit side by side: one column, each step with its thread's name.
std::string TextOfExecution::list() const {
  std::size_t name_width = 10;
  for (const char* name : trace_.names)
    name_width = std::max(name_width, std::string_view(name).size());
  std::string out = fmt::format("step  {:{}}  what it does\n", "thread", name_width);
  for (const Row& row : rows_) {
    const char* name = row.step == 0     ? ""
                       : row.thread == 0 ? "at the end"
                                         : trace_.names[row.thread];
    const std::string step = row.step == 0 ? "" : fmt::format("{}", row.step);
    bool first = true;
    for (const std::string& text : cell(row.words, row.where, COLUMN_MAX + 20)) {
      out += without_trailing_spaces(
          fmt::format("{:>4}  {:{}}  {}", first ? step : "", first ? name : "", name_width, text));
      first = false;
    }
  }
  return out;
}

std::string TextOfExecution::finish(std::string_view ending) const {
  std::size_t width = 6;
  for (unsigned i = 1; i < trace_.names.size(); ++i) width += width_of(i) + 3;
  std::string out = width <= WIDTH_MAX ? columns() : list();
  if (!ending.empty()) out += fmt::format("      So {}.\n", ending);
  return out;
}

}  // namespace percore::explore
