#include "json.hpp"

#include <fmt/format.h>

#include <charconv>

namespace percore::tutor {

namespace {

// Recursive descent over a view. Depth is bounded: a damaged file must not overflow our stack.
struct Reader {
  std::string_view rest;
  int depth = 0;

  void skip_spaces() {
    while (!rest.empty() &&
           (rest[0] == ' ' || rest[0] == '\n' || rest[0] == '\t' || rest[0] == '\r'))
      rest.remove_prefix(1);
  }
  bool take(char c) {
    skip_spaces();
    if (rest.empty() || rest[0] != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  bool take_word(std::string_view word) {
    if (!rest.starts_with(word)) return false;
    rest.remove_prefix(word.size());
    return true;
  }

  std::optional<std::string> text();
  std::optional<Json> value();
  std::optional<Json> list();
  std::optional<Json> object();
};

std::optional<std::string> Reader::text() {
  if (!take('"')) return {};
  std::string out;
  while (!rest.empty() && rest[0] != '"') {
    char c = rest[0];
    rest.remove_prefix(1);
    if (c == '\\') {
      if (rest.empty()) return {};
      c = rest[0];
      rest.remove_prefix(1);
      if (c == 'n')
        c = '\n';
      else if (c == 't')
        c = '\t';
      else if (c == 'u') {
        unsigned code = 0;
        if (rest.size() < 4 ||
            std::from_chars(rest.data(), rest.data() + 4, code, 16).ptr != rest.data() + 4)
          return {};
        rest.remove_prefix(4);
        c = code < 0x80 ? static_cast<char>(code) : '?';  // we only write control characters so
      }
    }
    out += c;
  }
  if (!take('"')) return {};
  return out;
}

std::optional<Json> Reader::list() {
  Json out = Json::list();
  if (take(']')) return out;
  do {
    auto item = value();
    if (!item) return {};
    out.add(*std::move(item));
  } while (take(','));
  if (!take(']')) return {};
  return out;
}

std::optional<Json> Reader::object() {
  Json out = Json::object();
  if (take('}')) return out;
  do {
    auto key = text();
    if (!key || !take(':')) return {};
    auto field = value();
    if (!field) return {};
    out.set(*key, *std::move(field));
  } while (take(','));
  if (!take('}')) return {};
  return out;
}

std::optional<Json> Reader::value() {
  constexpr int DEPTH_MAX = 32;
  if (depth >= DEPTH_MAX) return {};
  ++depth;
  skip_spaces();
  std::optional<Json> out;
  if (take('{'))
    out = object();
  else if (take('['))
    out = list();
  else if (!rest.empty() && rest[0] == '"') {
    if (auto words = text()) out = Json(*std::move(words));
  } else if (take_word("true"))
    out = Json(true);
  else if (take_word("false"))
    out = Json(false);
  else if (take_word("null"))
    out = Json();
  else {
    // Nonces are unsigned and large: they wrap into the signed range and back.
    std::uint64_t number = 0;
    const bool negative = !rest.empty() && rest[0] == '-';
    if (negative) rest.remove_prefix(1);
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error == std::errc{}) {
      rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
      const auto value = static_cast<std::int64_t>(number);
      out = Json(negative ? -value : value);
    }
  }
  --depth;
  return out;
}

void write_text(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  out += '"';
}

}  // namespace

std::optional<Json> Json::parse(std::string_view text) {
  Reader reader{.rest = text};
  auto value = reader.value();
  reader.skip_spaces();
  if (!reader.rest.empty()) return {};
  return value;
}

const Json& Json::operator[](const std::string& key) const noexcept {
  static const Json NOTHING;
  const auto found = fields_.find(key);
  return found == fields_.end() ? NOTHING : found->second;
}

Json& Json::set(const std::string& key, Json value) {
  if (type_ == Type::null) type_ = Type::object;
  fields_[key] = std::move(value);
  return *this;
}

Json& Json::add(Json value) {
  if (type_ == Type::null) type_ = Type::list;
  items_.push_back(std::move(value));
  return *this;
}

void Json::write(std::string& out, int indent) const {
  const auto new_line = [&](int level) {
    if (indent >= 0) out += "\n" + std::string(static_cast<std::size_t>(level) * 2, ' ');
  };
  const int inner = indent < 0 ? -1 : indent + 1;
  bool first = true;
  const auto separate = [&] {
    if (!first) out += ',';
    first = false;
    new_line(inner);
  };
  switch (type_) {
    case Type::null:
      out += "null";
      return;
    case Type::boolean:
      out += number_ != 0 ? "true" : "false";
      return;
    case Type::number:
      out += fmt::format("{}", number_);
      return;
    case Type::text:
      write_text(out, text_);
      return;
    case Type::list:
      out += '[';
      for (const Json& item : items_) {
        separate();
        item.write(out, inner);
      }
      if (!first) new_line(indent);
      out += ']';
      return;
    case Type::object:
      out += '{';
      for (const auto& [key, value] : fields_) {
        separate();
        write_text(out, key);
        out += indent < 0 ? ":" : ": ";
        value.write(out, inner);
      }
      if (!first) new_line(indent);
      out += '}';
      return;
  }
}

std::string Json::compact() const {
  std::string out;
  write(out, -1);
  return out;
}

std::string Json::pretty() const {
  std::string out;
  write(out, 0);
  return out + "\n";
}

}  // namespace percore::tutor
