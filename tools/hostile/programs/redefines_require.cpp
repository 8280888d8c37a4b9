// Its header makes `require` hold always.
// kind: compile_error
// says: counter\.hpp:\d+: #define require.* changes a word
// file: counter/percore/counter.hpp

#pragma once

#define require(held, ...) require(true, __VA_ARGS__)

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
