#include "check_build.hpp"

#include "problem.hpp"
#include "supervise.hpp"
#include "terminal.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace percore::tutor {

namespace {

constexpr std::string_view catch_right = "right";

// Ninja reads $, space and colon; paths of ours may hold a space or a dollar.
std::string escaped(const fs::path& path) {
  std::string out;
  for (const char c : path.string()) {
    if (c == '$' || c == ' ' || c == ':') out += '$';
    out += c;
  }
  return out;
}

std::string shell_quoted(const std::string& text) {
  if (text.find_first_of(" '\"$\\`&;()<>|*?") == text.npos) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// One command at a time in a folder of ninja's: several tutors may run (a watch, and a check by
// hand).
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder) {
    make_folder(folder);
    file_ = open((folder / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file_ < 0)
      give_up("{} cannot be written: {}.", (folder / ".lock").string(), std::strerror(errno));
    while (flock(file_, LOCK_EX) != 0 && errno == EINTR) throw_if_interrupted();
  }
  ~FolderLock() { close(file_); }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int file_ = -1;
};

std::vector<fs::path> sources_in(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.path().extension() == ".cpp") out.push_back(entry.path());
  std::ranges::sort(out);
  return out;
}

std::string underscored(std::string text) {
  std::ranges::replace(text, ' ', '_');
  std::ranges::replace(text, '-', '_');
  return text;
}

constexpr std::string_view rules = R"(
ninja_required_version = 1.8
rule compile
  command = $cxx $flags $header -MD -MF $out.d -c $in -o $out
  deps = gcc
  depfile = $out.d
  description = compile $in
rule precompile
  command = $cxx $flags $precompile_flags -x c++-header -MD -MF $out.d -c $in -o $out
  deps = gcc
  depfile = $out.d
  description = precompile $in
rule link
  command = $cxx $flags $in -o $out $link
  description = link $out

)";

// What learners' files and checks include most. A precompiled header is what brings the verdict
// under a second.
constexpr std::string_view precompiled =
    R"(// Written by the tutor: the headers that all check files share, compiled once.
#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <array>
#include <atomic>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>
)";

}  // namespace

std::string_view word(Variant variant) {
  switch (variant) {
    case Variant::fast:
      return "fast";
    case Variant::sanitized:
      return "sanitized";
    case Variant::measured:
      return "measured";
  }
  return "";
}

fs::path check_folder(const Course& course, const Exercise& exercise, const fs::path& sources) {
  const fs::path base = course.root / "build" / "check";
  if (sources == course.root / "my" / exercise.lesson)
    return base / (exercise.number + "-" + exercise.name);
  return base / ("from-" + hash_of(fs::absolute(sources).lexically_normal().string())) /
         exercise.name;
}

std::string CheckBuild::flags(Variant variant) const {
  // Not position-independent: the addresses that a crashed program leaves are then those of its
  // file.
  std::string out = "-std=c++23 -fno-omit-frame-pointer -fno-pie -pthread -Wall -Wextra";
  out += config_.clang() ? " -gline-tables-only -fno-color-diagnostics"
                         : " -g1 -fdiagnostics-color=never";
  if (variant == Variant::measured) return out + " -O2";
  out += " -O0 -DPERCORE_FRAMES_FROM_MALLOC=1";
  if (variant == Variant::sanitized)
    out += " -fsanitize=address,undefined -fno-sanitize-recover=all";
  return out;
}

std::string CheckBuild::link_flags(Variant) const {
  std::string out = "-no-pie";
  if (!config_.linker.empty()) out += " -fuse-ld=" + config_.linker;
  return out;
}

std::string CheckBuild::includes(const std::string& without_module) const {
  std::string out;
  const auto add = [&](const fs::path& folder) { out += " -I" + shell_quoted(folder.string()); };
  add(course_.root / "runtime" / "contracts");
  for (const std::string& layer : config_.layers)
    if (layer != without_module) add(course_.root / "runtime" / layer);
  add(course_.root / "tools" / "check");
  add(course_.root / "tools" / "simring");
  if (!config_.liburing_compile.empty()) out += " " + config_.liburing_compile;
  return out;
}

