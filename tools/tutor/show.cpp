// What the tutor shows of the course: the list, a task, a hint, where one is.

#include "commands.hpp"
#include "problem.hpp"
#include "terminal.hpp"

#include <algorithm>

namespace percore::tutor {

namespace {

// A paragraph without the marks that a terminal does not render: `**` and `*` around words, and the
// targets of links. Code between backticks stays as it is.
std::string without_marks(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text[0] == '`') {
      const std::size_t end = text.find('`', 1);
      const std::size_t length = end == text.npos ? 1 : end + 1;
      out += text.substr(0, length);
      text.remove_prefix(length);
      continue;
    }
    const std::size_t label_end = text[0] == '[' ? text.find("](") : text.npos;
    const std::size_t link_end = label_end == text.npos ? text.npos : text.find(')', label_end);
    if (link_end != text.npos) {
      out += without_marks(text.substr(1, label_end - 1));
      text.remove_prefix(link_end + 1);
      continue;
    }
    const bool times = text[0] == '*' && out.ends_with(' ') && text.substr(1, 1) == " ";
    if (text[0] != '*' || times) out += text[0];
    text.remove_prefix(1);
  }
  return out;
}

// How long the mark is that begins an item of a list ("- ", "* ", "1. ", "10. "); 0: there is none.
std::size_t mark_of_item(std::string_view line) {
  if (line.starts_with("- ") || line.starts_with("* ")) return 2;
  const std::size_t digits = std::min(line.find_first_not_of("0123456789"), line.size());
  return digits > 0 && line.substr(digits).starts_with(". ") ? digits + 2 : 0;
}

// Markdown for a terminal: headings bold, code blocks indented and dim, text wrapped. No more than
// tasks need.
std::string rendered(const std::string& markdown, unsigned columns) {
  std::string out;
  std::string paragraph;
  const auto flush = [&] {
    // What follows a list's mark stands under its text.
    const std::size_t mark = mark_of_item(paragraph);
    if (!paragraph.empty()) {
      const std::string begins = paragraph.substr(0, mark);
      out +=
          wrapped(begins + without_marks(paragraph.substr(mark)), columns, std::string(mark, ' ')) +
          "\n";
    }
    paragraph.clear();
  };
  bool in_code = false;
  for (const std::string& line : split_lines(markdown)) {
    if (line.starts_with("```")) {
      flush();
      in_code = !in_code;
    } else if (in_code) {
      out += in_colour(Colour::cyan, "    " + line) + "\n";
    } else if (line.starts_with('#')) {
      flush();
      out += in_colour(Colour::bold,
                       line.substr(std::min(line.find_first_not_of("# "), line.size()))) +
             "\n";
    } else if (trimmed(line).empty()) {
      flush();
      out += "\n";
    } else if (line.starts_with('|') || line.starts_with("<!--")) {
      flush();
      if (line.starts_with('|')) out += line + "\n";
    } else if (mark_of_item(line) != 0) {
      flush();
      paragraph = line;
    } else {
      paragraph += (paragraph.empty() ? "" : " ") + std::string(trimmed(line));
    }
  }
  flush();
  return out;
}

std::string mark(Session& session, const Exercise& exercise) {
  const Progress& progress = session.state.at(exercise.number);
  switch (session.workspace.standing(exercise)) {
    case Workspace::Standing::mine:
      return in_colour(Colour::green, "✓ solved");
    case Workspace::Standing::contract_changed:
      return in_colour(Colour::yellow, "! check again");
    case Workspace::Standing::file_changed:
      return in_colour(Colour::yellow, "✓ solved, changed since");
    case Workspace::Standing::ours:
      break;
  }
  if (!progress.steps_passed.empty())
    return in_colour(Colour::yellow, fmt::format("{} of {} steps", progress.steps_passed.size(),
                                                 exercise.steps.size()));
  return session.workspace.begun(exercise) ? "begun" : "";
}

}  // namespace

// What somebody needs to know who sees the tutor for the first time.
constexpr const char* welcome =
    "Welcome. A lesson is a text to read, programs to run, and exercises: files in `my/` that are "
    "yours to edit, and that are checked each time you save. Begin with the text named below; the "
    "first exercise can be solved five minutes from now.\n";

