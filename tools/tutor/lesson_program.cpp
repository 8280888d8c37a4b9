// A lesson's program: which one, and its build by Meson on the modules that are the learner's.

#include "lesson_program.hpp"

#include "problem.hpp"
#include "supervise.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

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

// The names in `text` between `mark` and the next `end`.
std::vector<std::string> names_after(const std::string& text, std::string_view mark, char end) {
  std::vector<std::string> out;
  for (std::size_t at = text.find(mark); at != text.npos; at = text.find(mark, at + 1)) {
    const std::size_t begin = at + mark.size();
    out.push_back(text.substr(begin, text.find(end, begin) - begin));
  }
  return out;
}

/// Whether a text includes the ring, by itself or by what it includes of percore.
class RingSearch {
 public:
  explicit RingSearch(const fs::path& root) {
    std::error_code error;
    for (const auto& layer : fs::directory_iterator(root / "runtime", error))
      folders_.push_back(layer.path() / "percore");
  }

  bool reaches(const std::string& text) {
    if (text.find("<liburing.h>") != text.npos) return true;
    return std::ranges::any_of(
        names_after(text, "#include <percore/", '>'), [this](const std::string& header) {
          return seen_.insert(header).second && std::ranges::any_of(folders_, [&](const auto& in) {
                   return reaches(read_if_there(in / header).value_or(""));
                 });
        });
  }

 private:
  std::vector<fs::path> folders_;
  std::set<std::string> seen_;
};

// By itself or in the parts that it is made of. One that speaks to the simulated ring has its own.
bool uses_a_ring(const fs::path& root, const fs::path& folder, const std::string& program) {
  const std::string text = read_if_there(folder / (program + ".cpp")).value_or("");
  if (text.find("<percore/sim.hpp>") != text.npos) return false;
  RingSearch search(root);
  return search.reaches(text) ||
         std::ranges::any_of(names_after(text, "#include \"parts/", '"'), [&](const auto& name) {
           const fs::path part = folder / "parts" / name;
           const fs::path source = fs::path(part).replace_extension(".cpp");
           return search.reaches(read_if_there(part).value_or("") +
                                 read_if_there(source).value_or(""));
         });
}

fs::path target_of(const LessonProgram& program, bool simulated) {
  return fs::path("lessons") / program.lesson->folder /
         (program.name + (simulated ? "_simulated" : ""));
}

// Those of a lesson that are built on the simulated ring as well.
std::vector<std::string> simulated_programs(const Session& session, const LessonProgram& program,
                                            const std::vector<std::string>& programs) {
  const std::string ninja =
      read_if_there(session.course.root / "build" / "build.ninja").value_or("");
  std::vector<std::string> out;
  for (const std::string& name : programs) {
    const fs::path target = target_of({.lesson = program.lesson, .name = name}, true);
    if (ninja.find("\nbuild " + target.string() + ":") != ninja.npos) out.push_back(name);
  }
  return out;
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
  LessonProgram out{.lesson = &lesson,
                    .name = program,
                    .uses_ring = uses_a_ring(session.course.root, folder, program),
                    .on_runtime = uses_runtime(folder, program)};
  out.simulated_of_lesson = simulated_programs(session, out, programs);
  return out;
}

void must_have_simulated(const LessonProgram& program) {
  if (std::ranges::count(program.simulated_of_lesson, program.name) != 0) return;
  refuse("{} is not made for the simulated ring; of lesson {} {}.", program.name,
         program.lesson->number,
         program.simulated_of_lesson.empty()
             ? std::string("no program is")
             : fmt::format("{} {}", fmt::join(program.simulated_of_lesson, ", "),
                           program.simulated_of_lesson.size() == 1 ? "is" : "are"));
}

fs::path build_program(Session& session, const LessonProgram& program, bool simulated) {
  const std::string mine = solved_modules(session);
  if (program.on_runtime) tell_what_is_not_taken(session);
  const fs::path build = session.course.root / "build";
  const fs::path target = target_of(program, simulated);
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
