#include "system_calls.hpp"

#include <dlfcn.h>

#include <cstdlib>

// A statically linked sanitizer is not found by dlsym(RTLD_NEXT), but names its own versions so.
// clang-format off: it does not agree with itself about this list
#define PERCORE_EACH(X) \
  X(pthread_create) X(pthread_join) X(pthread_detach) X(pthread_mutex_lock)                      \
  X(pthread_mutex_trylock) X(pthread_mutex_timedlock) X(pthread_mutex_clocklock)                 \
  X(pthread_mutex_unlock) X(pthread_cond_wait) X(pthread_cond_timedwait)                         \
  X(pthread_cond_clockwait) X(pthread_cond_signal) X(pthread_cond_broadcast)                     \
  X(pthread_rwlock_rdlock) X(pthread_rwlock_tryrdlock) X(pthread_rwlock_wrlock)                  \
  X(pthread_rwlock_trywrlock) X(pthread_rwlock_unlock) X(sem_wait) X(sem_trywait)                \
  X(sem_timedwait) X(sem_clockwait) X(sem_post) X(sched_yield) X(nanosleep) X(clock_nanosleep)   \
  X(clock_gettime) X(syscall)
// clang-format on

#define PERCORE_INTERCEPTOR(name) extern "C" void __interceptor_##name() __attribute__((weak));
PERCORE_EACH(PERCORE_INTERCEPTOR)

namespace percore::sim {

namespace {

constinit SystemCalls table{};
constinit bool all_found = false;

template <typename Function>
void find(Function& out, void (*sanitizers)(), const char* name) noexcept {
  out = sanitizers != nullptr ? reinterpret_cast<Function>(sanitizers)
                              : reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

}  // namespace

// Two threads that find the same at the same time write the same.
const SystemCalls& system_calls() noexcept {
  if (__atomic_load_n(&all_found, __ATOMIC_ACQUIRE)) return table;
#define PERCORE_FIND(name) find(table.name, &__interceptor_##name, #name);
  PERCORE_EACH(PERCORE_FIND)
#undef PERCORE_FIND
  __atomic_store_n(&all_found, true, __ATOMIC_RELEASE);
  return table;
}

}  // namespace percore::sim
