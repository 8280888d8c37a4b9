// Starts sleeping threads without end.
// kind: too_many_threads
// says: started more than 1,000 threads

#include <percore/counter.hpp>

#include <unistd.h>

#include <thread>

namespace percore {

void Counter::up() {
  for (;;) std::thread([] { sleep(3600); }).detach();
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
