// `docs`: which texts there are, and one of them, in a pager on a terminal.

#include "commands.hpp"
#include "problem.hpp"
#include "terminal.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace percore::tutor {

namespace {

struct Text {
  fs::path path;
  std::string title;
};

std::string title_of(const fs::path& path) {
  for (const std::string& line : split_lines(read_if_there(path).value_or("")))
    if (line.starts_with("# ")) return line.substr(2);
  return "";
}

std::vector<Text> texts_in(const fs::path& root) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (const char* folder : {"docs", "lessons"})
    for (auto at = fs::recursive_directory_iterator(root / folder, error);
         !error && at != fs::recursive_directory_iterator(); at.increment(error))
      if (at->path().extension() == ".md") paths.push_back(at->path());
  std::ranges::sort(paths);
  if (fs::exists(root / "README.md")) paths.insert(paths.begin(), root / "README.md");
  std::vector<Text> out;
  for (const fs::path& path : paths) out.push_back({path, title_of(path)});
  return out;
}

// A lesson's text is called as its folder, any other as its file.
std::string name_of(const Text& text, const fs::path& root) {
  const bool lesson = text.path.filename() == "README.md" && text.path.parent_path() != root;
  return lesson ? text.path.parent_path().filename() : text.path.stem();
}

void show(const fs::path& path) {
  if (isatty(STDOUT_FILENO) != 0 && isatty(STDIN_FILENO) != 0) {
    const char* pager = std::getenv("PAGER");
    std::fflush(stdout);
    if (pager != nullptr && *pager != '\0') execlp(pager, pager, path.c_str(), nullptr);
    execlp("less", "less", path.c_str(), nullptr);
  }
  fmt::print("{}", read_file(path));
}

}  // namespace

std::vector<std::string> docs_names(const fs::path& root) {
  std::vector<std::string> out;
  for (const Text& text : texts_in(root)) out.push_back(name_of(text, root));
  std::ranges::sort(out);
  const auto same = std::ranges::unique(out);
  out.erase(same.begin(), same.end());
  return out;
}

int docs_command(const fs::path& root, const std::string& name) {
  const auto texts = texts_in(root);
  if (name.empty()) {
    for (const Text& text : texts)
      fmt::print("  {:<24} {:<44} {}\n", name_of(text, root), shown(text.path, root), text.title);
    fmt::print("`./tools/percore docs NAME` shows one.\n");
    return EXIT_PASS;
  }
  std::vector<std::string> names;
  for (const Text& text : texts) {
    names.push_back(name_of(text, root));
    if (names.back() != name && !names.back().starts_with(name + "-") &&
        shown(text.path, root) != name)
      continue;
    show(text.path);
    return EXIT_PASS;
  }
  const auto close = nearest(name, names);
  refuse("There is no text '{}'.{} `./tools/percore docs` names them all.", name,
         close.empty() ? "" : fmt::format(" Did you mean {}?", close.front()));
}

}  // namespace percore::tutor
