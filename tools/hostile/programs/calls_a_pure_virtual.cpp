// Calls a pure virtual function.
// kind: crash
// says: stopped at .*std::terminate was called

#include <percore/counter.hpp>

struct Base {
  Base() { step(); }
  void step() { do_step(); }
  virtual void do_step() = 0;
};
struct Derived : Base {
  void do_step() override {}
};

namespace percore {

void Counter::up() {
  new Derived();
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
