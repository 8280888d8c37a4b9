#include "toolchain.hpp"

#include "linker.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace percore::tutor {

namespace {

// Of the simulated ring's files the one that must not see liburing's header: it defines what that
// declares otherwise.
constexpr std::string_view unsupported = "unsupported.cpp";

// Ninja reads $, space and colon; paths of ours may hold a space or a dollar.
std::string escaped(const fs::path& path) {
  std::string out;
  for (const char c : path.string()) {
    if (c == '$' || c == ' ' || c == ':') out += '$';
    out += c;
  }
  return out;
}

constexpr std::string_view rules = R"(
ninja_required_version = 1.8
rule compile
  command = $cxx $header $flags -MD -MF $out.d -c $in -o $out
  deps = gcc
  depfile = $out.d
  description = compile $in
rule precompile
  command = $cxx $flags $precompile_flags -x c++-header -MD -MF $out.d -c $in -o $out
  deps = gcc
  depfile = $out.d
  description = precompile $in
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
    case Variant::explored:
      return "explored";
  }
  return "";
}

std::string shell_quoted(const std::string& text) {
  if (text.find_first_of(" '\"$\\`&;()<>|*?") == text.npos) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::vector<fs::path> sources_in(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.path().extension() == ".cpp") out.push_back(entry.path());
  std::ranges::sort(out);
  return out;
}

std::string Toolchain::flags(Variant variant) const {
  // Not position-independent: the addresses that a crashed program leaves are then those of its
  // file.
  std::string out = "-std=c++23 -fno-omit-frame-pointer -fno-pie -pthread -Wall -Wextra";
  out += config_.clang() ? " -gline-tables-only -fno-color-diagnostics -fno-crash-diagnostics"
                         : " -g1 -fdiagnostics-color=never";
  if (variant == Variant::measured) return out + " -O2";
  if (variant == Variant::explored)
    return out + " -O0 -DPERCORE_EXPLORE -I" + shell_quoted((root_ / "tools/explore").string());
  out += " -O0 -DPERCORE_FRAMES_FROM_MALLOC=1";
  if (variant == Variant::sanitized)
    out += " -fsanitize=address,undefined -fno-sanitize-recover=all";
  return out;
}

std::string Toolchain::linker(Variant variant) const {
  std::string driver = config_.compiler + " " + flags(variant) + " -no-pie";
  if (!config_.linker.empty()) driver += " -fuse-ld=" + config_.linker;
  // A check is small: threads cost lld more than they save, and ninja links beside other work.
  if (config_.linker == "lld") driver += " -Wl,--threads=1";
  return link_command(driver, config_.clang(), shared_folder() / word(variant) / "linker.txt");
}

std::string Toolchain::includes(const std::string& without_module) const {
  std::string out;
  const auto add = [&](const fs::path& folder) { out += " -I" + shell_quoted(folder.string()); };
  add(root_ / "runtime" / "contracts");
  for (const std::string& layer : config_.layers)
    if (layer != without_module) add(root_ / "runtime" / layer);
  add(root_ / "tools" / "check");
  add(root_ / "tools" / "checks");  // what the checks of several lessons share, by its folder
  add(root_ / "tools" / "simring");
  if (!config_.liburing_compile.empty()) out += " " + config_.liburing_compile;
  return out;
}

fs::path Toolchain::header(Variant variant) const {
  return shared_folder() / word(variant) / "checks.hpp";
}

std::string Toolchain::header_flag(Variant variant) const {
  const std::string path = header(variant).string();
  return config_.clang() ? "-include-pch " + shell_quoted(path + ".pch")
                         : "-include " + shell_quoted(path);
}

fs::path Toolchain::object(Variant variant, const fs::path& source) const {
  std::string name = shown(source, root_);
  std::ranges::replace(name, '/', '_');
  return shared_folder() / word(variant) / (name + ".o");
}

std::vector<fs::path> Toolchain::explorer_sources() const {
  std::vector<fs::path> out = sources_in(root_ / "runtime" / "base");
  for (const char* name : {"main.cpp", "report.cpp", "run.cpp", "sentence.cpp", "signals.cpp"})
    out.push_back(root_ / "tools" / "check" / name);
  for (const char* folder : {"tools/explore", "tools/explore/check"})
    for (const fs::path& source : sources_in(root_ / folder)) out.push_back(source);
  return out;
}

