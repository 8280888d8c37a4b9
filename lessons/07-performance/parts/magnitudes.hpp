#pragma once

namespace lesson {

/// Measures what a runtime is made of, and prints each with its power of ten.
void show_magnitudes();

}  // namespace lesson
