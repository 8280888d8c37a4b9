// Two threads lock two mutexes in opposite orders.
// kind: wrong
// says: thread 0 in a mutex that thread 1 holds

#include <percore/counter.hpp>

#include <atomic>
#include <mutex>
#include <thread>

namespace percore {

void Counter::up() {
  std::mutex first, second;
  std::atomic<int> holding = 0;
  const auto lock_both = [&](std::mutex& one, std::mutex& other) {
    const std::scoped_lock held(one);
    ++holding;
    while (holding < 2) std::this_thread::yield();
    const std::scoped_lock both(other);
  };
  std::thread thread([&] { lock_both(second, first); });
  lock_both(first, second);
  thread.join();
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
