#include "junit.hpp"

#include "printable.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace percore::tutor {

namespace {

// XML knows no control characters but tab and line feed.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\n')
      out += "&#10;";
    else
      out += c;
  }
  return out;
}

struct Suite {
  std::string cases;
  unsigned tests = 0, failures = 0, errors = 0, skipped = 0;

  // `element`: failure, error, skipped, or empty for a pass.
  void add(const std::string& classname, const std::string& name, const std::string& element = "",
           std::string_view type = "", const std::string& message = "",
           const std::string& text = "") {
    ++tests;
    failures += element == "failure" ? 1 : 0;
    errors += element == "error" ? 1 : 0;
    skipped += element == "skipped" ? 1 : 0;
    cases += fmt::format("    <testcase classname=\"{}\" name=\"{}\"", escaped(classname),
                         escaped(name));
    if (element.empty()) {
      cases += "/>\n";
      return;
    }
    cases += fmt::format(">\n      <{}", element);
    if (!type.empty()) cases += fmt::format(" type=\"{}\"", type);
    cases += fmt::format(" message=\"{}\"", escaped(message));
    cases += text.empty() ? "/>\n" : fmt::format(">{}</{}>\n", escaped(text), element);
    cases += "    </testcase>\n";
  }
};

std::string title_of(const CheckVerdict& check) {
  std::string out = check.statement.empty() ? check.name : check.statement;
  if (!check.invariant.empty()) out = check.invariant + ": " + out;
  if (check.real) out += " (on the real kernel)";
  return out;
}

// Two checks may demand the same: then each bears its own name as well, as readers of the file take
// equal names for one case.
std::string case_name(const CheckVerdict& check, const std::vector<CheckVerdict>& checks) {
  const std::string title = title_of(check);
  const auto alike = [&](const CheckVerdict& other) {
    return other.step == check.step && title_of(other) == title;
  };
  return std::ranges::count_if(checks, alike) > 1 ? fmt::format("{} [{}]", title, check.name)
                                                  : title;
}

// What a failure holds beyond its headline: the place, the history, and how to see it again.
std::string failure_text(const Exercise& exercise, const CheckVerdict& check) {
  std::string out = check.detail + check.history;
  if (!out.empty() && !out.ends_with('\n')) out += '\n';
  out += check.has_seed
             ? fmt::format("./tools/percore check {} --seed {}\n", exercise.number, check.seed)
             : fmt::format("./tools/percore check {}\n", exercise.number);
  return out;
}

Suite suite_of(const Graded& one) {
  Suite out;
  const Judgement& judgement = one.judgement;
  const std::string name = "percore." + one.exercise->number + "." + one.exercise->name;
  if (!one.begun) {
    out.add(name, "begun", "skipped", "", "not begun");
    return out;
  }
  if (!judgement.error.empty())
    out.add(name, judgement.kind == VerdictKind::compile_error ? "compiles" : "can be judged",
            "error", word(judgement.kind), judgement.error, judgement.error_verbose);
  for (const CheckVerdict& check : judgement.checks) {
    const std::string classname = check.step.empty() ? name : name + "." + check.step;
    if (check.skipped)
      out.add(classname, case_name(check, judgement.checks), "skipped", "", check.sentence);
    else if (check.kind == VerdictKind::passed)
      out.add(classname, case_name(check, judgement.checks));
    else
      out.add(classname, case_name(check, judgement.checks), "failure", word(check.kind),
              headline(check), failure_text(*one.exercise, check));
  }
  return out;
}

}  // namespace

std::string to_junit(const std::vector<Graded>& graded) {
  std::string suites;
  Suite all;
  for (const Graded& one : graded) {
    const Suite suite = suite_of(one);
    all.tests += suite.tests;
    all.failures += suite.failures;
    all.errors += suite.errors;
    all.skipped += suite.skipped;
    suites += fmt::format(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">\n"
        "    <properties>\n"
        "      <property name=\"points\" value=\"{}\"/>\n"
        "      <property name=\"points_all\" value=\"{}\"/>\n"
        "    </properties>\n{}  </testsuite>\n",
        escaped(one.exercise->number + " " + one.exercise->name), suite.tests, suite.failures,
        suite.errors, suite.skipped, one.judgement.points, one.judgement.points_all, suite.cases);
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuites name=\"percore\" tests=\"{}\" failures=\"{}\" errors=\"{}\" "
      "skipped=\"{}\">\n{}</testsuites>\n",
      all.tests, all.failures, all.errors, all.skipped, suites);
}

}  // namespace percore::tutor
