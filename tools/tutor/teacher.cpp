#include "teacher.hpp"

#include "problem.hpp"

#include <percore/check_overrides.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

namespace percore::tutor {

namespace {

template <typename Number>
std::optional<Number> to_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> out;
  for (;;) {
    const std::size_t at = text.find(by);
    if (const auto part = trimmed(text.substr(0, at)); !part.empty()) out.push_back(part);
    if (at == text.npos) return out;
    text.remove_prefix(at + 1);
  }
}

// "-EIO" or a number.
std::optional<long> to_result(std::string_view text) {
  if (const auto number = to_number<long>(text)) return number;
  constexpr int LAST = 133;
  for (int error = 1; error <= LAST; ++error)
    if (const char* name = strerrorname_np(error);
        name != nullptr && text.starts_with('-') && text.substr(1) == name)
      return -error;
  return {};
}

/// One file of cases, read line by line.
class Reader {
 public:
  explicit Reader(const fs::path& file) : file_(file) {}

  std::vector<HiddenCase> read() {
    for (const std::string& line : split_lines(read_file(file_))) {
      ++line_;
      take(trimmed(std::string_view(line).substr(0, line.find('#'))));
    }
    for (const HiddenCase& one : out_)
      if (one.seeds.empty())
        refuse("{}: the case [{}] names no seeds: `seeds: 1000..1199`, say.", file_.string(),
               one.name);
    return std::move(out_);
  }

 private:
  [[noreturn]] void wrong(std::string_view text, std::string_view wanted) const {
    refuse("{}:{}: '{}' is not understood: {}.", file_.string(), line_, text, wanted);
  }

  void take(std::string_view line) {
    if (line.empty()) return;
    if (line.starts_with('[') && line.ends_with(']')) {
      out_.emplace_back();
      out_.back().name = trimmed(line.substr(1, line.size() - 2));
      return;
    }
    const std::size_t colon = line.find(':');
    if (colon == line.npos || out_.empty())
      wrong(line,
            "a case begins with [its name], and holds lines `seeds:`, `option:`, `fault:`, "
            "`only:` and `points:`");
    const std::string_view key = trimmed(line.substr(0, colon));
    const std::string_view value = trimmed(line.substr(colon + 1));
    HiddenCase& now = out_.back();
    if (key == "seeds")
      take_seeds(value);
    else if (key == "option")
      take_option(value);
    else if (key == "fault")
      take_fault(value);
    else if (key == "only")
      now.check = value;
    else if (key == "points")
      now.points = to_number<unsigned>(value).value_or(0);
    else
      wrong(key, "the lines of a case are seeds, option, fault, only and points");
    if (key == "points" && now.points == 0) wrong(value, "points are a number above 0");
  }

  void take_seeds(std::string_view value) {
    for (const std::string_view part : split(value, ',')) {
      const std::size_t dots = part.find("..");
      const auto first = to_number<std::uint64_t>(trimmed(part.substr(0, dots)));
      const auto last =
          dots == part.npos ? first : to_number<std::uint64_t>(trimmed(part.substr(dots + 2)));
      if (!first || !last || *last < *first)
        wrong(part, "seeds are numbers and ranges, `7, 1000..1199`");
      out_.back().seeds.emplace_back(*first, *last);
    }
  }

  void take_option(std::string_view value) {
    const std::size_t equals = value.find('=');
    const std::string_view name = trimmed(value.substr(0, equals));
    const auto number =
        equals == value.npos ? std::nullopt : to_number<long>(trimmed(value.substr(equals + 1)));
    if (std::ranges::find(check::OVERRIDES, name) == check::OVERRIDES.end()) {
      std::string known;
      for (const std::string_view one : check::OVERRIDES)
        known += fmt::format("{}{}", known.empty() ? "" : ", ", one);
      wrong(value, "options are " + known);
    }
    if (!number || *number < 0) wrong(value, "an option is `name = number`");
    add_words("--option", fmt::format("{}={}", name, *number));
  }

  // "operation 3, result -EIO"
  void take_fault(std::string_view value) {
    std::string fields;
    bool has_place = false;
    for (const std::string_view part : split(value, ',')) {
      const std::size_t space = part.find(' ');
      const std::string_view name = part.substr(0, space);
      const auto number =
          space == part.npos ? std::nullopt : to_result(trimmed(part.substr(space + 1)));
      if (!number || std::ranges::find(check::FAULT_FIELDS, name) == check::FAULT_FIELDS.end())
        wrong(part, "a fault is `enter 3, result -EINTR` or `operation 2, bytes_max 1`");
      has_place = has_place || name == "enter" || name == "operation";
      fields += fmt::format("{}{}={}", fields.empty() ? "" : ",", name, *number);
    }
    if (!has_place) wrong(value, "a fault names the enter or the operation that it strikes");
    add_words("--fault", fields);
  }

  void add_words(const char* option, std::string value) {
    out_.back().words.emplace_back(option);
    out_.back().words.push_back(std::move(value));
  }

  fs::path file_;
  unsigned line_ = 0;
  std::vector<HiddenCase> out_;
};

}  // namespace

std::vector<HiddenCase> hidden_cases(const fs::path& folder, const Exercise& exercise) {
  for (const std::string& name : {exercise.name, exercise.number})
    if (const fs::path file = folder / (name + ".txt"); fs::exists(file))
      return Reader(file).read();
  return {};
}

void demand_teachers_folder(const fs::path& folder, const Course& course) {
  if (!fs::is_directory(folder)) refuse("--teacher {}: there is no such folder.", folder.string());
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".txt") continue;
    const std::string name = entry.path().stem();
    const auto all = course.exercises();
    const auto found = std::ranges::find_if(
        all, [&](const Exercise* one) { return one->name == name || one->number == name; });
    if (found == all.end())
      refuse(
          "{} belongs to no exercise: name it as `./tools/percore list` names one, ring.txt say.",
          entry.path().string());
    hidden_cases(folder, **found);
  }
}

}  // namespace percore::tutor
