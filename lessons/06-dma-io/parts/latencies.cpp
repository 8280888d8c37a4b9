#include "latencies.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace lesson {
namespace {

struct Scale {
  double least, most;  // powers of two
  double place(double value, double length) const {
    return length * (std::log2(value) - std::log2(least)) / (std::log2(most) - std::log2(least));
  }
};

double power_below(double value) {
  return std::exp2(std::floor(std::log2(std::max(value, 1.0))));
}
double power_above(double value) {
  return std::exp2(std::ceil(std::log2(std::max(value, 2.0))));
}

Scale latency_scale(const std::vector<AtDepth>& all) {
  double least = 1e12, most = 1;
  for (const AtDepth& one : all) {
    least = std::min(least, one.p50_us);
    most = std::max(most, one.p999_us);
  }
  return {power_below(least * 0.9), power_above(most * 1.1)};
}

std::string duration(double us) {
  return us < 1000 ? fmt::format("{:.0f} us", us) : fmt::format("{:.3g} ms", us / 1000);
}

constexpr double left = 70, top = 50, width = 380, height = 240, right = 560, narrow = 230;

template <typename Value>
std::string line_of(const std::vector<AtDepth>& all, const char* style, Value place) {
  std::string points;
  for (const AtDepth& one : all) {
    const auto [x, y] = place(one);
    points += fmt::format("{:.1f},{:.1f} ", x, y);
  }
  return fmt::format("<polyline class=\"{}\" points=\"{}\"/>\n", style, points);
}

std::string axis(double from, double length, const std::vector<AtDepth>& all) {
  std::string out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const double x = from + length * static_cast<double>(i) / static_cast<double>(all.size() - 1);
    out += fmt::format("<text class=\"middle\" x=\"{:.1f}\" y=\"{}\">{}</text>\n", x,
                       top + height + 20, all[i].depth);
  }
  return out + fmt::format("<text class=\"middle\" x=\"{:.1f}\" y=\"{}\">reads at once</text>\n",
                           from + length / 2, top + height + 42);
}

}  // namespace

double percentile(const std::vector<double>& sorted, double percent) {
  if (sorted.empty()) return 0;
  const double rank = std::ceil(percent / 100 * static_cast<double>(sorted.size()));
  return sorted[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

std::string as_plot(const std::vector<AtDepth>& all) {
  constexpr double columns = 56;
  const Scale scale = latency_scale(all);
  std::string out;
  for (const AtDepth& one : all) {
    std::string line(static_cast<std::size_t>(columns) + 1, ' ');
    const auto at = [&](double us) {
      return static_cast<std::size_t>(std::clamp(scale.place(us, columns), 0.0, columns));
    };
    std::fill(line.begin() + static_cast<std::ptrdiff_t>(at(one.p50_us)),
              line.begin() + static_cast<std::ptrdiff_t>(at(one.p99_us)) + 1, '=');
    line[at(one.p999_us)] = '>';
    line[at(one.p99_us)] = '9';
    line[at(one.p90_us)] = '+';
    line[at(one.p50_us)] = '5';
    out += fmt::format("{:>6} |{}\n", one.depth, line.substr(0, line.find_last_not_of(' ') + 1));
  }
  std::string marks(static_cast<std::size_t>(columns) + 12, ' ');
  for (double us = scale.least; us <= scale.most; us *= 4) {
    const std::string word = duration(us);
    marks.replace(static_cast<std::size_t>(scale.place(us, columns)), word.size(), word);
  }
  out += "  depth  " + marks.substr(0, marks.find_last_not_of(' ') + 1) + "\n";
  return out + "         5 half of the reads took no longer   + 90 %   9 99 %   > 99.9 %\n";
}

std::string as_svg(const std::vector<AtDepth>& all) {
  const Scale scale = latency_scale(all);
  double most_reads = 1;
  for (const AtDepth& one : all) most_reads = std::max(most_reads, one.reads_per_second);
  std::string out =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 820 350\" role=\"img\" "
      "aria-label=\"latency and throughput of random reads over their depth\">\n"
      "<style>svg{color:#1f2328;background:#fff}text{font:13px sans-serif;fill:currentColor}"
      ".title{font-weight:bold}.middle{text-anchor:middle}.end{text-anchor:end}"
      ".grid{stroke:#d0d0ca;stroke-width:1}"
      ".a,.b,.c,.d,.r{fill:none;stroke-width:2.2;stroke-linejoin:round}"
      ".a{stroke:#2a6db0}.b{stroke:#1b7f5c}.c{stroke:#b8651b}.d{stroke:#a33a5a}.r{stroke:#2a6db0}"
      "@media (prefers-color-scheme:dark){svg{color:#e6edf3;background:#0d1117}"
      ".grid{stroke:#3a3f45}.a,.r{stroke:#6fb1f0}.b{stroke:#5ec9a0}.c{stroke:#f0a860}"
      ".d{stroke:#ef8aa8}}</style>\n";
  out += fmt::format("<text class=\"title\" x=\"{}\" y=\"28\">how long a read took</text>\n", left);
  out += fmt::format("<text class=\"title\" x=\"{}\" y=\"28\">reads a second</text>\n", right);
  const auto y_of = [&](double us) { return top + height - scale.place(us, height); };
  for (double us = scale.least; us <= scale.most; us *= 2)
    out += fmt::format(
        "<path class=\"grid\" d=\"M {} {:.1f} h {}\"/><text class=\"end\" x=\"{}\" "
        "y=\"{:.1f}\">{}</text>\n",
        left, y_of(us), width, left - 8, y_of(us) + 4, duration(us));
  for (int quarter = 0; quarter <= 4; ++quarter) {
    const double y = top + height - height * quarter / 4;
    out += fmt::format(
        "<path class=\"grid\" d=\"M {} {:.1f} h {}\"/><text class=\"end\" x=\"{}\" "
        "y=\"{:.1f}\">{:.0f} k</text>\n",
        right, y, narrow, right - 8, y + 4, most_reads * quarter / 4 / 1000);
  }
  const auto x_of = [&](const AtDepth& one, double from, double length) {
    const auto number = static_cast<double>(&one - all.data());
    return from + length * number / static_cast<double>(all.size() - 1);
  };
  struct Curve {
    const char *style, *name;
    double AtDepth::* value;
  };
  constexpr Curve curves[] = {{"a", "p50", &AtDepth::p50_us},
                              {"b", "p90", &AtDepth::p90_us},
                              {"c", "p99", &AtDepth::p99_us},
                              {"d", "p99.9", &AtDepth::p999_us}};
  double name_above = top + height + 15;  // names keep a line's distance from one another
  for (const Curve& curve : curves) {
    out += line_of(all, curve.style, [&](const AtDepth& one) {
      return std::pair(x_of(one, left, width), y_of(one.*curve.value));
    });
    name_above = std::min(name_above - 15, y_of(all.back().*curve.value) + 4);
    out += fmt::format("<text x=\"{}\" y=\"{:.1f}\">{}</text>\n", left + width + 6, name_above,
                       curve.name);
  }
  out += line_of(all, "r", [&](const AtDepth& one) {
    return std::pair(x_of(one, right, narrow),
                     top + height - height * one.reads_per_second / most_reads);
  });
  return out + axis(left, width, all) + axis(right, narrow, all) + "</svg>\n";
}

}  // namespace lesson
