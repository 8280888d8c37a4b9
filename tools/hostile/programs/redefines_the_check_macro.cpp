// Its header makes every check empty.
// kind: compile_error
// says: changes a word that the checks are written with
// file: counter/percore/counter.hpp

#pragma once

#undef PERCORE_CHECK
#define PERCORE_CHECK(...) static void unused(percore::check::Run& run)

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