std::vector<Unit> Toolchain::simring_units(Variant variant) const {
  std::vector<Unit> out(2);
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i].source = shared_folder() / word(variant) / fmt::format("simring_{}.cpp", i + 1);
  std::size_t next = 0;
  for (const fs::path& source : sources_in(root_ / "tools" / "simring"))
    if (source.filename() != unsupported)
      out[next++ % out.size()].text += fmt::format("#include \"{}\"\n", source.string());
  return out;
}

std::vector<fs::path> Toolchain::harness_objects(Variant variant, bool real) const {
  const fs::path folder = root_ / "tools" / "check";
  std::vector<fs::path> out;
  for (const char* name :
       {"machine_words.cpp", "main.cpp", "report.cpp", "run.cpp", "sentence.cpp", "signals.cpp"})
    out.push_back(object(variant, folder / name));
  out.push_back(object(variant, folder / (real ? "flavour_real.cpp" : "flavour_sim.cpp")));
  // In this order: what lies between the two marks stands for the kernel.
  if (!real) out.push_back(object(variant, folder / "outside_begin.cpp"));
  if (real) {
    for (const fs::path& source : sources_in(root_ / "runtime" / "clock"))
      out.push_back(object(variant, source));
    return out;
  }
  for (const Unit& unit : simring_units(variant)) out.push_back(object(variant, unit.source));
  out.push_back(object(variant, root_ / "tools" / "simring" / unsupported));
  out.push_back(object(variant, folder / "outside_end.cpp"));
  return out;
}

std::vector<fs::path> Toolchain::module_objects(Variant variant, const std::string& up_to,
                                                const std::string& without) const {
  std::vector<fs::path> out;
  for (const std::string& layer : config_.layers) {
    // The clock comes with the flavour: real, or the simulated ring's.
    if (layer != without && layer != "clock")
      for (const fs::path& source : sources_in(root_ / "runtime" / layer))
        out.push_back(object(variant, source));
    if (layer == up_to) break;
  }
  return out;
}

NinjaFile::NinjaFile(const std::string& compiler, const std::string& flags,
                     const std::string& header_flag, const std::string& precompile_flags)
    : text_(fmt::format("{}\ncxx = {}\nflags = {}\nheader = {}\nprecompile_flags = {}\n\n", rules,
                        compiler, flags, header_flag, precompile_flags)),
      precompile_flags_(precompile_flags) {}

void NinjaFile::link_by(const std::string& command) {
  text_ += fmt::format(
      "rule link\n  command = {} && echo {}$out\n  description = link $out\nlibraries =\n\n",
      command, LINKED);
}

void NinjaFile::precompile(const fs::path& header, const fs::path& out) {
  text_ += fmt::format("build {}: precompile {}\n", escaped(out), escaped(header));
  outputs_.push_back(out);
}

void NinjaFile::precompile_on(const fs::path& below, const fs::path& header, const fs::path& out) {
  text_ += fmt::format("build {}: precompile {} | {}\n  precompile_flags = {} -include-pch {}\n",
                       escaped(out), escaped(header), escaped(below), precompile_flags_,
                       shell_quoted(below.string()));
}

void NinjaFile::that_is_all_by_default() {
  text_ += fmt::format("build {}: phony", SO_FAR);
  for (const fs::path& output : outputs_) text_ += " " + escaped(output);
  text_ += fmt::format("\ndefault {}\n", SO_FAR);
}

void NinjaFile::compile(const fs::path& source, const fs::path& object, const std::string& flags,
                        const std::string& header) {
  text_ += fmt::format("build {}: compile {}\n", escaped(object), escaped(source));
  if (!flags.empty()) text_ += fmt::format("  flags = {}\n", flags);
  if (!header.empty()) text_ += fmt::format("  header = {}\n", header);
  outputs_.push_back(object);
}

void NinjaFile::depend(const fs::path& object, const fs::path& source, const fs::path& on) {
  text_ +=
      fmt::format("build {}: compile {} | {}\n", escaped(object), escaped(source), escaped(on));
  outputs_.push_back(object);
}

void NinjaFile::link(const fs::path& program, const std::vector<fs::path>& objects,
                     const std::string& libraries) {
  text_ += fmt::format("build {}: link", escaped(program));
  for (const fs::path& object : objects) text_ += " " + escaped(object);
  text_ += fmt::format("\n  libraries = {}\n", libraries);
}

}  // namespace percore::tutor
