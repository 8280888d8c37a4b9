#pragma once

namespace lesson {

// Each shows a histogram that is used wrongly, beside the right use, and says what happened.

void average_percentiles();
void short_range();
void one_digit();

}  // namespace lesson
