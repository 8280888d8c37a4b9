// std::expected, with the library that this compiler brings or finds.

#include <expected>
#include <system_error>

std::expected<int, std::error_code> half(int value) {
  if (value % 2 != 0) return std::unexpected(std::make_error_code(std::errc::invalid_argument));
  return value / 2;
}

int main() {
  return half(4).value_or(0) == 2 && !half(3).has_value() ? 0 : 1;
}
