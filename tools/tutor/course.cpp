// Reads exercises/NN-name/README.md, the only source of titles, tasks and hints. The format:
//
//     # Title of the lesson
//     ## 01.4 ring: submission and harvest
//     kind: build
//     sitting: 1
//     files: ring/percore/ring.hpp ring/ring.cpp
//     steps: submit 10, harvest 15          or   points: 10
//     minutes: 90
//     (an empty line, then the task in Markdown)
//     <details><summary>Hint 1: a question</summary>
//     ...
//     </details>

#include "course.hpp"

#include "problem.hpp"

#include <algorithm>
#include <charconv>

namespace percore::tutor {

namespace {

struct Place {
  std::string file;
  std::size_t line = 0;
};

template <typename... Args>
[[noreturn]] void malformed(const Place& place, fmt::format_string<Args...> sentence,
                            Args&&... args) {
  give_up("{}:{}: {}.", place.file, place.line,
          fmt::format(sentence, static_cast<Args&&>(args)...));
}

unsigned to_number(std::string_view text, const Place& place) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    malformed(place, "'{}' is no number", text);
  return value;
}

Kind to_kind(std::string_view text, const Place& place) {
  for (const Kind kind : {Kind::predict, Kind::use, Kind::fix, Kind::build, Kind::catching})
    if (word(kind) == text) return kind;
  malformed(place, "'{}' is no kind of exercise: predict, use, fix, build or catch", text);
}

// "run queue 10, join handle 15": the last word of each part is its points.
std::vector<Step> to_steps(std::string_view text, const Place& place) {
  std::vector<Step> steps;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view part = trimmed(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    const std::size_t space = part.rfind(' ');
    if (space == part.npos) malformed(place, "step '{}' has no points: 'name 10' is wanted", part);
    steps.push_back({.name = std::string(trimmed(part.substr(0, space))),
                     .points = to_number(part.substr(space + 1), place)});
  }
  return steps;
}

// "## 01.4 ring: submission and harvest"
Exercise to_heading(std::string_view line, const Place& place, const std::string& folder) {
  line.remove_prefix(3);
  const std::size_t space = line.find(' ');
  const std::size_t colon = line.find(':');
  if (space == line.npos || colon == line.npos || colon < space)
    malformed(place, "'## {}' is not '## NN.N name: title'", line);
  Exercise exercise;
  exercise.number = line.substr(0, space);
  exercise.name = trimmed(line.substr(space, colon - space));
  exercise.title = trimmed(line.substr(colon + 1));
  exercise.lesson = folder;
  if (exercise.name.starts_with('`') && exercise.name.ends_with('`') && exercise.name.size() > 2)
    exercise.name = exercise.name.substr(1, exercise.name.size() - 2);
  return exercise;
}

void to_field(Exercise& exercise, std::string_view line, const Place& place) {
  const std::size_t colon = line.find(':');
  if (colon == line.npos) malformed(place, "'{}' is not 'field: value'", line);
  const std::string_view field = trimmed(line.substr(0, colon));
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (field == "kind")
    exercise.kind = to_kind(value, place);
  else if (field == "sitting")
    exercise.sitting = to_number(value, place);
  else if (field == "minutes")
    exercise.minutes = to_number(value, place);
  else if (field == "files")
    exercise.files = split_words(value);
  else if (field == "steps")
    exercise.steps = to_steps(value, place);
  else if (field == "points")
    exercise.steps = {{.name = "", .points = to_number(value, place)}};
  else
    malformed(place, "unknown field '{}'", field);
}

void finish(std::vector<Exercise>& exercises, const Place& place) {
  if (exercises.empty()) return;
  Exercise& last = exercises.back();
  last.task = trimmed(last.task);
  for (Hint& hint : last.hints) hint.text = trimmed(hint.text);
  if (last.files.empty()) malformed(place, "exercise {} names no files", last.number);
  if (last.steps.empty()) last.steps = {{.name = "", .points = 10}};
}

// "<details><summary>Hint 1: a question</summary>", on one line or two.
std::string hint_title(std::string_view line) {
  const std::size_t from = line.find("<summary>");
  if (from == line.npos) return "";
  const std::size_t to = std::min(line.find("</summary>"), line.size());
  return std::string(trimmed(line.substr(from + 9, to - from - 9)));
}

Lesson read_lesson(const fs::path& readme, const std::string& folder) {
  Lesson lesson{.number = folder.substr(0, folder.find('-')),
                .folder = folder,
                .title = folder,
                .exercises = {}};
  Place place{.file = readme.string(), .line = 0};
  enum class At { before, fields, task, hint, other } at = At::before;
  for (const std::string& line : split_lines(read_file(readme))) {
    ++place.line;
    if (line.starts_with("## ") && line.size() > 3 && line[3] >= '0' && line[3] <= '9') {
      finish(lesson.exercises, place);
      lesson.exercises.push_back(to_heading(line, place, folder));
      at = At::fields;
    } else if (line.starts_with("# ") && at == At::before) {
      lesson.title = line.substr(2);
    } else if (at == At::fields) {
      if (!trimmed(line).empty())
        to_field(lesson.exercises.back(), line, place);
      else if (!lesson.exercises.back().files.empty())
        at = At::task;
    } else if (at == At::task || at == At::other) {
      Exercise& exercise = lesson.exercises.back();
      if (line.starts_with("<details>")) {
        at = At::hint;
        exercise.hints.push_back({.title = hint_title(line), .text = ""});
      } else if (at == At::task) {
        exercise.task += line + "\n";
      }
    } else if (at == At::hint) {
      Hint& hint = lesson.exercises.back().hints.back();
      const std::size_t end = line.find("</details>");
      if (hint.title.empty())
        hint.title = hint_title(line);
      else
        hint.text += line.substr(0, end) + "\n";
      if (end != line.npos) at = At::other;
    }
  }
  finish(lesson.exercises, place);
  return lesson;
}

// Edit distance with swaps of neighbours counted as one: the mistakes of typing.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i)
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  return cost[a.size()][b.size()];
}

}  // namespace

