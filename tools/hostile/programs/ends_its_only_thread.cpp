// Ends the main thread, which is the only one.
// kind: early_exit
// says: ended with exit status 0 before the check was done

#include <percore/counter.hpp>

#include <pthread.h>

namespace percore {

void Counter::up() {
  pthread_exit(nullptr);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
