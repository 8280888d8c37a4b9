#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lesson {

/// How many messages went from whom to whom: a row for each sender.
using Traffic = std::vector<std::vector<std::uint64_t>>;

/// The numbers, with sums.
std::string as_table(const Traffic& traffic);

/// The same as shades: the more the darker.
std::string as_shades(const Traffic& traffic);

/// The same as a drawing: members on a circle, lines as thick as what went along them.
std::string as_svg(const Traffic& traffic);

}  // namespace lesson