std::string task_text(Session& session, const Exercise& exercise) {
  const unsigned columns = std::min(terminal_columns(), 100U);
  const bool newcomer = session.points_reached() == 0 && &exercise == session.course.exercises()[0];
  std::string out = newcomer ? rendered(welcome, columns) + "\n" : std::string();
  out += in_colour(Colour::bold,
                   fmt::format("{} {}: {}", exercise.number, exercise.name, exercise.title)) +
         "\n";
  std::string about = fmt::format("{}, sitting {}, {} points", word(exercise.kind),
                                  exercise.sitting, exercise.points());
  if (exercise.minutes > 0) about += fmt::format(", about {} minutes", exercise.minutes);
  out += in_colour(Colour::dim, about) + "\n\n" + rendered(exercise.task, columns) + "\n";
  const fs::path text = fs::path("lessons") / exercise.lesson / "README.md";
  if (fs::exists(session.course.root / text))
    out += fmt::format("  read  {}, sitting {}\n", text.string(), exercise.sitting);
  for (const std::string& file : exercise.files)
    out += fmt::format(
        "  edit  {}\n",
        in_colour(Colour::blue,
                  shown(session.workspace.lesson_folder(exercise) / file, session.course.root)));
  out += fmt::format("  check ./tools/percore check {}      stuck? ./tools/percore hint {}\n",
                     exercise.number, exercise.number);
  return out;
}

std::string hint_text(const Exercise& exercise, std::size_t index) {
  const Hint& hint = exercise.hints[index];
  return fmt::format("{}\n\n{}", in_colour(Colour::bold, hint.title),
                     rendered(hint.text, std::min(terminal_columns(), 100U)));
}

std::string list_text(Session& session) {
  std::string out;
  const Exercise& current = session.current();
  for (const Lesson& lesson : session.course.lessons) {
    out += in_colour(Colour::bold, fmt::format("{}  {}", lesson.number, lesson.title)) + "\n";
    for (const Exercise& exercise : lesson.exercises)
      out += fmt::format("{} {}  {:<16} {:<8} {:>3} points  {:<44} {}\n",
                         &exercise == &current ? ">" : " ", exercise.number, exercise.name,
                         word(exercise.kind), exercise.points(), exercise.title.substr(0, 44),
                         mark(session, exercise));
  }
  out += fmt::format("{} of {} points\n", session.points_reached(), session.points_all());
  return out + session.check_again_notice();
}

int list_command(Session& session) {
  fmt::print("{}", list_text(session));
  return EXIT_PASS;
}

int next_command(Session& session, const std::string& name) {
  if (!name.empty()) {
    const Exercise& wanted = session.course.find(name);
    session.go_to(wanted);
    session.prepare(wanted);
    fmt::print("{}", task_text(session, wanted));
    return EXIT_PASS;
  }
  const Exercise& here = session.current();
  // The very first call shows the first exercise instead of skipping it.
  const bool fresh = session.state.current.empty();
  const Exercise* next = fresh ? &here : session.next_after(here);
  if (next == nullptr) {
    if (session.state.at(here.number).solved) {
      fmt::print(
          "Every exercise is solved: {} of {} points. `./tools/percore mine` shows the layers that "
          "are "
          "yours.\n",
          session.points_reached(), session.points_all());
      return EXIT_PASS;
    }
    next = &here;
  }
  session.go_to(*next);
  session.prepare(*next);
  fmt::print("{}", task_text(session, *next));
  return EXIT_PASS;
}

int hint_command(Session& session, const std::string& name, unsigned number, bool all) {
  const Exercise& exercise = session.exercise(name);
  if (exercise.hints.empty()) refuse("Exercise {} has no hints.", exercise.number);
  if (number > exercise.hints.size())
    refuse("Exercise {} has {} hints; there is no hint {}.", exercise.number, exercise.hints.size(),
           number);
  unsigned& given = session.state.of(exercise.number).hints_shown;
  const bool seen_all = number == 0 && !all && given >= exercise.hints.size();
  std::size_t first =
      number > 0 ? number - 1 : std::min<std::size_t>(given, exercise.hints.size() - 1);
  std::size_t last = first;
  if (all) {
    first = 0;
    last = exercise.hints.size() - 1;
  }
  for (std::size_t i = first; i <= last; ++i)
    fmt::print("{}{}", i == first ? "" : "\n", hint_text(exercise, i));
  given = std::max(given, static_cast<unsigned>(last + 1));
  session.state.save();
  if (last + 1 < exercise.hints.size())
    fmt::print("\nMore: `./tools/percore hint {}` again ({} of {} seen).\n", exercise.number,
               last + 1, exercise.hints.size());
  else if (seen_all)
    fmt::print("\nThat was the last hint. `./tools/percore solution {}` shows our answer.\n",
               exercise.number);
  return EXIT_PASS;
}

int where_command(Session& session) {
  const Exercise& here = session.current();
  session.prepare(here);
  session.go_to(here);
  fmt::print("{}", session.check_again_notice());
  fmt::print(
      "{}\n{} of {} points so far. Next: edit the file above, then `./tools/percore check`.\n"
      "In a terminal, `./tools/percore` watches your files and checks at each save.\n",
      task_text(session, here), session.points_reached(), session.points_all());
  return EXIT_PASS;
}

}  // namespace percore::tutor
