// How a frame is read. clang names a coroutine's resume function X.resume and its frame's type
// X.coro_frame_ty with a member __coro_index, which counts suspend points from the initial one, 0.
// g++ names them Y.actor, X.Frame and _Coro_resume_index, which counts 2, 4, 6 ...; its Y holds X
// and has X.Frame as its parameter. Both call the second function .destroy. (clang 19, g++ 12.)

#include "coroutines.hpp"

#include "compile_error.hpp"
#include "supervise.hpp"
#include "symbolize.hpp"

#include <cxxabi.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace percore::tutor {

namespace {

std::string output_of(std::vector<std::string> words) {
  Limits limits;
  limits.may_fork = true;
  limits.wall = std::chrono::seconds(20);
  limits.output_bytes_max = 256U << 20;
  const Supervised ran = supervise(words, "/", limits, false);
  return ran.ending == Ending::exited && ran.exit_status == 0 ? ran.output : "";
}

struct IndexPlace {
  std::size_t offset = 0, bytes = 1;
  unsigned step = 1;
};

// The suspend index's place in each type of frame, by the function's mangled name, out of readelf's
// listing: a structure's name, then its members with theirs, one attribute a line.
std::map<std::string, IndexPlace> index_places(const std::string& listing) {
  std::map<std::string, IndexPlace> out;
  std::string function;
  bool is_index = false, is_gnu = false;
  for (std::size_t at = 0; at < listing.size();) {
    const std::size_t end = std::min(listing.find('\n', at), listing.size());
    const std::string_view line(listing.data() + at, end - at);
    at = end + 1;
    if (line.find("DW_AT_name") != line.npos) {
      const std::size_t space = line.find_last_of(' ');
      const std::string_view name = line.substr(space == line.npos ? 0 : space + 1);
      const std::size_t dot = name.rfind('.');
      if (name.ends_with(".coro_frame_ty") || name.ends_with(".Frame"))
        function = name.substr(0, dot);
      is_gnu = name == "_Coro_resume_index";
      is_index = is_gnu || name == "__coro_index";
    } else if (is_index && line.find("DW_AT_data_member_location") != line.npos) {
      const std::size_t space = line.find_last_of(' ');
      IndexPlace place{.offset = 0, .bytes = is_gnu ? 2U : 1U, .step = is_gnu ? 2U : 1U};
      std::from_chars(line.data() + space + 1, line.data() + line.size(), place.offset);
      if (!function.empty()) out[function] = place;
      is_index = false;
    }
  }
  return out;
}

// The function whose frame it is: of "_Z4leafPZ4leafiE14_Z4leafi.Frame" it is "_Z4leafi".
std::string frame_function(const std::string& symbol) {
  constexpr std::string_view end = ".Frame";
  if (!symbol.ends_with(end)) return symbol;
  const std::size_t begin = symbol.rfind("_Z");
  return symbol.substr(begin, symbol.size() - end.size() - begin);
}

std::string demangled(const std::string& symbol) {
  int status = 0;
  char* const text = abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status);
  std::string out = text == nullptr ? symbol : text;
  std::free(text);
  return out;
}

// "stays_in" of "percore::(anonymous namespace)::stays_in(int) (.resume)".
std::string short_name(std::string name) {
  for (const std::string_view noise : {"(anonymous namespace)::", "percore::"})
    for (std::size_t at = name.find(noise); at != name.npos; at = name.find(noise))
      name.erase(at, noise.size());
  const std::size_t call = name.find("operator()");
  return name.substr(0, name.find('(', call == name.npos ? 0 : call + 10));
}

// A letter, digit or underscore: what a word may go on with.
bool is_word(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Behind the comment or literal that begins at `at`, or `at` when none does.
std::size_t behind_silence(std::string_view text, std::size_t at) {
  const auto behind = [&](std::string_view end, std::size_t from) {
    const std::size_t found = text.find(end, from);
    return found == text.npos ? text.size() : found + end.size();
  };
  if (text.substr(at, 2) == "//") return std::min(text.find('\n', at), text.size());
  if (text.substr(at, 2) == "/*") return behind("*/", at + 2);
  if (text.substr(at, 2) == "R\"" && (at == 0 || !is_word(text[at - 1]))) {
    const std::size_t open = std::min(text.find('(', at), text.size());
    return behind(")" + std::string(text.substr(at + 2, open - at - 2)) + "\"", open);
  }
  // A quote between digits separates them.
  if (text[at] != '"' && (text[at] != '\'' || (at != 0 && is_word(text[at - 1])))) return at;
  std::size_t end = at + 1;
  while (end < text.size() && text[end] != text[at]) end += text[end] == '\\' ? 2 : 1;
  return std::min(end + 1, text.size());
}

}  // namespace

