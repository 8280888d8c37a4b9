#include "compile_error.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <vector>

namespace percore::tutor {

namespace {

// "path:12:3: error: words"
struct Diagnostic {
  std::string file;
  unsigned line = 0;
  unsigned column = 0;
  std::string kind;
  std::string words;
};

std::optional<unsigned> take_number(std::string_view& text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return {};
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!text.starts_with(':')) return {};
  text.remove_prefix(1);
  return value;
}

std::optional<Diagnostic> to_diagnostic(std::string_view line) {
  for (const std::string_view kind :
       {"fatal error: ", "error: ", "note: ", "warning: ", "required from"}) {
    const std::size_t at = line.find(kind);
    if (at == line.npos || at == 0) continue;
    Diagnostic out;
    out.kind = kind == "fatal error: " ? "error: " : kind;
    out.words = line.substr(at + kind.size());
    std::string_view before = line.substr(0, at);
    const std::size_t colon = before.find(':');
    if (colon == before.npos) continue;
    out.file = before.substr(0, colon);
    before.remove_prefix(colon + 1);
    const auto number = take_number(before);
    if (!number) continue;
    out.line = *number;
    out.column = take_number(before).value_or(0);
    return out;
  }
  return {};
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size())
    text.replace(at, from.size(), to);
}

// Removes `name<...>` with its whole bracket, and the comma before it.
void drop_argument(std::string& text, std::string_view name) {
  for (std::size_t at = 0; (at = text.find(name, at)) != text.npos;) {
    std::size_t end = at + name.size();
    int depth = 1;
    while (end < text.size() && depth > 0) {
      if (text[end] == '<') ++depth;
      if (text[end] == '>') --depth;
      ++end;
    }
    std::size_t from = at;
    while (from > 0 && (text[from - 1] == ' ' || text[from - 1] == ',')) --from;
    text.erase(from, end - from);
    at = from;
  }
}

// "static assertion failed due to requirement 'X': words" and g++'s form: the words are ours, and
// say what to do.
std::string without_assertion_frame(const std::string& words) {
  if (!words.starts_with("static assertion failed") && !words.starts_with("static_assert failed"))
    return words;
  const std::size_t at = words.rfind("': ");
  if (at != words.npos) return words.substr(at + 3);
  const std::size_t colon = words.find(": ");
  return colon == words.npos ? words : words.substr(colon + 2);
}

// " [with T = int]" stands before what is most to the point.
std::string without_arguments(std::string words) {
  const std::size_t begin = words.find(" [with ");
  if (begin == words.npos) return words;
  std::size_t end = begin + 2;
  for (int depth = 1; end < words.size() && depth > 0; ++end)
    depth += words[end] == '[' ? 1 : words[end] == ']' ? -1 : 0;
  return words.erase(begin, end - begin);
}

// From the notes below an error of clang's: why the first candidate is none.
class Reason {
 public:
  void note(const std::string& words) {
    if (words.starts_with("and ")) over_ = true;  // another branch of what is demanded
    if (over_) return;
    // Of one branch each goes deeper than the one before.
    if (words.starts_with("because ")) told_ = folded(without_arguments(words));
    for (const std::string_view mark : {"candidate template ignored: ", " not viable: "}) {
      const std::size_t at = words.find(mark);
      if (at == words.npos) continue;
      over_ = found_;
      if (!found_) {
        const std::string why = words.substr(at + mark.size());
        told_ = (why.starts_with("requires") ? "because it " : "because ") +
                folded(without_arguments(why));
      }
      found_ = true;
    }
  }
  std::string told() const { return told_; }

 private:
  bool found_ = false;
  bool over_ = false;
  std::string told_;
};

