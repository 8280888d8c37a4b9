#include "check_build.hpp"

#include "headers_below.hpp"
#include "problem.hpp"
#include "supervise.hpp"
#include "terminal.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace percore::tutor {

namespace {

Limits build_limits() {
  Limits limits;
  limits.may_fork = true;
  limits.wall = std::chrono::minutes(5);  // a busy machine may take its time
  limits.resident_bytes_max = UINT64_MAX;
  limits.output_bytes_max = 4U << 20;
  return limits;
}

// A learner's file can send a compiler round without end. An ordinary one costs a second or two and
// 300 MiB; a slow machine may be given more time.
Limits learners_limits() {
  Limits limits = build_limits();
  limits.processor_seconds_max = 30;
  if (const char* given = std::getenv("PERCORE_COMPILE_SECONDS")) {
    const std::string_view text = given;
    std::uint64_t seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc{} || end != text.data() + text.size() || seconds == 0)
      refuse("PERCORE_COMPILE_SECONDS is '{}': give a number of seconds, 30 say.", text);
    limits.processor_seconds_max = seconds;
    limits.wall = std::max(limits.wall, std::chrono::milliseconds(10'000 * seconds));
  }
  limits.address_bytes_max = 3ULL << 30;
  limits.file_bytes_max = 256ULL << 20;
  return limits;
}

// A compiler that dies at a limit says little or prints its own stack; one that finds a mistake
// says "error:".
bool died(const std::string& output) {
  for (const std::string_view sign :
       {"Stack dump:", "out of memory", "std::bad_alloc", "cannot allocate memory",
        "Cannot allocate memory", "File size limit exceeded", "CPU time limit exceeded",
        "File too large", "internal compiler error", "unable to execute command", "Killed"})
    if (output.find(sign) != output.npos) return true;
  return output.find("error:") == output.npos;
}

// ninja compiles what is newer than its object. A file that went back in time (moved or copied from
// a backup with its old date) would be judged by the object of what it replaced.
void forget_newer_objects(const fs::path& folder, const PlanRequest& request) {
  const fs::path record = folder / "dates.txt";
  const std::string before = read_if_there(record).value_or("");
  std::string now;
  bool back_in_time = before.empty();
  std::error_code error;
  for (const std::string& name : request.exercise.files) {
    const auto date = fs::last_write_time(request.sources / name, error).time_since_epoch().count();
    now += fmt::format("{} {}\n", name, date);
    const std::size_t at = before.find(name + " ");
    if (at == before.npos) continue;
    const auto recorded = std::strtoll(before.c_str() + at + name.size() + 1, nullptr, 10);
    back_in_time = back_in_time || date < recorded;
  }
  if (back_in_time)
    for (const auto& entry : fs::directory_iterator(folder, error))
      if (entry.path().extension() == ".o") fs::remove(entry.path(), error);
  write_if_changed(record, now);
}

}  // namespace

fs::path CheckBuild::folder(const Exercise& exercise, const fs::path& sources) const {
  const fs::path base = course_.root / "build" / "check";
  if (sources == course_.root / "my" / exercise.lesson)
    return base / (exercise.number + "-" + exercise.name);
  return base / ("from-" + hash_of(fs::absolute(sources).lexically_normal().string())) /
         exercise.name;
}

std::vector<fs::path> CheckBuild::shared_sources(Variant variant) const {
  if (variant == Variant::explored) return tools_.explorer_sources();
  std::vector<fs::path> folders = {course_.root / "tools" / "check"};
  for (const std::string& layer : tools_.config().layers)
    folders.push_back(course_.root / "runtime" / layer);
  std::vector<fs::path> out;
  for (const fs::path& from : folders)
    for (const fs::path& source : sources_in(from)) out.push_back(source);
  return out;
}

// The simulated ring, in which checks spend most of their time: it is optimised. A precompiled
// header of other options would be of no use to it.
void CheckBuild::add_simring(NinjaFile& file, Variant variant) const {
  const fs::path unsupported = course_.root / "tools" / "simring" / "unsupported.cpp";
  file.compile(unsupported, tools_.object(variant, unsupported), "", "-O0");
  for (const Unit& unit : tools_.simring_units(variant)) {
    write_if_changed(unit.source, unit.text);
    file.compile(unit.source, tools_.object(variant, unit.source), "",
                 variant == Variant::measured ? "-O2" : "-O1");
  }
}

std::string CheckBuild::shared_ninja(Variant variant) const {
  const Config& config = tools_.config();
  const fs::path header = tools_.header(variant);
  const fs::path precompiled_header = header.string() + (config.clang() ? ".pch" : ".gch");
  // clang instantiates the templates that the headers themselves use once, in the precompiled
  // header.
  NinjaFile file(config.compiler, tools_.flags(variant) + tools_.includes(""),
                 tools_.header_flag(variant), config.clang() ? "-fpch-instantiate-templates" : "");
  file.precompile(header, precompiled_header);
  const fs::path explorer = course_.root / "tools" / "explore";
  if (variant != Variant::explored) add_simring(file, variant);
  for (const fs::path& source : shared_sources(variant)) {
    const fs::path object = tools_.object(variant, source);
    // The explorer is optimised, since an exploration is tens of thousands of executions, and so
    // are the words for a machine: a precompiled header of other options is of no use to them.
    if (variant == Variant::explored && source.parent_path() == explorer)
      file.compile(source, object, "", "-O2");
    else if (variant != Variant::measured && source.filename() == "machine_words.cpp")
      file.compile(source, object, "", "-O1");
    else
      file.depend(object, source, precompiled_header);
  }
  file.that_is_all_by_default();
  if (variant == Variant::fast)
    for (const fs::path& below : all_headers_below(tools_))
      file.precompile_on(precompiled_header, below, precompiled(below));
  return file.text();
}

BuildResult CheckBuild::ninja(const fs::path& folder, const std::vector<std::string>& targets,
                              const Limits& limits,
                              const std::function<void(const fs::path&)>& finished,
                              int stop) const {
  std::vector<std::string> words = {tools_.config().ninja, "--quiet", "-j2", "-k1"};
  words.insert(words.end(), targets.begin(), targets.end());
  std::size_t read = 0;
  std::string output;  // without the words of links
  const auto tell = [&](std::string_view all) {
    for (std::size_t end; (end = all.find('\n', read)) != all.npos; read = end + 1) {
      const std::string_view line = all.substr(read, end - read);
      if (!line.starts_with(NinjaFile::LINKED))
        output.append(line) += '\n';
      else if (finished)
        finished(line.substr(NinjaFile::LINKED.size()));
    }
  };
  // A compiler's memory in huge pages: a third of its page faults are left, and a tenth of its time
  // gone (glibc 2.35; others do not know the word).
  const Supervised ran =
      supervise(words, folder, limits, false, {"GLIBC_TUNABLES=glibc.malloc.hugetlb=1"},
                {.told = tell, .stop = stop});
  tell(ran.output);
  output += ran.output.substr(read);
  const bool built = ran.ending == Ending::exited && ran.exit_status == 0;
  return {.built = built,
          .out_of_time = ran.ending == Ending::out_of_time,
          .compiler_died = !built && limits.processor_seconds_max != 0 && died(output),
          .output = std::move(output)};
}

void CheckBuild::build_shared(Variant variant, const Exercise* exercise) const {
  const fs::path folder = tools_.shared_folder() / word(variant);
  const FolderLock lock(folder);  // one ninja at a time
  // g++ looks for the precompiled header beside the header: that is one in the build's folder.
  write_if_changed(
      tools_.header(variant),
      fmt::format("#include \"{}\"\n", (course_.root / "tools/pch/checks.hpp").string()));
  std::vector<std::string> targets;
  if (exercise != nullptr && variant == Variant::fast) {
    if (const auto below = headers_below(tools_, *exercise)) {
      write_if_changed(below->source, below->text);
      targets = {std::string(NinjaFile::SO_FAR), precompiled(below->source)};
    }
  }
  write_if_changed(folder / "build.ninja", shared_ninja(variant));
  Limits limits = build_limits();
  limits.wall = std::chrono::minutes(10);  // ours, and once only: a slow machine may take its time
  std::string note;
  const bool first_time = !fs::exists(folder / ".ninja_log");
  if (first_time)
    note = passing_note("  building what all checks share; only this first time takes so long");
  const BuildResult result = ninja(folder, targets, limits);
  if (first_time) passing_note(note);
  if (!result.built)
    give_up(
        "The checker itself does not build ({} in {}). This is not your mistake: `./tools/percore "
        "doctor` "
        "looks for the cause. "
        "The compiler says:\n{}",
        word(variant), shown(folder, course_.root), result.output.substr(0, 4000));
}

std::vector<CheckProgram> CheckBuild::plan(const PlanRequest& request) const {
  Plan plan = plan_exercise(tools_, request);
  for (const fs::path& folder : plan.folders) forget_newer_objects(folder, request);
  return std::move(plan.programs);
}

BuildResult CheckBuild::build(std::span<const CheckProgram> programs,
                              const std::function<void(const fs::path&)>& finished,
                              int stop) const {
  if (programs.empty()) return {.built = true, .out_of_time = false, .output = ""};
  const fs::path folder = programs.front().path.parent_path();
  const FolderLock lock(folder);  // one ninja at a time
  // Another tutor may have planned this folder since, for other programs than these.
  const BuildFiles& files = *programs.front().files;
  for (const Unit& unit : files.units) write_if_changed(unit.source, unit.text);
  write_if_changed(folder / "build.ninja", files.ninja);
  std::vector<std::string> targets;
  for (const CheckProgram& program : programs) targets.push_back(program.path);
  return ninja(folder, targets, learners_limits(), finished, stop);
}

std::string CheckBuild::compile_command(const Exercise& exercise, const fs::path& sources,
                                        const fs::path& file) const {
  const std::string module = exercise.module();
  std::string own = module.empty() ? "" : " -I" + shell_quoted((sources / module).string());
  own += " -I" + shell_quoted(sources.string());
  const Variant variant =
      file.stem().string().ends_with("_explore") ? Variant::explored : Variant::fast;
  return fmt::format("{} {}{}{} -c {}", tools_.config().compiler, tools_.flags(variant), own,
                     tools_.includes(module), shell_quoted(file.string()));
}

}  // namespace percore::tutor
