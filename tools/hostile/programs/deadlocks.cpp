// Locks a mutex twice.
// kind: hang_waiting
// says: waits in futex .*counter\.cpp.*nothing will wake it

#include <percore/counter.hpp>

#include <pthread.h>

namespace percore {

void Counter::up() {
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&mutex);
  pthread_mutex_lock(&mutex);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