// What lld, mold and bfd say of a name that is declared and nowhere defined.
std::optional<std::string> undefined_symbol(const std::string& line) {
  for (const std::string_view mark : {"undefined symbol: ", "undefined reference to `"}) {
    const std::size_t at = line.find(mark);
    if (at == line.npos) continue;
    std::string name = line.substr(at + mark.size());
    if (name.ends_with("'")) name.pop_back();
    return folded(name);
  }
  return {};
}

CompileError link_error(const std::vector<std::string>& lines) {
  CompileError out;
  for (const std::string& line : lines) {
    if (line.find("duplicate symbol: main") != line.npos ||
        line.find("multiple definition of `main'") != line.npos) {
      out.sentence = "main is defined here, but the checker brings its own: take yours out.";
      break;
    }
    if (const auto name = undefined_symbol(line)) {
      if (++out.more > 1) continue;
      out.sentence =
          *name == "main"
              ? "There is no main function."
              : fmt::format("{} is declared and used, but nowhere written: define it.", *name);
    } else if (line.find("duplicate symbol: ") != line.npos ||
               line.find("multiple definition of") != line.npos) {
      if (out.sentence.empty())
        out.sentence = fmt::format("{}: defined in two files; in a header it needs `inline`.",
                                   folded(line.substr(line.find(": ") + 2)));
    }
  }
  if (out.more > 0) --out.more;
  if (out.sentence.empty())
    out.sentence = "The build failed without a compiler's error; --verbose shows all of it.";
  return out;
}

}  // namespace

std::string folded(std::string text) {
  for (const std::string_view part : {"std::__cxx11::", "std::__1::", "std::__n4861::"})
    replace_all(text, part, "std::");
  drop_argument(text, "std::allocator<");
  drop_argument(text, "std::char_traits<");
  drop_argument(text, "std::default_delete<");
  replace_all(text, "std::basic_string<char>", "std::string");
  replace_all(text, "std::basic_string_view<char>", "std::string_view");
  if (const std::size_t with = text.find(" [with "); with != text.npos) text.resize(with);
  constexpr std::size_t length_max = 300;
  if (text.size() > length_max) text = text.substr(0, length_max) + " ...";
  return text;
}

CompileError first_error(const std::string& output, const fs::path& sources, const fs::path& root) {
  const std::vector<std::string> lines = split_lines(output);
  const std::string own = sources.string() + "/";
  CompileError out;
  std::optional<Diagnostic> error, own_place, own_before;
  std::size_t error_line = 0;
  Reason reason;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto found = to_diagnostic(lines[i]);
    if (!found) {
      // g++ names the instantiating line before the error: "path:12:3:   required from here".
      continue;
    }
    const bool is_own = found->file.starts_with(own);
    if (found->kind == "error: ") {
      if (!error) {
        error = found;
        error_line = i;
        if (!is_own) own_place = own_before;
      } else {
        ++out.more;
      }
    } else if (is_own && found->kind == "required from") {
      own_before = found;
    } else if (found->kind == "note: " && error && out.more == 0) {
      reason.note(found->words);
      if (is_own && !own_place) own_place = found;  // clang: "in instantiation of ..."
    }
  }
  if (!error) return link_error(lines);
  const bool elsewhere = !error->file.starts_with(own);
  const Diagnostic& place = elsewhere && own_place ? *own_place : *error;
  out.file = shown(place.file, root);
  out.line = place.line;
  out.column = place.column;
  out.sentence = folded(without_assertion_frame(error->words));
  // Of an operator the first candidate is any type's.
  if (!error->words.starts_with("invalid operands")) out.reason = reason.told();
  if (elsewhere && own_place)
    out.remark = fmt::format("found in {}:{}", shown(error->file, root), error->line);
  // The two lines after a diagnostic are the source and the mark.
  for (std::size_t i = 0; !elsewhere && i < 2 && error_line + 1 + i < lines.size(); ++i) {
    const std::string& line = lines[error_line + 1 + i];
    if (line.find(" | ") == line.npos) break;
    out.snippet += line + "\n";
  }
  return out;
}

}  // namespace percore::tutor
