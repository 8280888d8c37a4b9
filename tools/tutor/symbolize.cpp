// Addresses to lines, by llvm-symbolizer or addr2line: whichever is installed. Both print two lines
// an inlined frame: the function, then file:line.

#include "symbolize.hpp"

#include "compile_error.hpp"
#include "supervise.hpp"

#include <elf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace percore::tutor {

std::string installed(std::initializer_list<const char*> names) {
  for (const char* name : names)
    for (const char* folder : {"/usr/bin", "/usr/local/bin", "/usr/lib/llvm-19/bin"}) {
      std::string path = fmt::format("{}/{}", folder, name);
      if (access(path.c_str(), X_OK) == 0) return path;
    }
  return "";
}

namespace {

std::vector<std::string> command(const fs::path& program) {
  static const std::string llvm =
      installed({"llvm-symbolizer-19", "llvm-symbolizer", "llvm-symbolizer-20"});
  if (!llvm.empty())
    return {
        llvm,       "--obj=" + program.string(), "--output-style=GNU", "--functions", "--demangle",
        "--inlines"};
  static const std::string binutils = installed({"addr2line"});
  if (!binutils.empty()) return {binutils, "-f", "-C", "-i", "-e", program.string()};
  return {};
}

}  // namespace

std::optional<SourcePlace> place_in(const fs::path& program,
                                    std::span<const std::uint64_t> addresses,
                                    const fs::path& sources, const fs::path& root) {
  std::vector<std::string> words = command(program);
  if (words.empty() || addresses.empty()) return {};
  bool innermost = true;
  for (const std::uint64_t address : addresses) {
    // A return address points behind its call: one less lies within the call's line.
    words.push_back(fmt::format("0x{:x}", innermost ? address : address - 1));
    innermost = false;
  }
  Limits limits;
  limits.may_fork = true;
  limits.wall = std::chrono::seconds(10);
  const Supervised ran = supervise(words, "/", limits, false);
  const auto lines = split_lines(ran.output);
  const std::string own = sources.string() + "/";
  for (std::size_t i = 0; i + 1 < lines.size(); i += 2) {
    const std::string& where = lines[i + 1];
    if (!where.starts_with(own)) continue;
    SourcePlace place{.file = "", .line = 0, .function = folded(lines[i])};
    const std::size_t colon = where.find(':', own.size());
    place.file = shown(where.substr(0, colon), root);
    if (colon != where.npos)
      std::from_chars(where.data() + colon + 1, where.data() + where.size(), place.line);
    return place;
  }
  return {};
}

namespace {

/// What of a program file is executed, with the address of each part before it; empty where it
/// cannot be read.
std::string code_of(const fs::path& program) {
  const std::string file = read_if_there(program).value_or("");
  Elf64_Ehdr header;
  if (file.size() < sizeof header) return "";
  std::memcpy(&header, file.data(), sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return "";
  std::string out;
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr part;
    const std::size_t at = header.e_phoff + i * header.e_phentsize;
    if (at > file.size() || file.size() - at < sizeof part) return "";
    std::memcpy(&part, file.data() + at, sizeof part);
    if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0) continue;
    if (part.p_offset > file.size() || file.size() - part.p_offset < part.p_filesz) return "";
    out += fmt::format("{:x}:", part.p_vaddr) + file.substr(part.p_offset, part.p_filesz);
  }
  return out;
}

}  // namespace

bool have_the_same_code(const fs::path& one, const fs::path& other) {
  const std::string code = code_of(one);
  return !code.empty() && code == code_of(other);
}

std::vector<SourcePlace> places_of(const fs::path& program,
                                   std::span<const std::uint64_t> addresses) {
  std::vector<std::string> words = command(program);
  if (words.empty() || addresses.empty()) return {};
  std::erase(words, "-i");
  std::ranges::replace(words, std::string("--inlines"), std::string("--no-inlines"));
  for (const std::uint64_t address : addresses) words.push_back(fmt::format("0x{:x}", address));
  Limits limits;
  limits.may_fork = true;
  limits.wall = std::chrono::seconds(10);
  const auto lines = split_lines(supervise(words, "/", limits, false).output);
  std::vector<SourcePlace> out;
  for (std::size_t i = 0; i + 1 < lines.size(); i += 2) {
    const std::size_t colon = lines[i + 1].rfind(':');
    SourcePlace place{.file = lines[i + 1].substr(0, colon), .line = 0, .function = lines[i]};
    if (colon != std::string::npos)
      std::from_chars(lines[i + 1].data() + colon + 1, lines[i + 1].data() + lines[i + 1].size(),
                      place.line);
    out.push_back(std::move(place));
  }
  return out;
}

std::vector<std::uint64_t> sanitizer_addresses(const std::string& output) {
  std::vector<std::uint64_t> out;
  for (const std::string& line : split_lines(output)) {
    const std::string_view text = trimmed(line);
    if (!text.starts_with('#')) {
      if (!out.empty() && text.empty()) break;  // the first stack only: where it struck
      continue;
    }
    const std::size_t at = text.find(" 0x");
    if (at == text.npos) continue;
    std::uint64_t address = 0;
    std::from_chars(text.data() + at + 3, text.data() + text.size(), address, 16);
    out.push_back(address);
  }
  return out;
}

}  // namespace percore::tutor
