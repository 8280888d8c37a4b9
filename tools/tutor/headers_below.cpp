#include "headers_below.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace percore::tutor {

namespace {

constexpr std::string_view name_begin = "below-";

fs::path folder_of(const Toolchain& toolchain) {
  return toolchain.shared_folder() / word(Variant::fast);
}

// Of `#include <percore/task.hpp>`: task.hpp; of <percore/contract/task.hpp> with its folder.
std::string_view included(std::string_view line) {
  constexpr std::string_view begin = "#include <percore/";
  if (!line.starts_with(begin)) return "";
  line.remove_prefix(begin.size());
  return line.substr(0, line.find('>'));
}

}  // namespace

std::optional<Unit> headers_below(const Toolchain& toolchain, const Exercise& exercise) {
  if (exercise.kind == Kind::catching || !toolchain.config().clang()) return std::nullopt;
  std::set<std::string> ours;
  for (const std::string& layer : toolchain.config().layers) {
    if (layer == exercise.module()) break;
    std::error_code error;
    const fs::path folder = toolchain.root() / "runtime" / layer / "percore";
    for (const auto& entry : fs::directory_iterator(folder, error))
      ours.insert(entry.path().filename());
    ours.insert("contract/" + layer + ".hpp");
  }
  // A contract includes what lies below its module alone.
  ours.insert("contract/" + exercise.module() + ".hpp");
  std::set<std::string> wanted;
  for (const std::string& file : exercise.files)
    for (const std::string& line : split_lines(
             read_if_there(toolchain.root() / "exercises" / exercise.lesson / file).value_or(""))) {
      const std::string name(included(line));
      if (ours.contains(name)) wanted.insert(name);
    }
  if (wanted.empty()) return std::nullopt;
  Unit out;
  for (const std::string& name : wanted) out.text += fmt::format("#include <percore/{}>\n", name);
  out.source = folder_of(toolchain) / fmt::format("{}{}.hpp", name_begin, hash_of(out.text));
  return out;
}

std::vector<fs::path> all_headers_below(const Toolchain& toolchain) {
  std::vector<fs::path> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_of(toolchain), error)) {
    const std::string name = entry.path().filename();
    if (name.starts_with(name_begin) && name.ends_with(".hpp")) out.push_back(entry.path());
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace percore::tutor
