#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace percore::tutor {

/// A JSON value, as much of it as the tutor's own files need: whole numbers only. Objects keep
/// their keys sorted, so that a file written twice is the same twice.
class Json {
 public:
  enum class Type { null, boolean, number, text, list, object };

  Json() = default;
  Json(bool value) : type_(Type::boolean), number_(value ? 1 : 0) {}
  Json(std::int64_t value) : type_(Type::number), number_(value) {}
  Json(std::uint64_t value) : Json(static_cast<std::int64_t>(value)) {}
  Json(int value) : Json(static_cast<std::int64_t>(value)) {}
  Json(unsigned value) : Json(static_cast<std::int64_t>(value)) {}
  Json(std::string value) : type_(Type::text), text_(std::move(value)) {}
  Json(std::string_view value) : Json(std::string(value)) {}
  Json(const char* value) : Json(std::string(value)) {}
  static Json list() { return Json(Type::list); }
  static Json object() { return Json(Type::object); }

  /// Nothing when `text` is no JSON; never throws.
  static std::optional<Json> parse(std::string_view text);

  /// On one line, or indented by two spaces a level.
  [[nodiscard]] std::string compact() const;
  [[nodiscard]] std::string pretty() const;

  [[nodiscard]] bool is(Type type) const noexcept { return type_ == type; }
  /// The value of the type asked for, or its empty value when this is another type: readers of a
  /// damaged file go on.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] std::int64_t number() const noexcept { return number_; }
  [[nodiscard]] bool truth() const noexcept { return number_ != 0; }
  [[nodiscard]] const std::vector<Json>& items() const noexcept { return items_; }
  [[nodiscard]] const std::map<std::string, Json>& fields() const noexcept { return fields_; }
  /// The field, or null when there is none.
  [[nodiscard]] const Json& operator[](const std::string& key) const noexcept;

  Json& set(const std::string& key, Json value);
  Json& add(Json value);

 private:
  explicit Json(Type type) : type_(type) {}
  void write(std::string& out, int indent) const;

  Type type_ = Type::null;
  std::int64_t number_ = 0;
  std::string text_;
  std::vector<Json> items_;
  std::map<std::string, Json> fields_;
};

}  // namespace percore::tutor