std::string_view word(Kind kind) {
  switch (kind) {
    case Kind::predict:
      return "predict";
    case Kind::use:
      return "use";
    case Kind::fix:
      return "fix";
    case Kind::build:
      return "build";
    case Kind::catching:
      return "catch";
  }
  return "";
}

std::string Exercise::module() const {
  if (kind != Kind::build) return "";
  return files.front().substr(0, files.front().find('/'));
}

unsigned Exercise::points() const {
  unsigned sum = 0;
  for (const Step& step : steps) sum += step.points;
  return sum;
}

Course read_course(const fs::path& root) {
  Course course{.root = root, .lessons = {}};
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root / "exercises", error))
    if (fs::exists(entry.path() / "README.md"))
      course.lessons.push_back(
          read_lesson(entry.path() / "README.md", entry.path().filename().string()));
  std::ranges::sort(course.lessons, {}, &Lesson::folder);
  if (course.lessons.empty())
    give_up(
        "There are no exercises in {}: run percore in its own repository, or name it with --root.",
        (root / "exercises").string());
  return course;
}

std::vector<const Exercise*> Course::exercises() const {
  std::vector<const Exercise*> all;
  for (const Lesson& lesson : lessons)
    for (const Exercise& exercise : lesson.exercises) all.push_back(&exercise);
  return all;
}

const Exercise* Course::by_number(std::string_view number) const {
  for (const Exercise* exercise : exercises())
    if (exercise->number == number) return exercise;
  return nullptr;
}

const Exercise& Course::find(std::string_view typed) const {
  std::string wanted(typed);
  if (wanted.size() > 2 && wanted[1] == '.') wanted = "0" + wanted;  // 1.4 for 01.4
  std::vector<std::string> names;
  for (const Exercise* exercise : exercises()) {
    if (exercise->number == wanted || exercise->name == wanted) return *exercise;
    names.push_back(exercise->name);
    names.push_back(exercise->number);
  }
  const Exercise* begins_so = nullptr;
  std::size_t matches = 0;
  for (const Exercise* exercise : exercises()) {
    if (wanted.empty() || !exercise->name.starts_with(wanted)) continue;
    begins_so = exercise;
    ++matches;
  }
  if (matches == 1) return *begins_so;
  const auto close = nearest(typed, names);
  if (close.empty())
    refuse("There is no exercise '{}'; `./tools/percore list` shows them all.", typed);
  std::string choice;
  for (std::size_t i = 0; i < close.size(); ++i)
    choice += fmt::format("{}{}", i == 0 ? "" : i + 1 == close.size() ? " or " : ", ", close[i]);
  refuse("There is no exercise '{}'. Did you mean {}?", typed, choice);
}

const Lesson& Course::find_lesson(std::string_view typed) const {
  std::vector<std::string> names;
  for (const Lesson& lesson : lessons) {
    if (lesson.number == typed || lesson.folder == typed ||
        "0" + std::string(typed) == lesson.number ||
        lesson.folder.substr(lesson.folder.find('-') + 1) == typed)
      return lesson;
    names.push_back(lesson.folder);
    names.push_back(lesson.folder.substr(lesson.folder.find('-') + 1));
    names.push_back(lesson.number);
  }
  const auto close = nearest(typed, names);
  refuse("There is no lesson '{}'.{}", typed,
         close.empty() ? " `./tools/percore list` shows them all."
                       : fmt::format(" Did you mean {}?", close.front()));
}

std::vector<std::string> nearest(std::string_view typed,
                                 const std::vector<std::string>& candidates) {
  std::vector<std::pair<std::size_t, std::string>> ranked;
  for (const std::string& candidate : candidates) {
    const std::size_t far = candidate.starts_with(typed) ? 1 : distance(typed, candidate);
    if (far <= std::max<std::size_t>(1, candidate.size() / 3)) ranked.emplace_back(far, candidate);
  }
  std::ranges::sort(ranked);
  std::vector<std::string> out;
  for (const auto& [far, candidate] : ranked)
    if (out.size() < 3) out.push_back(candidate);
  return out;
}

}  // namespace percore::tutor
