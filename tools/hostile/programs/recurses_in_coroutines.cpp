// A coroutine that resumes another, without end.
// kind: crash
// says: stack overflowed

#include <percore/counter.hpp>

#include <coroutine>

struct Eager {
  struct promise_type {
    Eager get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
};

static Eager chain() {
  chain();
  co_return;
}

namespace percore {

void Counter::up() {
  chain();
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