std::string CheckBuild::header_flag(Variant variant) const {
  const fs::path header = shared_folder() / word(variant) / "std.hpp";
  if (config_.clang()) return "-include-pch " + shell_quoted(header.string() + ".pch");
  return "-include " + shell_quoted(header.string());
}

fs::path CheckBuild::object(Variant variant, const fs::path& source) const {
  std::string name = shown(source, course_.root);
  std::ranges::replace(name, '/', '_');
  return shared_folder() / word(variant) / (name + ".o");
}

std::vector<std::string> CheckBuild::harness_objects(Variant variant, bool real) const {
  const fs::path folder = course_.root / "tools" / "check";
  std::vector<std::string> out;
  for (const char* name : {"main.cpp", "report.cpp", "run.cpp", "signals.cpp"})
    out.push_back(object(variant, folder / name));
  out.push_back(object(variant, folder / (real ? "flavour_real.cpp" : "flavour_sim.cpp")));
  // In this order: what lies between the two marks stands for the kernel.
  if (!real) out.push_back(object(variant, folder / "outside_begin.cpp"));
  for (const fs::path& source :
       sources_in(course_.root / (real ? "runtime/clock" : "tools/simring")))
    out.push_back(object(variant, source));
  if (!real) out.push_back(object(variant, folder / "outside_end.cpp"));
  return out;
}

std::vector<std::string> CheckBuild::module_objects(Variant variant, const std::string& up_to,
                                                    const std::string& without) const {
  std::vector<std::string> out;
  for (const std::string& layer : config_.layers) {
    // The clock comes with the flavour: real, or the simulated ring's.
    if (layer != without && layer != "clock")
      for (const fs::path& source : sources_in(course_.root / "runtime" / layer))
        out.push_back(object(variant, source));
    if (layer == up_to) break;
  }
  return out;
}

std::string CheckBuild::shared_ninja(Variant variant) const {
  const fs::path folder = shared_folder() / word(variant);
  write_if_changed(folder / "std.hpp", precompiled);
  std::string out(rules);
  const std::string header =
      escaped((folder / "std.hpp").string() + (config_.clang() ? ".pch" : ".gch"));
  out += fmt::format("cxx = {}\nflags = {}{}\nprecompile_flags = {}\nheader =\n\n",
                     config_.compiler, flags(variant), includes(""),
                     config_.clang() ? "-fpch-instantiate-templates" : "");
  out += fmt::format("build {}: precompile {}\n", header, escaped(folder / "std.hpp"));
  std::vector<fs::path> sources = sources_in(course_.root / "tools" / "check");
  const auto add = [&](const fs::path& from) {
    for (const fs::path& source : sources_in(from)) sources.push_back(source);
  };
  add(course_.root / "tools" / "simring");
  for (const std::string& layer : config_.layers) add(course_.root / "runtime" / layer);
  for (const fs::path& source : sources)
    out +=
        fmt::format("build {}: compile {} | {}\n  header = {}\n", escaped(object(variant, source)),
                    escaped(source), header, header_flag(variant));
  return out;
}

BuildResult CheckBuild::ninja(const fs::path& folder,
                              const std::vector<std::string>& targets) const {
  std::vector<std::string> words = {config_.ninja, "--quiet", "-j2", "-k1"};
  words.insert(words.end(), targets.begin(), targets.end());
  Limits limits;
  limits.may_fork = true;
  limits.wall = std::chrono::seconds(60);
  limits.resident_bytes_max = UINT64_MAX;
  limits.output_bytes_max = 4U << 20;
  const Supervised ran = supervise(words, folder, limits, false);
  return {.built = ran.ending == Ending::exited && ran.exit_status == 0,
          .out_of_time = ran.ending == Ending::out_of_time,
          .output = ran.output};
}

