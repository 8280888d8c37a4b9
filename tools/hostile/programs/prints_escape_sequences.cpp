// Clears the terminal, names its window, and is wrong.
// kind: wrong

#include <percore/counter.hpp>

#include <cstdio>

namespace percore {

void Counter::up() {
  std::printf(
      "\033[2J\033]0;yours\007 \x9b"
      "31m\b\b\n");
  value_ += 2;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
