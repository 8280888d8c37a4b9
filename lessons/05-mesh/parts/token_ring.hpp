#pragma once

#include <cstddef>

namespace lesson {

/// A ring of tokens over `members` executors: each token goes round so many times. Prints how many
/// hops that were, and what a hop took.
void show_ring(std::size_t members, unsigned tokens, unsigned rounds);

}  // namespace lesson
