#include "who_to_whom.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

namespace lesson {
namespace {

std::uint64_t most_of(const Traffic& traffic) {
  std::uint64_t most = 1;
  for (const auto& row : traffic)
    for (const std::uint64_t count : row) most = std::max(most, count);
  return most;
}

struct Point {
  double x = 0;
  double y = 0;
};

Point place_of(std::size_t member, std::size_t members) {
  const double angle =
      2 * std::numbers::pi * static_cast<double>(member) / static_cast<double>(members) -
      std::numbers::pi / 2;
  return {200 + 150 * std::cos(angle), 200 + 150 * std::sin(angle)};
}

// A curve that bends to its right, so that the two directions lie apart.
std::string curve(Point from, Point to, double width) {
  const Point middle{(from.x + to.x) / 2 - (to.y - from.y) / 8,
                     (from.y + to.y) / 2 + (to.x - from.x) / 8};
  return fmt::format(
      "<path class=\"line\" d=\"M {:.1f} {:.1f} Q {:.1f} {:.1f} {:.1f} {:.1f}\" "
      "stroke-width=\"{:.1f}\" marker-end=\"url(#tip)\"/>\n",
      from.x, from.y, middle.x, middle.y, to.x, to.y, width);
}

// From the rim of one circle to that of the other.
Point towards(Point from, Point to) {
  const double length = std::hypot(to.x - from.x, to.y - from.y);
  return {from.x + (to.x - from.x) * 26 / length, from.y + (to.y - from.y) * 26 / length};
}

}  // namespace

std::string as_table(const Traffic& traffic) {
  std::string out = "from \\ to";
  for (std::size_t to = 0; to < traffic.size(); ++to) out += fmt::format("{:>9}", to);
  out += "      sent\n";
  std::vector<std::uint64_t> received(traffic.size());
  for (std::size_t from = 0; from < traffic.size(); ++from) {
    out += fmt::format("{:>9}", from);
    std::uint64_t sent = 0;
    for (std::size_t to = 0; to < traffic.size(); ++to) {
      const std::uint64_t count = traffic[from][to];
      out += from == to ? fmt::format("{:>9}", "-") : fmt::format("{:>9}", count);
      sent += count;
      received[to] += count;
    }
    out += fmt::format("{:>10}\n", sent);
  }
  out += " received";
  for (const std::uint64_t count : received) out += fmt::format("{:>9}", count);
  return out + "\n";
}

std::string as_shades(const Traffic& traffic) {
  static constexpr const char* shades[] = {"  ", "░░", "▒▒", "▓▓", "██"};
  const std::uint64_t most = most_of(traffic);
  std::string out;
  for (std::size_t from = 0; from < traffic.size(); ++from) {
    out += fmt::format("{:>9}  ", from);
    for (const std::uint64_t count : traffic[from])
      out += shades[count == 0 ? 0 : 1 + std::min<std::uint64_t>(3, count * 4 / (most + 1))];
    out += "\n";
  }
  return out;
}

std::string as_svg(const Traffic& traffic) {
  std::string out =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 400 400\" role=\"img\" "
      "aria-label=\"who sent what to whom\">\n"
      "<style>svg{color:#1f2328;background:#fff}.line{fill:none;stroke:#3d6fb4;opacity:.75}"
      ".tip{fill:#3d6fb4}.member{fill:#dce9f9;stroke:#3d6fb4;stroke-width:1.5}"
      "text{font:15px sans-serif;fill:currentColor;text-anchor:middle}"
      "@media (prefers-color-scheme:dark){svg{color:#e6edf3;background:#0d1117}"
      ".member{fill:#16304f}}</style>\n"
      "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"9\" "
      "markerHeight=\"9\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"tip\" "
      "d=\"M 0 0 L 8 4 L 0 8 z\"/></marker></defs>\n";
  const auto most = static_cast<double>(most_of(traffic));
  for (std::size_t from = 0; from < traffic.size(); ++from)
    for (std::size_t to = 0; to < traffic.size(); ++to) {
      if (traffic[from][to] == 0) continue;
      const Point a = place_of(from, traffic.size());
      const Point b = place_of(to, traffic.size());
      out += curve(towards(a, b), towards(b, a),
                   0.5 + 6 * static_cast<double>(traffic[from][to]) / most);
    }
  for (std::size_t member = 0; member < traffic.size(); ++member) {
    const Point at = place_of(member, traffic.size());
    out += fmt::format(
        "<circle class=\"member\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"22\"/><text x=\"{:.1f}\" "
        "y=\"{:.1f}\">{}</text>\n",
        at.x, at.y, at.x, at.y + 5, member);
  }
  return out + "</svg>\n";
}

}  // namespace lesson
