// From an exercise to its programs. A build, fix, use or predict exercise has a program for each
// file of checks; a catch exercise has one for the right modules and one for each folder of wrong
// ones. A file named *_explore.cpp is linked with the schedule explorer and no ring; only headers
// of the learner's can be explored. One named *_counted.cpp counts instructions: it and the
// learner's files are compiled as for a measurement. Where one check alone is asked for, and a
// header of the learner's is newer than the program of all checks, a program of that check is made.

#include "exercise_plan.hpp"

#include "headers_below.hpp"
#include "problem.hpp"
#include "tampering.hpp"

#include <algorithm>
#include <map>

namespace percore::tutor {

namespace {

bool is_explored(const fs::path& source) {
  return source.stem().string().ends_with("_explore");
}

bool is_counted(const fs::path& source) {
  return source.stem().string().ends_with("_counted");
}

std::string underscored(std::string text) {
  std::ranges::replace(text, ' ', '_');
  std::ranges::replace(text, '-', '_');
  return text;
}

class Planner {
 public:
  Planner(const Toolchain& toolchain, const PlanRequest& request);

  Plan plan();

 private:
  struct Checks {
    fs::path unit;      ///< what is compiled of a file of checks
    bool only = false;  ///< one of them alone
  };

  void compile_own_files();
  void compile_explored(const fs::path& source, const fs::path& object,
                        const fs::path& module_folder);
  void plan_checks();
  void plan_counted(CheckProgram program, const fs::path& unit);
  void plan_catch();
  void plan_fault(const fs::path& fault);
  void link(CheckProgram program, const std::vector<fs::path>& own,
            const std::vector<fs::path>& modules);
  void link_to(NinjaFile& ninja, const fs::path& program, std::vector<fs::path> objects,
               const std::vector<fs::path>& modules, bool real);
  void link_explored(CheckProgram program, std::vector<fs::path> own);
  [[nodiscard]] std::vector<fs::path> check_files() const;
  [[nodiscard]] std::string watched_flag() const;
  [[nodiscard]] bool needs_only(const fs::path& checks) const;
  [[nodiscard]] bool without_lines() const;
  [[nodiscard]] bool has_header() const;
  fs::path unit_of(const fs::path& checks, bool only, bool with_contract);
  [[nodiscard]] std::string step_of(const fs::path& checks) const;
  void begin_with_checks();
  Checks compile_checks(const fs::path& file);
  void add_lined(CheckProgram& program, const fs::path& unit, std::vector<fs::path> objects,
                 const std::vector<fs::path>& modules);
  [[nodiscard]] bool has_executor() const;