std::vector<unsigned> await_lines(std::string_view text, unsigned line) {
  std::size_t at = 0;
  unsigned now = 1;
  for (; now < line && at < text.size(); ++at) now += text[at] == '\n' ? 1 : 0;
  std::vector<unsigned> out;
  for (int depth = 0; at < text.size();) {
    if (const std::size_t behind = behind_silence(text, at); behind != at) {
      now += static_cast<unsigned>(std::count(text.begin() + static_cast<std::ptrdiff_t>(at),
                                              text.begin() + static_cast<std::ptrdiff_t>(behind),
                                              '\n'));
      at = behind;
      continue;
    }
    const bool begins = at == 0 || !is_word(text[at - 1]);
    for (const std::string_view word : {"co_await", "co_yield"})
      if (depth > 0 && begins && text.substr(at, word.size()) == word &&
          (at + word.size() == text.size() || !is_word(text[at + word.size()])))
        out.push_back(now);
    if (text[at] == '\n') ++now;
    if (text[at] == '{') ++depth;
    if (text[at] == '}' && --depth <= 0) break;
    ++at;
  }
  return out;
}

Coroutines::Coroutines(const fs::path& program, const fs::path& root, std::uint64_t loaded_at) {
  const std::string nm = installed({"nm", "llvm-nm-19", "llvm-nm"});
  if (nm.empty()) return;
  struct Symbol {
    std::uint64_t address, size;
    std::string function;  // mangled
    bool resumes;
  };
  std::vector<Symbol> symbols;
  std::uint64_t start = 0;
  for (const std::string& line : split_lines(output_of({nm, "-S", program.string()}))) {
    const auto words = split_words(line);
    if (words.size() < 3) continue;
    Symbol symbol{};
    std::from_chars(words[0].data(), words[0].data() + words[0].size(), symbol.address, 16);
    if (words.back() == "__executable_start") start = symbol.address;
    if (words.size() < 4) continue;
    std::from_chars(words[1].data(), words[1].data() + words[1].size(), symbol.size, 16);
    const std::string name(words[3]);
    symbol.resumes = name.ends_with(".resume") || name.ends_with(".actor");
    if (!symbol.resumes && !name.ends_with(".destroy")) continue;
    symbol.function = name.substr(0, name.rfind('.'));
    symbols.push_back(std::move(symbol));
  }
  if (symbols.empty()) return;

  const std::string readelf = installed({"readelf"});
  std::map<std::string, IndexPlace> indexes;
  if (!readelf.empty())
    indexes = index_places(output_of({readelf, "--debug-dump=info", "--wide", program.string()}));
  std::vector<std::uint64_t> addresses;
  for (const Symbol& symbol : symbols) addresses.push_back(symbol.address);
  const auto places = places_of(program, addresses);

  std::map<std::string, std::size_t> known;
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    const Symbol& symbol = symbols[i];
    const auto [entry, is_new] = known.emplace(symbol.function, coroutines_.size());
    if (is_new) {
      Coroutine one;
      one.name = short_name(demangled(symbol.function));
      if (i < places.size() && places[i].line != 0) {
        const SourcePlace& place = places[i];
        one.name = short_name(place.function);
        one.file = shown(place.file, root);
        one.line = place.line;
        one.awaits = await_lines(read_if_there(place.file).value_or(""), place.line);
      }
      if (const auto index = indexes.find(frame_function(symbol.function));
          index != indexes.end()) {
        one.index_offset = index->second.offset;
        one.index_bytes = index->second.bytes;
        one.index_step = index->second.step;
      }
      coroutines_.push_back(std::move(one));
    }
    const std::uint64_t address = symbol.address - start + loaded_at;
    functions_[address] = {
        .coroutine = entry->second, .end = address + symbol.size, .resumes = symbol.resumes};
  }
}

const Coroutine* Coroutines::of_frame(const std::vector<std::uint64_t>& words) const {
  if (words.size() < 2) return nullptr;
  const auto destroys = functions_.find(words[1]);
  if (destroys == functions_.end() || destroys->second.resumes) return nullptr;
  if (words[0] != 0 && !functions_.contains(words[0])) return nullptr;
  return &coroutines_[destroys->second.coroutine];
}

const Coroutine* Coroutines::running_at(std::uint64_t address) const {
  auto found = functions_.upper_bound(address);
  if (found == functions_.begin()) return nullptr;
  --found;
  return found->second.resumes && address < found->second.end
             ? &coroutines_[found->second.coroutine]
             : nullptr;
}

int Coroutines::suspend_point(const Coroutine& coroutine, const std::vector<std::uint64_t>& words) {
  if (coroutine.index_offset == 0 ||
      coroutine.index_offset + coroutine.index_bytes > words.size() * 8)
    return -1;
  std::uint16_t index = 0;
  std::memcpy(&index, reinterpret_cast<const char*>(words.data()) + coroutine.index_offset,
              coroutine.index_bytes);
  return coroutine.index_step == 1 ? index : std::max(index / 2 - 1, 0);
}

unsigned Coroutines::line_of(const Coroutine& coroutine, const std::vector<std::uint64_t>& words) {
  const int point = suspend_point(coroutine, words);
  if (point < 1 || static_cast<std::size_t>(point) > coroutine.awaits.size()) return 0;
  return coroutine.awaits[static_cast<std::size_t>(point) - 1];
}

}  // namespace percore::tutor
