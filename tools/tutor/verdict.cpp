#include "verdict.hpp"

#include "files.hpp"
#include "json.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace percore::tutor {

std::string_view word(VerdictKind kind) {
  switch (kind) {
    case VerdictKind::passed:
      return "passed";
    case VerdictKind::wrong:
      return "wrong";
    case VerdictKind::compile_error:
      return "compile_error";
    case VerdictKind::crash:
      return "crash";
    case VerdictKind::spins:
      return "hang_spinning";
    case VerdictKind::waits:
      return "hang_waiting";
    case VerdictKind::slow:
      return "too_slow";
    case VerdictKind::flood:
      return "output_flood";
    case VerdictKind::forks:
      return "forking";
    case VerdictKind::early_exit:
      return "early_exit";
    case VerdictKind::memory:
      return "out_of_memory";
    case VerdictKind::disk:
      return "disk_flood";
    case VerdictKind::threads:
      return "too_many_threads";
    case VerdictKind::tampering:
      return "tampering";
  }
  return "";
}

const CheckVerdict* Judgement::first_broken() const {
  for (const CheckVerdict& check : checks)
    if (check.kind != VerdictKind::passed) return &check;
  return nullptr;
}

bool Judgement::nothing_checked() const {
  return kind == VerdictKind::passed && !checks.empty() &&
         std::ranges::all_of(checks, [](const CheckVerdict& check) { return check.skipped; });
}

std::string headline(const CheckVerdict& verdict) {
  std::string sentence = verdict.sentence;
  if (verdict.kind != VerdictKind::wrong) {
    if (!sentence.empty() && sentence[0] >= 'a' && sentence[0] <= 'z')
      sentence[0] = static_cast<char>(sentence[0] - 'a' + 'A');
    return sentence + ".";
  }
  // Oracles write whole sentences, checks write none: one full stop, and the seed before it.
  while (sentence.ends_with('.') || sentence.ends_with(' ')) sentence.pop_back();
  if (verdict.has_seed) {
    sentence += fmt::format(" (seed {})", verdict.seed);
  }
  const std::string_view broken = verdict.invariant.empty() ? "" : " broken: ";
  return fmt::format("{}{}{}.", verdict.invariant, broken, sentence);
}

