#pragma once

// The functions of the C library that threads.cpp puts its own in front of, as they are without
// the simulation: the sanitizer's where there is one, else the library's.

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <time.h>

namespace percore::sim {

struct SystemCalls {
  long (*syscall)(long number, ...);
  decltype(&::pthread_create) pthread_create;
  decltype(&::pthread_join) pthread_join;
  decltype(&::pthread_detach) pthread_detach;
  decltype(&::pthread_mutex_lock) pthread_mutex_lock;
  decltype(&::pthread_mutex_trylock) pthread_mutex_trylock;
  decltype(&::pthread_mutex_timedlock) pthread_mutex_timedlock;
  decltype(&::pthread_mutex_clocklock) pthread_mutex_clocklock;
  decltype(&::pthread_mutex_unlock) pthread_mutex_unlock;
  decltype(&::pthread_cond_wait) pthread_cond_wait;
  decltype(&::pthread_cond_timedwait) pthread_cond_timedwait;
  decltype(&::pthread_cond_clockwait) pthread_cond_clockwait;
  decltype(&::pthread_cond_signal) pthread_cond_signal;
  decltype(&::pthread_cond_broadcast) pthread_cond_broadcast;
  decltype(&::pthread_rwlock_rdlock) pthread_rwlock_rdlock;
  decltype(&::pthread_rwlock_tryrdlock) pthread_rwlock_tryrdlock;
  decltype(&::pthread_rwlock_wrlock) pthread_rwlock_wrlock;
  decltype(&::pthread_rwlock_trywrlock) pthread_rwlock_trywrlock;
  decltype(&::pthread_rwlock_unlock) pthread_rwlock_unlock;
  decltype(&::sem_wait) sem_wait;
  decltype(&::sem_trywait) sem_trywait;
  decltype(&::sem_timedwait) sem_timedwait;
  decltype(&::sem_clockwait) sem_clockwait;
  decltype(&::sem_post) sem_post;
  decltype(&::sched_yield) sched_yield;
  decltype(&::nanosleep) nanosleep;
  decltype(&::clock_nanosleep) clock_nanosleep;
  decltype(&::clock_gettime) clock_gettime;
};

const SystemCalls& system_calls() noexcept;

}  // namespace percore::sim
