// A lesson's program: which one, and its build by Meson on the modules that are the learner's.

#include "lesson_program.hpp"

#include "problem.hpp"
#include "supervise.hpp"

#include <algorithm>

namespace percore::tutor {

namespace {

Supervised quietly(const std::vector<std::string>& words, const fs::path& folder) {
  Limits limits;
  limits.may_fork = true;
  limits.wall = std::chrono::minutes(10);
  limits.resident_bytes_max = UINT64_MAX;
  limits.output_bytes_max = 16U << 20;
  return supervise(words, folder, limits, false);
}

bool ended_well(const Supervised& ran) {
  return ran.ending == Ending::exited && ran.exit_status == 0;
}

bool mentions_a_ring(const std::string& text) {
  for (const std::string_view header :
       {"<liburing.h>", "<percore/ring", "<percore/executor", "<percore/io"})
    if (text.find(header) != text.npos) return true;
  return false;
}

// By itself or in the parts that it is made of.
bool uses_a_ring(const fs::path& folder, const std::string& program) {
  const std::string text = read_if_there(folder / (program + ".cpp")).value_or("");
  if (mentions_a_ring(text)) return true;
  constexpr std::string_view mark = "#include \"parts/";
  for (std::size_t at = text.find(mark); at != text.npos; at = text.find(mark, at + 1)) {
    const std::size_t begin = at + mark.size();
    const fs::path part = folder / "parts" / text.substr(begin, text.find('"', begin) - begin);
    if (mentions_a_ring(read_if_there(part).value_or("")) ||
        mentions_a_ring(read_if_there(fs::path(part).replace_extension(".cpp")).value_or("")))
      return true;
  }
  return false;
}

// Whether a lesson's program is built on the runtime; some show liburing or coroutines alone.
bool uses_runtime(const fs::path& folder, const std::string& program) {
  return read_if_there(folder / (program + ".cpp")).value_or("").find("#include <percore/") !=
         std::string::npos;
}

bool modules_changed(const Session& session, const std::string& mine) {
  return read_if_there(session.course.root / "build" / "percore.mine").value_or("") != mine;
}

// Tells Meson which modules are the learner's, when that changed since the last time: a reconfigure
// takes a second.
void choose_modules(Session& session, const std::string& mine) {
  const fs::path build = session.course.root / "build";
  const fs::path stamp = build / "percore.mine";
  if (!modules_changed(session, mine)) return;
  const Supervised ran =
      quietly({session.config().meson, "configure", build, "-Dmine=" + mine}, session.course.root);
  if (!ended_well(ran)) give_up("Meson cannot take your modules ({}):\n{}", mine, ran.output);
  write_file(stamp, mine);
}

std::vector<std::string> programs_of(const Session& session, const Lesson& lesson) {
  std::vector<std::string> out;
  std::error_code error;
  for (const auto& entry :
       fs::directory_iterator(session.course.root / "lessons" / lesson.folder, error))
    if (entry.path().extension() == ".cpp") out.push_back(entry.path().stem());
  std::ranges::sort(out);
  return out;
}

// The program that the lesson's text names in a mark, `<!-- main: NAME -->`, or nothing.
std::string marked_program(const fs::path& folder, const std::string& mark_name) {
  const std::string text = read_if_there(folder / "README.md").value_or("");
  const std::string mark = "<!-- " + mark_name + ": ";
  const std::size_t at = text.find(mark);
  if (at == text.npos) return "";
  const std::size_t begin = at + mark.size();
  return text.substr(begin, text.find(' ', begin) - begin);
}

// The lesson's own program is the one that its text marks, or the one that is called as the lesson
// ("hello" of hello-world), else the first.
std::string main_program(const fs::path& folder, const Lesson& lesson,
                         const std::vector<std::string>& programs) {
  const std::string marked = marked_program(folder, "main");
  if (!marked.empty()) return marked;
  for (const std::string& program : programs)
    if (lesson.folder.find("-" + program) != lesson.folder.npos) return program;
  return programs.front();
}

}  // namespace

std::string solved_modules(Session& session) {
  std::string out;
  for (const std::string& layer : session.config().layers)
    for (const Exercise* exercise : session.course.exercises())
      if (exercise->module() == layer &&
          session.workspace.standing(*exercise) == Workspace::Standing::mine)
        out += (out.empty() ? "" : ",") + layer;
  return out;
}

void tell_what_is_not_taken(Session& session) {
  for (const Exercise* exercise : session.course.exercises()) {
    if (exercise->kind != Kind::build) continue;  // no other is a part of the runtime
    const auto standing = session.workspace.standing(*exercise);
    if (standing != Workspace::Standing::file_changed &&
        standing != Workspace::Standing::contract_changed)
      continue;
    fmt::print(stderr, "({} {}; ours is used: `./tools/percore check {}` makes it yours again)\n",
               exercise->module(),
               standing == Workspace::Standing::file_changed
                   ? "changed since it was solved"
                   : "was solved against an older contract",
               exercise->number);
  }
}

LessonProgram find_program(Session& session, const std::string& lesson_name,
                           const std::string& program_name, bool for_trace) {
  const Lesson& lesson = lesson_name.empty() ? session.course.find_lesson(session.current().lesson)
                                             : session.course.find_lesson(lesson_name);
  const fs::path folder = session.course.root / "lessons" / lesson.folder;
  const auto programs = programs_of(session, lesson);
  if (programs.empty()) give_up("Lesson {} has no program.", lesson.folder);
  std::string program = program_name;
  if (program.empty() && for_trace) program = marked_program(folder, "trace");
  if (program.empty()) program = main_program(folder, lesson, programs);
  if (std::ranges::count(programs, program) == 0) {
    std::string all;
    for (const std::string& one : programs) all += (all.empty() ? "" : ", ") + one;
    refuse("Lesson {} has no program '{}'; it has {}.", lesson.number, program, all);
  }
  return {.lesson = &lesson,
          .name = program,
          .uses_ring = uses_a_ring(folder, program),
          .on_runtime = uses_runtime(folder, program)};
}

fs::path build_program(Session& session, const LessonProgram& program, bool simulated) {
  const std::string mine = solved_modules(session);
  if (program.on_runtime) tell_what_is_not_taken(session);
  const fs::path build = session.course.root / "build";
  const fs::path target = fs::path("lessons") / program.lesson->folder /
                          (program.name + (simulated ? "_simulated" : ""));
  if (!fs::exists(build / target) || modules_changed(session, mine))
    fmt::print(stderr, "(building {}; the first time takes a while)\n", target.string());
  choose_modules(session, mine);
  const Supervised built =
      quietly({session.config().ninja, "-C", build, "--quiet", target}, session.course.root);
  if (!ended_well(built))
    give_up("{} does not build{}:\n{}", target.string(),
            mine.empty()
                ? ""
                : " with your modules (" + mine + "); `./tools/percore check` each of them again",
            built.output);
  if (!mine.empty() && program.on_runtime) fmt::print(stderr, "(on your own {})\n", mine);
  return build / target;
}

}  // namespace percore::tutor