namespace {

std::string lesson_reference(const std::string& lesson) {
  // "Lesson 01, *The harvest*" -> "See lesson 01, *The harvest*."
  if (lesson.empty()) return "";
  std::string out = "See " + lesson + ".";
  if (out.starts_with("See Lesson")) out[4] = 'l';
  return out;
}

std::string told_broken(const CheckVerdict& told, const Judgement& judgement,
                        const std::string& exercise, bool verbose) {
  CheckVerdict verdict = told;
  if (judgement.predicted) {
    verdict.has_seed = false;
    verdict.statement.clear();
  }
  std::string out = in_colour(Colour::red, headline(verdict)) + "\n";
  std::string line = "  " + lesson_reference(verdict.lesson);
  if (verdict.has_seed)
    line +=
        fmt::format(" `./tools/percore check {}{} --seed {}` shows it again.", exercise,
                    judgement.step.empty() ? "" : " --step '" + judgement.step + "'", verdict.seed);
  if (line.size() > 2) out += (line[2] == ' ' ? " " + line.substr(2) : line) + "\n";
  // A catch exercise has no invariant of its own, and its sentence says what is demanded.
  if (!verdict.statement.empty() && !verdict.invariant.empty() && !verdict.of_another)
    out += in_colour(Colour::dim, fmt::format("  Demanded: {}.", verdict.statement)) + "\n";
  if (!verdict.smallest.empty())
    out += "  " +
           in_colour(Colour::dim, wrapped(fmt::format("It takes {}.", verdict.smallest),
                                          terminal_columns(), "    ", 2)) +
           "\n";
  if (verdict.real) out += "  This was on the real kernel; on the simulated one it held.\n";
  out += verdict.detail;
  if (!verdict.history.empty()) {
    const auto lines = split_lines(verdict.history);
    // A losing execution is as short as it can be, and says nothing in part.
    const std::size_t most = verbose || verdict.explored ? lines.size() : 12;
    out += verdict.explored ? "  An execution in which it goes wrong:\n" : "  What happened:\n";
    for (std::size_t i = 0; i < lines.size() && i < most; ++i) out += "    " + lines[i] + "\n";
    if (lines.size() > most)
      out += fmt::format("    ... {} more lines with --verbose\n", lines.size() - most);
  }
  if (verdict.drawable && verdict.has_seed)
    out += fmt::format(
        "  `./tools/percore trace {} --seed {}` draws this run; `debug` in place of `trace` steps "
        "through it.\n",
        exercise, verdict.seed);
  return out;
}

// What a check demands. Where others look at the same from another side, its name tells them apart.
std::string demanded(const CheckVerdict& check, const Judgement& judgement) {
  if (check.statement.empty()) return check.name;
  const bool alone = std::ranges::count_if(judgement.checks, [&](const CheckVerdict& other) {
                       return other.program == check.program && other.statement == check.statement;
                     }) == 1;
  std::string name = check.name;
  std::ranges::replace(name, '_', ' ');
  return alone ? check.statement : fmt::format("{} ({})", check.statement, name);
}

// What held. A step of which all held is one line; the step at hand shows each of its checks.
std::string told_passed(const Judgement& judgement, bool verbose) {
  std::string out;
  for (std::size_t i = 0; i < judgement.checks.size();) {
    std::size_t end = i;
    bool whole = !judgement.checks[i].step.empty();
    while (end < judgement.checks.size() &&
           judgement.checks[end].program == judgement.checks[i].program) {
      whole = whole && judgement.checks[end].kind == VerdictKind::passed &&
              !judgement.checks[end].skipped;
      ++end;
    }
    const std::string good = in_colour(Colour::green, "✓");
    if (whole && !verbose && end - i > 1) {
      out += fmt::format("  {} {}: {} checks{}\n", good, judgement.checks[i].step, end - i,
                         judgement.checks[i].real       ? " on the real kernel"
                         : judgement.checks[i].explored ? " in every order of the threads"
                                                        : "");
      i = end;
      continue;
    }
    for (; i < end; ++i) {
      const CheckVerdict& check = judgement.checks[i];
      if (check.kind != VerdictKind::passed) continue;
      std::string text = demanded(check, judgement);
      if (check.skipped)
        text += ": not run, " + check.sentence;
      else if (check.real)
        text += " (on the real kernel)";
      else if (check.explored)
        text += " (in every order of the threads)";
      const std::string invariant = check.invariant.empty() ? "" : check.invariant + "  ";
      out += fmt::format("  {} {}{}\n", check.skipped ? in_colour(Colour::yellow, "-") : good,
                         invariant, text);
    }
  }
  return out;
}

std::string told_measured(const std::vector<Measured>& measured) {
  if (measured.empty()) return "";
  std::string out = fmt::format("\n  {:<34} {:>16} {:>16} {:>16}\n", "an operation, yours (ours)",
                                "enters", "allocations", "instructions");
  const auto pair = [](double yours, double ours, int digits) {
    return fmt::format("{:.{}f} ({:.{}f})", yours, digits, ours, digits);
  };
  bool all_counted = true;
  for (const Measured& one : measured) {
    const bool counted = one.instructions > 0 && one.instructions_ours > 0;
    out += fmt::format("  {:<34} {:>16} {:>16} {:>16}\n", one.what,
                       pair(one.enters, one.enters_ours, 2),
                       pair(one.allocations, one.allocations_ours, 2),
                       counted ? pair(one.instructions, one.instructions_ours, 0) : "not counted");
    all_counted = all_counted && counted;
  }
  if (!all_counted)
    out +=
        "  (Instructions are counted one by one. Where it says \"not counted\", they were more "
        "than a few "
        "seconds allow, or this machine cannot step.)\n";
  return out;
}

}  // namespace