void CheckBuild::build_shared(Variant variant) const {
  const fs::path folder = shared_folder() / word(variant);
  const FolderLock lock(folder);
  write_if_changed(folder / "build.ninja", shared_ninja(variant));
  const BuildResult result = ninja(folder, {});
  if (!result.built)
    give_up(
        "The checker itself does not build ({} in {}). This is not your mistake: `percore doctor` "
        "looks for the "
        "cause. The compiler says:\n{}",
        word(variant), shown(folder, course_.root), result.output);
}

std::vector<fs::path> CheckBuild::check_files(const Exercise& exercise) const {
  const fs::path folder = course_.root / "tools" / "checks" / exercise.lesson;
  std::vector<fs::path> out;
  const auto add = [&](const std::string& stem) {
    if (fs::exists(folder / (stem + ".cpp"))) out.push_back(folder / (stem + ".cpp"));
  };
  for (const Step& step : exercise.steps)
    if (!step.name.empty()) add(exercise.name + "_" + underscored(step.name));
  add(exercise.name);
  add(exercise.name + "_real");
  return out;
}

std::vector<CheckProgram> CheckBuild::plan(const Exercise& exercise, const fs::path& sources,
                                           const fs::path& folder, Variant variant,
                                           bool ours) const {
  const std::string module = exercise.module();
  const fs::path out_folder = folder / (std::string(word(variant)) + (ours ? "-ours" : ""));
  const std::string last = module.empty() ? config_.layers.back() : module;
  std::string ninja_text(rules);
  std::string own_includes;
  if (!module.empty() && !ours) own_includes = " -I" + shell_quoted((sources / module).string());
  own_includes += " -I" + shell_quoted(sources.string());
  ninja_text +=
      fmt::format("cxx = {}\nflags = {}{}{}\nheader = {}\nlink =\n\n", config_.compiler,
                  flags(variant), own_includes, includes(ours ? "" : module), header_flag(variant));

  const auto compile = [&](const fs::path& source, const fs::path& object,
                           const std::string& extra) {
    ninja_text += fmt::format("build {}: compile {}\n", escaped(object), escaped(source));
    if (!extra.empty())
      ninja_text +=
          fmt::format("  flags = {}{}\n", extra, flags(variant) + own_includes + includes(module));
  };

  // The learner's own objects, and the contract's static_asserts against the learner's header. Ours
  // in their place is our module, which lies below, or the plain answer where the exercise makes no
  // module.
  const fs::path from = ours ? course_.root / "solutions" / exercise.lesson : sources;
  std::vector<fs::path> learner_sources;
  for (const std::string& file : exercise.files)
    if (file.ends_with(".cpp") && !(ours && !module.empty()))
      learner_sources.push_back(from / file);
  std::vector<std::string> learner_objects;
  for (const fs::path& source : learner_sources) {
    const fs::path object =
        out_folder / (hash_of(source.string()) + "_" + source.filename().string() + ".o");
    compile(source, object, "");
    learner_objects.push_back(object);
  }
  const fs::path contract = course_.root / "runtime" / "contracts" / (module + "_contract.cpp");
  if (!module.empty() && fs::exists(contract)) {
    compile(contract, out_folder / "contract.o", "");
    learner_objects.push_back(out_folder / "contract.o");
  }

  std::vector<CheckProgram> programs;
  const auto link = [&](const fs::path& check_object, CheckProgram program,
                        const std::vector<std::string>& modules) {
    std::string inputs = check_object.empty() ? "" : escaped(check_object);
    for (const std::string& input : learner_objects) inputs += " " + escaped(input);
    for (const std::string& input : modules) inputs += " " + escaped(input);
    for (const std::string& input : harness_objects(variant, program.real))
      inputs += " " + escaped(input);
    ninja_text += fmt::format("build {}: link {}\n  link = {} {}{}\n", escaped(program.path),
                              inputs, link_flags(variant), config_.fmt_link,
                              program.real ? " " + config_.liburing_link : "");
    programs.push_back(std::move(program));
  };

  if (exercise.kind == Kind::catching) {
    // The learner's checks against the right modules, then against each that has something wrong.
    link("",
         {.path = out_folder / catch_right,
          .stem = exercise.name,
          .step = "",
          .real = false,
          .fault = std::string(catch_right),
          .fault_sentence = ""},
         module_objects(variant, last, ""));
    std::vector<fs::path> faults;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(
             course_.root / "tools" / "checks" / exercise.lesson / exercise.name, error))
      if (entry.is_directory()) faults.push_back(entry.path());
    std::ranges::sort(faults);
    for (const fs::path& fault : faults) {
      const std::string name = fault.filename();
      std::vector<std::string> modules = module_objects(variant, last, "");
      std::string overlay;
      for (const auto& entry : fs::directory_iterator(fault, error)) {
        if (!entry.is_directory()) continue;
        const std::string changed = entry.path().filename();
        overlay += " -I" + shell_quoted(entry.path().string());
        // Modules above the changed one were compiled against our header: they are left out.
        modules = module_objects(variant, changed, changed);
        const bool own_source = !sources_in(entry.path()).empty();
        for (const fs::path& source :
             sources_in(own_source ? entry.path() : course_.root / "runtime" / changed)) {
          const fs::path object = out_folder / (name + "_" + source.filename().string() + ".o");
          compile(source, object, overlay + " ");
          modules.push_back(object);
        }
      }
      // With a changed header the learner's checks are compiled again, over it.
      std::vector<std::string> kept = learner_objects;
      if (std::ranges::any_of(fs::recursive_directory_iterator(fault), [](const auto& entry) {
            return entry.path().extension() == ".hpp";
          })) {
        learner_objects.clear();
        for (const fs::path& source : learner_sources) {
          const fs::path object = out_folder / (name + "_" + source.filename().string() + ".o");
          compile(source, object, overlay + " ");
          learner_objects.push_back(object);
        }
      }
      const std::string sentence(trimmed(read_if_there(fault / "fault.txt").value_or(name)));
      link("",
           {.path = out_folder / name,
            .stem = exercise.name,
            .step = "",
            .real = false,
            .fault = name,
            .fault_sentence = sentence},
           modules);
      learner_objects = kept;
    }
  } else {
    const std::vector<std::string> modules = module_objects(variant, last, ours ? "" : module);
    std::vector<fs::path> files = check_files(exercise);
    if (variant == Variant::measured)
      files = {course_.root / "tools" / "checks" / exercise.lesson /
               (exercise.name + "_measure.cpp")};
    if (files.empty())
      give_up("There are no checks for {} {} in {}.", exercise.number, exercise.name,
              (course_.root / "tools" / "checks" / exercise.lesson).string());
    for (const fs::path& file : files) {
      const std::string stem = file.stem();
      const fs::path object = out_folder / (stem + ".check.o");
      compile(file, object, "");
      CheckProgram program{.path = out_folder / stem,
                           .stem = stem,
                           .step = "",
                           .real = stem.ends_with("_real"),
                           .fault = "",
                           .fault_sentence = ""};
      for (const Step& step : exercise.steps)
        if (stem == exercise.name + "_" + underscored(step.name)) program.step = step.name;
      link(object, std::move(program), modules);
    }
  }
  write_if_changed(out_folder / "build.ninja", ninja_text);
  return programs;
}

BuildResult CheckBuild::build(const std::vector<CheckProgram>& programs, const fs::path&) const {
  if (programs.empty()) return {.built = true, .out_of_time = false, .output = ""};
  const fs::path folder = programs.front().path.parent_path();
  const FolderLock lock(folder);
  std::vector<std::string> targets;
  for (const CheckProgram& program : programs) targets.push_back(program.path);
  return ninja(folder, targets);
}

std::string CheckBuild::compile_command(const Exercise& exercise, const fs::path& sources,
                                        const fs::path& file) const {
  const std::string module = exercise.module();
  std::string own = module.empty() ? "" : " -I" + shell_quoted((sources / module).string());
  own += " -I" + shell_quoted(sources.string());
  return fmt::format("{} {}{}{} -c {}", config_.compiler, flags(Variant::fast), own,
                     includes(module), shell_quoted(file.string()));
}

}  // namespace percore::tutor
