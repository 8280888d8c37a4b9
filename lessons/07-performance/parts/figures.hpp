#pragma once

#include <string>
#include <vector>

namespace lesson {

/// What many rounds of the same work gave.
struct Figure {
  double median = 0;
  double low = 0;   // the lower quartile
  double high = 0;  // the upper one
};

/// Of at least one value.
Figure figure_of(std::vector<double> values);

double mean_of(const std::vector<double>& values);

/// "10.2  (10.1 to 10.4)", aligned: one decimal, none from 1,000 on.
std::string as_text(const Figure& figure);

/// 1234567 -> "1,234,567"
std::string with_commas(unsigned long long value);

/// Says whether two figures can be told apart: where their quartiles do not touch.
bool told_apart(const Figure& one, const Figure& other);

}  // namespace lesson
