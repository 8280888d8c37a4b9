#include "session.hpp"

#include "json.hpp"
#include "problem.hpp"
#include "supervise.hpp"
#include "terminal.hpp"

#include <algorithm>
#include <cstdlib>

namespace percore::tutor {

Session::Session(const fs::path& root)
    : course(read_course(root)), state(State::load(root / "my")), workspace(course, state) {
  if (!state.notice.empty()) fmt::print(stderr, "{}\n", wrapped(state.notice, terminal_columns()));
}

const Config& Session::config() {
  if (!config_) config_ = read_config(course.root / "build");
  return *config_;
}

const Exercise& Session::exercise(const std::string& name) {
  return name.empty() ? current() : course.find(name);
}

const Exercise& Session::current() {
  if (const Exercise* at = course.by_number(state.current)) return *at;
  for (const Exercise* one : course.exercises())
    if (!state.at(one->number).solved) return *one;
  return *course.exercises().back();
}

const Exercise* Session::next_after(const Exercise& from) {
  const auto all = course.exercises();
  const auto at = static_cast<std::size_t>(std::ranges::find(all, &from) - all.begin());
  for (std::size_t i = 1; i <= all.size(); ++i) {
    const Exercise* candidate = all[(at + i) % all.size()];
    if (candidate != &from && !state.at(candidate->number).solved) return candidate;
  }
  return nullptr;
}

void Session::go_to(const Exercise& exercise) {
  if (state.current == exercise.number) return;
  state.current = exercise.number;
  state.save();
}

void Session::prepare(const Exercise& exercise) {
  const auto made = workspace.prepare(exercise);
  for (const std::string& file : made) fmt::print("Made {} for you to edit.\n", file);
  if (!made.empty()) write_compile_commands();
  const auto updated = workspace.starters_updated(exercise);
  for (const std::string& file : updated)
    fmt::print(
        "{}\n",
        in_colour(
            Colour::yellow,
            fmt::format(
                "An update changed the starting file {}/{}. Yours stays as it is; compare with "
                "`./tools/percore diff {}`, or begin anew with `./tools/percore reset {}` (a copy "
                "is kept).",
                exercise.lesson, file, exercise.number, exercise.number)));
  if (!updated.empty()) workspace.accept_starters(exercise);
}

void Session::record(const Exercise& exercise, const Judgement& judgement) {
  Progress& progress = state.of(exercise.number);
  const std::string files = Workspace::files_hash(exercise, workspace.lesson_folder(exercise));
  // Who goes on with what was solved loses nothing by it: standing() says that it has changed.
  const bool other_files_pass = progress.solved && progress.files_hash != files;
  const bool passed = judgement.kind == VerdictKind::passed;
  if (passed || !other_files_pass) {
    std::vector<std::string> steps = judgement.steps_passed;
    // What does not compile says nothing against the steps that it had.
    if (judgement.kind == VerdictKind::compile_error)
      for (const std::string& step : progress.steps_passed)
        if (std::ranges::count(steps, step) == 0) steps.push_back(step);
    progress.steps_passed = std::move(steps);
    progress.solved = passed;
  }
  if (passed) {
    const auto contract = workspace.contract(exercise);
    progress.contract = contract.version;
    progress.contract_hash = contract.hash;
    progress.files_hash = files;
  }
  record_loss(exercise, judgement);
  state.save();
}

void Session::record_loss(const Exercise& exercise, const Judgement& judgement) {
  Progress& progress = state.of(exercise.number);
  const CheckVerdict* const broken = judgement.first_broken();
  if (broken == nullptr || !broken->has_seed || broken->program.empty() ||
      exercise.kind == Kind::predict || exercise.kind == Kind::catching) {
    progress.loss = {};
    return;
  }
  progress.loss =
      Loss{.program = broken->program,
           .check = broken->name,
           .seed = broken->seed,
           .small = broken->small,
           .headline = headline(*broken),
           .files_hash = Workspace::files_hash(exercise, workspace.lesson_folder(exercise))};
}

std::string Session::step_at_hand(const Exercise& exercise) const {
  const auto& passed = state.at(exercise.number).steps_passed;
  const auto at_hand = std::ranges::find_if(
      exercise.steps, [&](const Step& step) { return std::ranges::count(passed, step.name) == 0; });
  return at_hand == exercise.steps.end() ? "" : at_hand->name;
}

Judgement Session::judge_files(const Exercise& exercise, JudgeOptions options) {
  options.sources = workspace.lesson_folder(exercise);
  Judgement judgement = Judge(course, config()).judge(exercise, options);
  add_compiler_remarks(exercise, options.sources, judgement);
  return judgement;
}

Judgement Session::judge(const Exercise& exercise, JudgeOptions options) {
  const PassingNote note;
  if (!options.thorough) options.step_first = step_at_hand(exercise);
  options.step_judged = [](const std::string& step, const CheckVerdict* broken) {
    std::string words =
        broken == nullptr
            ? fmt::format("  {} holds; the other steps are looked at", step)
            : fmt::format("  {}; do the steps before hold? {}", step, headline(*broken));
    // In one line, which is written over.
    if (words.size() >= terminal_columns()) words.resize(terminal_columns() - 1);
    passing_note(words);
  };
  options.right_passed = right_passed;
  return judge_files(exercise, std::move(options));
}

void Session::right_passed(std::size_t wrong_ones) {
  passing_note(fmt::format("  your checks pass with the right module; {} wrong one{} tried",
                           wrong_ones, wrong_ones == 1 ? " is" : "s are"));
}

Judgement Session::judge_anew(const Exercise& exercise) {
  JudgeOptions options;
  options.headers_ahead = false;
  return judge_files(exercise, std::move(options));
}

bool Session::follow_up(const Exercise& exercise, Judgement& judgement, bool verbose) {
  if (!looked_at_twice(exercise)) return true;
  JudgeOptions options;
  options.sources = workspace.lesson_folder(exercise);
  const Judge judge(course, config());
  passing_note("  sanitizers: building, then the checks once more; the first time takes longer");
  Judgement sanitized = judge.judge_sanitized(exercise, options);
  passing_note("");
  if (sanitized.kind != VerdictKind::passed) {
    judgement.kind = sanitized.kind;
    judgement.checks = sanitized.checks;  // the case that lost, for who looks at it next
    fmt::print("\nThe checks passed, but not under the sanitizers, so it is not solved yet:\n{}",
               told(sanitized, exercise.number, verbose));
    return false;
  }
  fmt::print("  sanitizers: clean\n");
  passing_note("  counting what an operation costs, yours and ours");
  judgement.measured = judge.measure(exercise, options);
  passing_note("");
  Judgement only_figures;
  only_figures.measured = judgement.measured;
  only_figures.kind = VerdictKind::wrong;  // without the line of points
  fmt::print("{}", told(only_figures, exercise.number, verbose));
  return true;
}

void Session::add_compiler_remarks(const Exercise& exercise, const fs::path& sources,
                                   Judgement& judgement) {
  if (config().probe_passed || judgement.kind == VerdictKind::passed) return;
  const fs::path script = course.root / "tools" / "tree" / "coroutine_rules.py";
  if (!fs::exists(script)) return;
  std::vector<std::string> words = {config().python, script};
  for (const std::string& file : exercise.files) words.push_back((sources / file).string());
  Limits limits;
  limits.may_fork = true;
  limits.wall = std::chrono::seconds(10);
  const Supervised ran = supervise(words, course.root, limits, false);
  if (ran.ending != Ending::exited || ran.exit_status != 1) return;
  judgement.remarks.push_back(fmt::format(
      "Your compiler ({}) failed the probe: it miscompiles this, and the verdict may be its fault:",
      config().compiler));
  for (const std::string& line : split_lines(ran.output))
    if (!trimmed(line).empty()) judgement.remarks.push_back(shown(line, course.root));
}

namespace {

// An editor's clangd may be of another version than the compiler, and cannot read its precompiled
// headers then: it reads the headers themselves.
std::string without_precompiled_headers(std::string text) {
  constexpr std::string_view word = " -include-pch ";
  for (std::size_t at = 0; (at = text.find(word, at)) != text.npos;) {
    const std::size_t path = at + word.size();
    const bool quoted = text[path] == '\'';
    const std::size_t end = text.find(quoted ? '\'' : ' ', path + 1);
    if (end == text.npos) break;
    text.erase(at, end + (quoted ? 1 : 0) - at);
  }
  return text;
}

}  // namespace

void Session::write_compile_commands() {
  if (!fs::exists(course.root / "build" / "tools" / "tutor" / "percore.conf")) return;
  // Meson's file is a list: ours are appended before its closing bracket.
  std::string text = without_precompiled_headers(std::string(
      trimmed(read_if_there(course.root / "build" / "compile_commands.json").value_or("[]"))));
  if (!text.ends_with(']')) return;
  text.pop_back();
  text = trimmed(text);
  const Judge judge(course, config());
  for (const Exercise* exercise : course.exercises()) {
    const fs::path sources = workspace.lesson_folder(*exercise);
    for (const std::string& file : exercise->files) {
      if (!file.ends_with("pp") || !fs::exists(sources / file)) continue;
      Json entry = Json::object();
      entry.set("directory", course.root.string())
          .set("file", (sources / file).string())
          .set("command", judge.build().compile_command(*exercise, sources, sources / file));
      text += (text.ends_with('[') ? "\n" : ",\n") + entry.compact();
    }
  }
  write_if_changed(course.root / "compile_commands.json", text + "\n]\n");
}

std::vector<const Exercise*> Session::to_check_again() {
  std::vector<const Exercise*> out;
  for (const Exercise* exercise : course.exercises())
    if (workspace.standing(*exercise) == Workspace::Standing::contract_changed)
      out.push_back(exercise);
  return out;
}

std::string Session::check_again_notice() {
  std::string names;
  for (const Exercise* exercise : to_check_again())
    names += fmt::format("{}{} {}", names.empty() ? "" : ", ", exercise->number, exercise->name);
  if (names.empty()) return "";
  return in_colour(Colour::yellow,
                   "An update changed contracts; check again: " + names +
                       ". Your code is untouched, and ours stands in until it passes.") +
         "\n";
}

unsigned Session::points_reached() {
  unsigned sum = 0;
  for (const Exercise* exercise : course.exercises()) {
    const Progress& progress = state.at(exercise->number);
    for (const Step& step : exercise->steps)
      if (progress.solved || std::ranges::count(progress.steps_passed, step.name) > 0)
        sum += step.points;
  }
  return sum;
}

unsigned Session::points_all() const {
  unsigned sum = 0;
  for (const Exercise* exercise : course.exercises()) sum += exercise->points();
  return sum;
}

unsigned Session::solved_count() {
  unsigned count = 0;
  for (const Exercise* exercise : course.exercises())
    count += state.at(exercise->number).solved ? 1 : 0;
  return count;
}

fs::path find_root(const std::string& given) {
  std::error_code error;
  if (!given.empty()) {
    const fs::path root = fs::canonical(given, error);
    if (error) refuse("--root {}: {}.", given, error.message());
    return root;
  }
  for (fs::path folder = fs::current_path(error); !error; folder = folder.parent_path()) {
    if (fs::exists(folder / "exercises") && fs::exists(folder / "tools" / "check")) return folder;
    if (folder == folder.parent_path()) break;
  }
  if (const char* root = std::getenv("PERCORE_ROOT")) return root;
  refuse("This is not percore's repository: go there, or name it with --root FOLDER.");
}

}  // namespace percore::tutor