std::string told(const Judgement& judgement, const std::string& exercise, bool verbose) {
  std::string out;
  if (judgement.kind == VerdictKind::compile_error) {
    out += in_colour(Colour::red, "It does not compile.") + "\n" + judgement.error;
    if (verbose) out += "\n" + judgement.error_verbose;
  }
  if (!judgement.untouched || judgement.kind == VerdictKind::passed || verbose)
    out += told_passed(judgement, verbose);
  unsigned broken = 0;
  for (const CheckVerdict& check : judgement.checks) {
    if (check.kind == VerdictKind::passed) continue;
    if (++broken == 1) {
      out += "\n" + told_broken(check, judgement, exercise, verbose);
    } else if (verbose) {
      out += told_broken(check, judgement, exercise, verbose);
    }
  }
  if (broken > 1 && !verbose)
    out += fmt::format("  At least {} more broken; mend this first, or see all with --verbose.\n",
                       broken - 1);
  for (const std::string& remark : judgement.remarks)
    out += in_colour(Colour::yellow, "  " + remark) + "\n";
  if (judgement.nothing_checked())
    out += "\n" +
           in_colour(Colour::yellow,
                     "Nothing was checked: the kernel gives no ring here. `./tools/percore doctor` "
                     "says why.") +
           "\n";
  else if (judgement.kind == VerdictKind::passed)
    out += "\n" +
           in_colour(
               Colour::green,
               fmt::format("Passed: {} of {} points{}.", judgement.points, judgement.points_all,
                           judgement.sanitizers_follow ? ", if the sanitizers see nothing" : "")) +
           "\n";
  else if (judgement.points > 0 && judgement.points == judgement.points_all)
    out += fmt::format("  All {} points, once this holds, too.\n", judgement.points_all);
  else if (judgement.points > 0)
    out += fmt::format("  {} of {} points so far.\n", judgement.points, judgement.points_all);
  out += told_measured(judgement.measured);
  return out;
}

namespace {

Json words_of(const SmallCase& small) {
  Json out = Json::list();
  for (const std::string& word : to_words(small)) out.add(word);
  return out;
}

}  // namespace

std::string to_json(const Judgement& judgement) {
  Json checks = Json::list();
  for (const CheckVerdict& check : judgement.checks) {
    Json one = Json::object();
    one.set("name", check.name)
        .set("step", check.step)
        .set("program", check.program)
        .set("kind", check.skipped ? "skipped" : word(check.kind))
        .set("invariant", check.invariant)
        .set("statement", check.statement)
        .set("lesson", check.lesson)
        .set("message", check.kind == VerdictKind::passed ? std::string() : headline(check))
        .set("detail", check.detail)
        .set("history", check.history)
        .set("oracle", check.oracle)
        .set("skipped", check.skipped)
        .set("seeds", check.seeds);
    if (check.has_seed) one.set("seed", check.seed).set("smallest", check.smallest);
    if (check.has_seed) one.set("case", words_of(check.small));
    checks.add(std::move(one));
  }
  Json steps = Json::list();
  for (const std::string& step : judgement.steps_passed) steps.add(step);
  Json measured = Json::list();
  const auto thousandths = [](double value) {
    return static_cast<std::int64_t>(value * 1000 + 0.5);
  };
  for (const Measured& one : judgement.measured) {
    Json row = Json::object();
    row.set("what", one.what)
        .set("enters_thousandths", thousandths(one.enters))
        .set("enters_ours_thousandths", thousandths(one.enters_ours))
        .set("allocations_thousandths", thousandths(one.allocations))
        .set("allocations_ours_thousandths", thousandths(one.allocations_ours))
        .set("instructions_thousandths", thousandths(one.instructions))
        .set("instructions_ours_thousandths", thousandths(one.instructions_ours));
    measured.add(std::move(row));
  }
  const CheckVerdict* broken = judgement.first_broken();
  const bool unseen = judgement.nothing_checked();
  Json out = Json::object();
  out.set("exercise", judgement.exercise)
      .set("status", unseen                                  ? "skipped"
                     : judgement.kind == VerdictKind::passed ? "pass"
                                                             : "fail")
      .set("kind", unseen ? "skipped" : word(judgement.kind))
      .set("message", judgement.kind == VerdictKind::compile_error ? judgement.error
                      : broken != nullptr                          ? headline(*broken)
                                                                   : std::string())
      .set("points", unseen ? 0 : judgement.points)
      .set("points_all", judgement.points_all)
      .set("steps_passed", std::move(steps))
      .set("checks", std::move(checks))
      .set("measured", std::move(measured));
  return out.compact();
}

}  // namespace percore::tutor
