#pragma once

#include <string>
#include <string_view>

namespace percore::tutor {

/// What may be shown of bytes that somebody's program printed: UTF-8 without control characters but
/// tab and line feed, everything else a `?`. Escape sequences would reach the terminal.
std::string printable(std::string_view bytes);

}  // namespace percore::tutor
