#include "tampering.hpp"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

namespace percore::tutor {

namespace {

// Words that the checks, and the headers they include, are written with. `private` and the like
// are missing on purpose: redefining them is bad taste, and changes no verdict.
constexpr std::array reserved = {
    "if",       "else",     "while",        "for",     "do",        "return",    "switch",
    "case",     "true",     "false",        "int",     "bool",      "char",      "void",
    "unsigned", "const",    "static",       "auto",    "namespace", "constexpr", "operator",
    "require",  "fail",     "fail_with",    "percore", "check",     "run",       "Run",
    "random",   "chance",   "size",         "seed",    "operation", "restart",   "options",
    "noexcept", "noreturn", "Registration", "Check",   "std",       "fmt",       "simulated",
};

bool is_reserved(std::string_view word) {
  return word.starts_with("PERCORE_") || std::ranges::find(reserved, word) != reserved.end();
}

// The word after `#define` or `#undef`, or nothing.
std::optional<std::string> defined_word(std::string_view line) {
  line = trimmed(line);
  if (!line.starts_with('#')) return {};
  line = trimmed(line.substr(1));
  for (const std::string_view directive : {"define", "undef"}) {
    if (!line.starts_with(directive)) continue;
    const std::string_view rest = line.substr(directive.size());
    if (rest.empty() || (rest[0] != ' ' && rest[0] != '\t')) return {};
    const std::string_view word = trimmed(rest);
    const auto is_name = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    };
    return std::string(word.begin(), std::ranges::find_if_not(word, is_name));
  }
  return {};
}

// What the harness calls on the way from a body to its report.
constexpr std::array called_by_harness = {
    "_exit",  "exit",    "abort",       "write",   "mmap",
    "close",  "raise",   "sigaction",   "open",    "fflush",
    "main",   "strncpy", "sigaltstack", "setvbuf", "_start",
    "memcpy", "malloc",  "free",        "memset",  "__libc_start_main",
};

struct Symbol {
  std::string_view name;
  bool defined = false;
  bool local = false;
};

// All named symbols of a 64-bit object file; none when it is no such file.
std::vector<Symbol> symbols_of(std::string_view file) {
  std::vector<Symbol> out;
  Elf64_Ehdr header;
  if (file.size() < sizeof header) return out;
  std::memcpy(&header, file.data(), sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64)
    return out;
  const auto section = [&](std::size_t number) {
    Elf64_Shdr one{};
    const std::uint64_t at = header.e_shoff + number * sizeof one;
    if (number < header.e_shnum && at + sizeof one <= file.size())
      std::memcpy(&one, file.data() + at, sizeof one);
    return one;
  };
  const auto bytes_of = [&](const Elf64_Shdr& one) {
    const bool inside = one.sh_offset <= file.size() && one.sh_size <= file.size() - one.sh_offset;
    return inside ? file.substr(one.sh_offset, one.sh_size) : std::string_view();
  };
  for (std::size_t number = 0; number < header.e_shnum; ++number) {
    const Elf64_Shdr table = section(number);
    if (table.sh_type != SHT_SYMTAB) continue;
    const std::string_view names = bytes_of(section(table.sh_link));
    const std::string_view entries = bytes_of(table);
    for (std::size_t at = 0; at + sizeof(Elf64_Sym) <= entries.size(); at += sizeof(Elf64_Sym)) {
      Elf64_Sym symbol;
      std::memcpy(&symbol, entries.data() + at, sizeof symbol);
      if (symbol.st_name >= names.size()) continue;
      const std::string_view from = names.substr(symbol.st_name);
      out.push_back({.name = from.substr(0, from.find('\0')),
                     .defined = symbol.st_shndx != SHN_UNDEF,
                     .local = ELF64_ST_BIND(symbol.st_info) == STB_LOCAL});
    }
  }
  return out;
}

}  // namespace

std::optional<std::string> redefined_word(const Exercise& exercise, const fs::path& sources,
                                          const fs::path& root) {
  for (const std::string& name : exercise.files) {
    if (!name.ends_with("pp")) continue;
    const auto lines = split_lines(read_if_there(sources / name).value_or(""));
    for (std::size_t i = 0; i < lines.size(); ++i)
      if (const auto word = defined_word(lines[i]); word && is_reserved(*word))
        return fmt::format(
            "{}:{}: {} changes a word that the checks are written with: choose another name",
            shown(sources / name, root), i + 1, trimmed(lines[i].substr(0, 60)));
  }
  return {};
}

std::optional<std::string> foreign_symbol(const CheckProgram& program) {
  for (const fs::path& object : program.own) {
    const std::string file = read_if_there(object).value_or("");
    for (const Symbol& symbol : symbols_of(file)) {
      // Put there by <percore/check_liburing.hpp>, which comes with every file.
      const bool ours = symbol.name.find("completions_released") != symbol.name.npos;
      if (!ours && symbol.name.find("7percore5check") != symbol.name.npos)
        return fmt::format(
            "your code names a part of the checker ({}): an answer needs nothing of it",
            symbol.name);
      if (symbol.defined && !symbol.local &&
          std::ranges::find(called_by_harness, symbol.name) != called_by_harness.end())
        return fmt::format(
            "your code defines `{}`, and would take the C library's place in the checker too: "
            "choose another name",
            symbol.name);
    }
  }
  return {};
}

std::vector<std::string> check_names(const fs::path& file) {
  std::string text;
  for (const std::string& line : split_lines(read_if_there(file).value_or("")))
    if (!trimmed(line).starts_with("//")) text += line + "\n";
  std::vector<std::string> out;
  constexpr std::string_view opening = "PERCORE_CHECK(";
  for (std::size_t at = text.find(opening); at != text.npos; at = text.find(opening, at)) {
    at += opening.size();
    // PERCORE_CHECK("step", name, ...
    const std::size_t first = text.find('"', at);
    const std::size_t second = first == text.npos ? first : text.find('"', first + 1);
    const std::size_t comma = second == text.npos ? second : text.find(',', second);
    const std::size_t end = comma == text.npos ? comma : text.find(',', comma + 1);
    if (end == text.npos) break;
    out.emplace_back(trimmed(std::string_view(text).substr(comma + 1, end - comma - 1)));
  }
  return out;
}

}  // namespace percore::tutor
