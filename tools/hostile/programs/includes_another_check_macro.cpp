// Its header pulls the same trick out of an included text.
// kind: tampering
// says: `up_adds_one` is not in the program
// file: counter/percore/counter.hpp

#pragma once

#pragma push_macro("PERCORE_CHECK")
#include "macro.inc"

namespace percore {

class Counter {
 public:
  void up();
  void down();
  [[nodiscard]] int value() const { return value_; }

 private:
  int value_ = 0;
};

}  // namespace percore