  const Toolchain& tools_;
  const PlanRequest& request_;
  const Exercise& exercise_;
  std::string module_;      ///< the module the learner makes; empty: none
  fs::path checks_folder_;  ///< tools/checks/NN-lesson
  std::string flags_;
  fs::path folder_, lined_folder_;
  NinjaFile ninja_, lined_ninja_;
  std::vector<Unit> units_;
  std::vector<fs::path> own_sources_, own_objects_, counted_objects_;
  fs::path with_contract_;               ///< the file of checks that the contract stands behind
  std::map<fs::path, Checks> compiled_;  ///< by their file
  Plan out_;
};

// The learner's folders first: their header, not ours, is the module's.
std::string all_flags(const Toolchain& tools, const PlanRequest& request, Variant variant) {
  const std::string module = request.exercise.module();
  const bool takes_module = !module.empty() && !request.ours;
  std::string out = tools.flags(variant);
  if (request.stepped) out += " -g";
  if (takes_module) out += " -I" + shell_quoted((request.sources / module).string());
  out += " -I" + shell_quoted(request.sources.string());
  return out + tools.includes(takes_module ? module : "");
}

// What all the files of the exercise begin with.
std::string begin_flag(const Toolchain& tools, const PlanRequest& request) {
  if (request.variant == Variant::fast && request.headers_ahead)
    if (const auto below = headers_below(tools, request.exercise))
      return "-include-pch " + shell_quoted(precompiled(below->source));
  return tools.header_flag(request.variant);
}

Planner::Planner(const Toolchain& toolchain, const PlanRequest& request)
    : tools_(toolchain),
      request_(request),
      exercise_(request.exercise),
      module_(request.exercise.module()),
      checks_folder_(toolchain.root() / "tools" / "checks" / request.exercise.lesson),
      flags_(all_flags(toolchain, request, request.variant)),
      folder_(request.folder / (std::string(word(request.variant)) + (request.ours ? "-ours" : "") +
                                (request.stepped ? "-stepped" : ""))),
      lined_folder_(folder_.string() + "-lined"),
      ninja_(toolchain.config().compiler, flags_, begin_flag(toolchain, request)),
      lined_ninja_(toolchain.config().compiler, flags_, begin_flag(toolchain, request)) {
  ninja_.link_by(tools_.linker(request_.variant));
  lined_ninja_.link_by(tools_.linker(request_.variant));
  out_.folders = {folder_};
}

Plan Planner::plan() {
  if (exercise_.kind != Kind::catching) begin_with_checks();
  compile_own_files();
  if (exercise_.kind == Kind::catching)
    plan_catch();
  else
    plan_checks();
  const auto files = std::make_shared<const BuildFiles>(ninja_.text(), units_);
  const auto lined_files = std::make_shared<const BuildFiles>(lined_ninja_.text(), units_);
  for (CheckProgram& program : out_.programs) {
    program.files = files;
    if (program.lined) program.lined->files = lined_files;
    if (program.lined) out_.folders = {folder_, lined_folder_};
  }
  return std::move(out_);
}

// The learner's objects. Ours in their place is our module, which lies below, or the plain answer
// where the exercise makes no module.
void Planner::compile_own_files() {
  const fs::path from =
      request_.ours ? tools_.root() / "solutions" / exercise_.lesson : request_.sources;
  for (const std::string& file : exercise_.files)
    if (file.ends_with(".cpp") && !(request_.ours && !module_.empty()))
      own_sources_.push_back(from / file);
  for (const fs::path& source : own_sources_) {
    own_objects_.push_back(folder_ /
                           (hash_of(source.string()) + "_" + source.filename().string() + ".o"));
    if (is_explored(source))
      compile_explored(source, own_objects_.back(), {});
    else
      ninja_.compile(source, own_objects_.back(), flags_ + watched_flag());
  }
  if (request_.stepped && has_executor()) {
    own_objects_.push_back(folder_ / "queue_view.o");
    ninja_.compile(tools_.root() / "tools" / "check" / "stepped" / "queue_view.cpp",
                   own_objects_.back());
  }
}

bool Planner::has_header() const {
  return std::ranges::any_of(exercise_.files,
                             [](const std::string& file) { return file.ends_with(".hpp"); });
}

// Whether the quick verdict's checks are compiled without lines, which cost the compiler much: only
// a crash or a hang in a header of the learner's asks for them, and then the same is compiled once
// more. clang makes the same code with and without; the sanitizers put lines into theirs.
bool Planner::without_lines() const {
  return tools_.config().clang() && !request_.stepped && request_.variant == Variant::fast;
}

// Where a header of the learner's has changed all checks of a file are compiled again, and most of
// what that costs are the bodies. Where they are there, one alone would be work for nothing.
bool Planner::needs_only(const fs::path& checks) const {
  if (request_.only.empty() || std::ranges::count(check_names(checks), request_.only) == 0)
    return false;
  std::error_code error;
  const auto all = fs::last_write_time(folder_ / (checks.stem().string() + ".check.o"), error);
  if (error) return true;
  return std::ranges::any_of(exercise_.files, [&](const std::string& file) {
    return file.ends_with(".hpp") && fs::last_write_time(request_.sources / file, error) > all;
  });
}

// What is compiled for a file of checks. The contract's static_asserts against the learner's header
// stand behind the first one, which may have something to say before it includes that header: an
// object of their own would cost as much to compile as a small file of checks.
fs::path Planner::unit_of(const fs::path& checks, bool only, bool with_contract) {
  const fs::path contract = tools_.root() / "runtime" / "contracts" / (module_ + "_contract.cpp");
  const bool asserts = with_contract && !module_.empty() && fs::exists(contract);
  if (!only && !asserts) return checks;
  std::string text;
  if (only)
    text = fmt::format("#define PERCORE_ONLY_CHECK {}\n#include <percore/check_only.hpp>\n",
                       request_.only);
  text += fmt::format("#include \"{}\"\n", checks.string());
  if (asserts) text += fmt::format("#include \"{}\"\n", contract.string());
  units_.push_back({.source = folder_ / fmt::format("{}.{}.cpp", checks.stem().string(),
                                                    only ? "only" : "with_contract"),
                    .text = std::move(text)});
  return units_.back().source;
}

// module_folder  of the header that is explored; empty: the learner's, or ours.
void Planner::compile_explored(const fs::path& source, const fs::path& object,
                               const fs::path& module_folder) {
  std::string flags = tools_.flags(Variant::explored);
  const bool takes_module = !module_.empty() && !request_.ours;
  const fs::path first = takes_module ? request_.sources / module_ : module_folder;
  if (!first.empty()) flags += " -I" + shell_quoted(first.string());
  flags += " -I" + shell_quoted(request_.sources.string());
  ninja_.compile(source, object, flags + tools_.includes(takes_module ? module_ : ""),
                 tools_.header_flag(Variant::explored));
}

// Whether the programs hold an executor: a module's hold only what lies below it.
bool Planner::has_executor() const {
  for (const std::string& layer : tools_.config().layers) {
    if (layer == "executor") return true;
    if (layer == module_) return false;
  }
  return false;
}

// The learner's calls that liburing keeps inline are made known to the simulated ring. Not where
// their cost is counted, and not around checks of the learner's own.
std::string Planner::watched_flag() const {
  if (request_.variant == Variant::measured || exercise_.kind == Kind::catching) return "";
  const fs::path header = tools_.root() / "tools" / "check" / "percore" / "check_liburing.hpp";
  return " -include " + shell_quoted(header.string());
}

// Plans CheckProgram::lined: the checks compiled once more, beside the same objects.
void Planner::add_lined(CheckProgram& program, const fs::path& unit, std::vector<fs::path> objects,
                        const std::vector<fs::path>& modules) {
  CheckProgram lined = program;
  lined.path = lined_folder_ / program.path.filename();
  objects.front() = lined.path.string() + ".check.o";
  lined_ninja_.compile(unit, objects.front());
  link_to(lined_ninja_, lined.path, std::move(objects), modules, program.real);
  program.lined = std::make_shared<CheckProgram>(std::move(lined));
}

void Planner::link_to(NinjaFile& ninja, const fs::path& program, std::vector<fs::path> objects,
                      const std::vector<fs::path>& modules, bool real) {
  const auto harness = tools_.harness_objects(request_.variant, real);
  objects.insert(objects.end(), modules.begin(), modules.end());
  objects.insert(objects.end(), harness.begin(), harness.end());
  std::string libraries = tools_.config().fmt_link;
  if (real) libraries += " " + tools_.config().liburing_link;
  ninja.link(program, objects, libraries);
}

void Planner::link(CheckProgram program, const std::vector<fs::path>& own,
                   const std::vector<fs::path>& modules) {
  program.objects = own;
  link_to(ninja_, program.path, own, modules, program.real);
  out_.programs.push_back(std::move(program));
}

void Planner::link_explored(CheckProgram program, std::vector<fs::path> own) {
  program.objects = own;
  for (const fs::path& source : tools_.explorer_sources())
    own.push_back(tools_.object(Variant::explored, source));
  program.explored = true;
  ninja_.link(program.path, own, tools_.config().fmt_link);
  out_.programs.push_back(std::move(program));
}

std::vector<fs::path> Planner::check_files() const {
  std::vector<std::string> stems;
  if (request_.variant == Variant::measured) {
    stems = {exercise_.name + "_measure"};
  } else {
    // What an ordinary run shows reads better than an execution: it comes first.
    for (const Step& step : exercise_.steps)
      if (!step.name.empty())
        for (const char* kind : {"", "_explore", "_counted"})
          stems.push_back(exercise_.name + "_" + underscored(step.name) + kind);
    for (const char* kind : {"", "_explore", "_real"}) stems.push_back(exercise_.name + kind);
  }
  std::vector<fs::path> out;
  for (const std::string& stem : stems)
    if (fs::exists(checks_folder_ / (stem + ".cpp")))
      out.push_back(checks_folder_ / (stem + ".cpp"));
  return out;
}

std::string Planner::step_of(const fs::path& checks) const {
  for (const Step& step : exercise_.steps) {
    const std::string stem = exercise_.name + "_" + underscored(step.name);
    for (const char* kind : {"", "_explore", "_counted"})
      if (checks.stem() == stem + kind) return step.name;
  }
  return "";
}

// Once for each file, whoever asks first.
Planner::Checks Planner::compile_checks(const fs::path& file) {
  const auto [at, is_new] = compiled_.try_emplace(file);
  if (!is_new) return at->second;
  const bool only = needs_only(file);
  at->second = {.unit = unit_of(file, only, file == with_contract_), .only = only};
  ninja_.compile(at->second.unit,
                 folder_ / fmt::format("{}{}.check.o", file.stem().string(), only ? ".only" : ""),
                 flags_ + (without_lines() ? " -g0" : ""));
  return at->second;
}

// What takes longest is begun with: the checks of the step at hand, and the learner's files beside
// them. ninja starts what is ready in the order of its file.
void Planner::begin_with_checks() {
  for (const fs::path& file : check_files()) {
    if (is_explored(file) || is_counted(file)) continue;
    if (with_contract_.empty()) with_contract_ = file;
    if (!request_.step.empty() && step_of(file) != request_.step) continue;
    compile_checks(file);
    return;
  }
}

void Planner::plan_checks() {
  const std::string last = module_.empty() ? tools_.config().layers.back() : module_;
  const auto modules = tools_.module_objects(request_.variant, last, request_.ours ? "" : module_);
  const auto files = check_files();
  if (files.empty())
    give_up("There are no checks for {} {} in {}.", exercise_.number, exercise_.name,
            checks_folder_.string());
  for (const fs::path& file : files) {
    if ((is_explored(file) || is_counted(file)) && request_.variant != Variant::fast) continue;
    CheckProgram program;
    program.stem = file.stem();
    program.checks = file;
    program.real = program.stem.ends_with("_real");
    program.step = step_of(file);
    const bool ordinary = !is_explored(file) && !is_counted(file);
    const Checks checks =
        ordinary ? compile_checks(file) : Checks{.unit = {}, .only = needs_only(file)};
    program.path = folder_ / (program.stem + (checks.only ? ".only" : ""));
    std::vector<fs::path> own = {program.path.string() + ".check.o"};
    if (is_counted(file)) {
      plan_counted(std::move(program), unit_of(file, checks.only, false));
    } else if (is_explored(file)) {
      compile_explored(unit_of(file, checks.only, false), own.front(), {});
      link_explored(std::move(program), own);
    } else {
      if (!request_.ours) program.own = own_objects_;
      own.insert(own.end(), own_objects_.begin(), own_objects_.end());
      if (without_lines() && has_header()) add_lined(program, checks.unit, own, modules);
      link(std::move(program), own, modules);
    }
  }
}

// Over the same modules and harness as a measurement.
void Planner::plan_counted(CheckProgram program, const fs::path& unit) {
  const std::string flags = all_flags(tools_, request_, Variant::measured);
  const std::string header = tools_.header_flag(Variant::measured);
  std::vector<fs::path> objects = {program.path.string() + ".check.o"};
  ninja_.compile(unit, objects.front(), flags, header);
  for (const fs::path& source : own_sources_) {
    objects.push_back(folder_ / ("counted_" + hash_of(source.string()) + "_" +
                                 source.filename().string() + ".o"));
    // Of several counted files the first one has its rule.
    if (std::ranges::count(counted_objects_, objects.back()) == 0) {
      ninja_.compile(source, objects.back(), flags, header);
      counted_objects_.push_back(objects.back());
    }
  }
  program.own.assign(objects.begin() + 1, objects.end());
  program.objects = objects;
  for (const auto& more : {tools_.module_objects(Variant::measured, module_, module_),
                           tools_.harness_objects(Variant::measured, false)})
    objects.insert(objects.end(), more.begin(), more.end());
  program.counted = true;
  ninja_.link(program.path, objects, tools_.config().fmt_link);
  out_.programs.push_back(std::move(program));
}

void Planner::plan_catch() {
  CheckProgram right;
  right.stem = exercise_.name;
  right.fault = "right";
  right.path = folder_ / right.fault;
  if (std::ranges::any_of(own_sources_, is_explored))
    link_explored(std::move(right), own_objects_);
  else
    link(std::move(right), own_objects_,
         tools_.module_objects(request_.variant, tools_.config().layers.back(), ""));
  std::vector<fs::path> faults;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(checks_folder_ / exercise_.name, error))
    if (entry.is_directory()) faults.push_back(entry.path());
  std::ranges::sort(faults);
  for (const fs::path& fault : faults) plan_fault(fault);
}

// A folder of a wrong module: <fault>/<module>/..., the files that differ from ours, and fault.txt.
void Planner::plan_fault(const fs::path& fault) {
  CheckProgram program;
  program.stem = exercise_.name;
  program.fault = fault.filename();
  program.path = folder_ / program.fault;
  program.fault_sentence = trimmed(read_if_there(fault / "fault.txt").value_or(program.fault));

  std::string module;
  for (const auto& entry : fs::directory_iterator(fault))
    if (entry.is_directory()) module = entry.path().filename();
  const auto object = [&](const fs::path& source) {
    return folder_ / (program.fault + "_" + source.filename().string() + ".o");
  };
  if (std::ranges::any_of(own_sources_, is_explored)) {
    std::vector<fs::path> explored;
    for (const fs::path& source : own_sources_)
      compile_explored(source, explored.emplace_back(object(source)), fault / module);
    link_explored(std::move(program), explored);
    return;
  }
  // No place is ever told of a program that is wrong on purpose.
  const std::string flags = tools_.flags(request_.variant) + (without_lines() ? " -g0" : "") +
                            " -I" + shell_quoted((fault / module).string()) + tools_.includes("") +
                            " -I" + shell_quoted(request_.sources.string());
  // Modules above the changed one were compiled against our header: they are left out.
  auto modules = tools_.module_objects(request_.variant, module, module);
  const bool header_changed = fs::exists(fault / module / "percore");
  for (const fs::path& ours : sources_in(tools_.root() / "runtime" / module)) {
    const fs::path theirs = fault / module / ours.filename();
    if (!fs::exists(theirs) && !header_changed) {
      modules.push_back(tools_.object(request_.variant, ours));
      continue;
    }
    const fs::path& source = fs::exists(theirs) ? theirs : ours;
    ninja_.compile(source, object(source), flags);
    modules.push_back(object(source));
  }
  // With a changed header the learner's checks are compiled again, over it.
  std::vector<fs::path> own = own_objects_;
  if (header_changed) {
    own.clear();
    for (const fs::path& source : own_sources_) {
      ninja_.compile(source, object(source), flags);
      own.push_back(object(source));
    }
  }
  link(std::move(program), own, modules);
}

}  // namespace

Plan plan_exercise(const Toolchain& toolchain, const PlanRequest& request) {
  return Planner(toolchain, request).plan();
}

}  // namespace percore::tutor
