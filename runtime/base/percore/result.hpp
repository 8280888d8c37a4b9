#pragma once

#include <cstdint>
#include <expected>
#include <system_error>

namespace percore {

/// What an operation on a file, socket or timer gives: its value, or the kernel's error. Nothing is
/// thrown, because a failing read is an ordinary outcome that the caller decides about.
template <typename T>
using Result = std::expected<T, std::error_code>;

/// The kernel reports through a completion's `res`: a count, or a negative errno (io_uring(7)).
/// `errno` is not set.
inline Result<std::uint32_t> result_from_completion(std::int32_t res) {
  if (res < 0) return std::unexpected(std::error_code(-res, std::system_category()));
  return static_cast<std::uint32_t>(res);
}

/// What a function gives that has failed: `error` is a positive errno.
inline std::unexpected<std::error_code> failure(int error) {
  return std::unexpected(std::error_code(error, std::system_category()));
}

/// Success or the error, where nobody cares for the value.
template <typename T>
Result<void> without_value(const Result<T>& result) {
  if (!result) return std::unexpected(result.error());
  return {};
}

}  // namespace percore
