// The C library's functions that make, join, block or wake threads, and those that tell or pass
// the time, in front of the library's own. For a thread that takes part in the simulation they hand
// the baton over and use the virtual clock; for every other thread, and within the simulation, they
// are the library's.
//
// Mutexes are really taken, by attempts, so that their state is true and a sanitizer sees them;
// condition variables and futexes are lists of waiting threads here.

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdlib>

#include "baton.hpp"
#include "system_calls.hpp"

namespace percore::sim {

namespace {

// CLOCK_REALTIME less the virtual clock: a moment in 2026.
constexpr Nanoseconds epoch_nanoseconds = 1'770'000'000'000'000'000;
constexpr Nanoseconds call_cost_nanoseconds = 60;

// With nobody else, nobody in the simulation could wake us: the library's own way.
bool with_company() noexcept {
  return !inside_simulation() && has_company();
}

bool is_virtual(clockid_t clock) noexcept {
  return clock == CLOCK_MONOTONIC || clock == CLOCK_REALTIME || clock == CLOCK_BOOTTIME ||
         clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_MONOTONIC_COARSE ||
         clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
}

Nanoseconds offset_of(clockid_t clock) noexcept {
  const bool calendar =
      clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
  return calendar ? epoch_nanoseconds : 0;
}

Nanoseconds nanoseconds_of(const timespec& time) noexcept {
  constexpr std::int64_t seconds_max = never / 2 / 1'000'000'000;
  if (time.tv_sec > seconds_max) return never;
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

// A point on the virtual clock.
Nanoseconds deadline_of(clockid_t clock, const timespec* time) noexcept {
  if (time == nullptr) return never;
  const Nanoseconds point = nanoseconds_of(*time);
  return point == never ? never : point - offset_of(clock);
}

timespec timespec_of(Nanoseconds time) noexcept {
  return {.tv_sec = time / 1'000'000'000, .tv_nsec = time % 1'000'000'000};
}

// What the program sees of errno is what the function itself says.
class ThreadCall {
 public:
  ThreadCall() : saved_(errno), call_(call_cost_nanoseconds) {}
  ~ThreadCall() { errno = saved_; }
  ThreadCall(const ThreadCall&) = delete;
  ThreadCall& operator=(const ThreadCall&) = delete;

 private:
  int saved_;
  Call call_;
};

void at_thread_end(void* thread) {
  if (current_thread() != thread) return;
  const Call call;
  end_thread();
}

// Its destructor runs after those of all thread_local objects: the last word of a thread.
pthread_key_t end_key() noexcept {
  static const pthread_key_t key = [] {
    pthread_key_t made;
    if (pthread_key_create(&made, at_thread_end) != 0) std::abort();
    return made;
  }();
  return key;
}

void* run_thread(void* raw) {
  auto& thread = *static_cast<Thread*>(raw);
  await_first_turn(thread);
  pthread_setspecific(end_key(), &thread);
  return thread.function(thread.argument);
}

int create(pthread_t* handle, const pthread_attr_t* attributes, void* (*function)(void*),
           void* argument) {
  end_key();
  Thread* thread = nullptr;
  {
    const ThreadCall call;
    thread = &add_thread();
    thread->function = function;
    thread->argument = argument;
    int detach_state = PTHREAD_CREATE_JOINABLE;
    if (attributes != nullptr) pthread_attr_getdetachstate(attributes, &detach_state);
    thread->detached = detach_state == PTHREAD_CREATE_DETACHED;
  }
  // The new thread waits for its turn, which only this one can give.
  const int result = system_calls().pthread_create(handle, attributes, run_thread, thread);
  const ThreadCall call;
  if (result != 0) {
    remove_thread(*thread);
    return result;
  }
  thread->handle = *handle;
  maybe_hand_over();
  return 0;
}

int join(Thread& thread, pthread_t handle, void** result) {
  {
    const ThreadCall call;
    if (thread.abandoned) {  // it never runs again, so it will never end
      thread.joined = true;
      if (result != nullptr) *result = nullptr;
      return system_calls().pthread_detach(handle);
    }
    while (thread.state != Thread::State::ended) block({.place = Place::join, .object = &thread});
    thread.joined = true;
  }
  return system_calls().pthread_join(handle, result);
}

template <typename Attempt>
int lock_by_attempts(Place place, const void* object, Nanoseconds deadline, Attempt attempt) {
  if (session().options.preempt_at_locks) {
    const ThreadCall call;
    maybe_hand_over();
  }
  for (;;) {
    const int result = attempt();
    // Nothing else where the lock is free: whether a library takes one may depend on the runs
    // before this one, whose memory it uses again.
    if (result == 0) {
      const std::lock_guard lock(mutex());
      note_acquire();
    }
    if (result != EBUSY) return result;
    const ThreadCall call;
    if (block({.place = place, .object = object, .deadline = deadline}) == Wake::deadline)
      return ETIMEDOUT;
  }
}

int lock_mutex(pthread_mutex_t* mutex, Nanoseconds deadline) {
  return lock_by_attempts(Place::mutex, mutex, deadline,
                          [=] { return system_calls().pthread_mutex_trylock(mutex); });
}

void unlocked(Place place, const void* object) {
  if (!session().options.preempt_at_locks && !anybody_waits(place, object)) return;
  const ThreadCall call;
  wake_waiting(place, object, std::numeric_limits<unsigned>::max());
  if (session().options.preempt_at_locks) maybe_hand_over();
}

int wait_for_condition(pthread_cond_t* condition, pthread_mutex_t* mutex, Nanoseconds deadline) {
  int result = 0;
  // With the baton in hand nobody else runs between the unlock and the wait.
  if (const int unlocked = system_calls().pthread_mutex_unlock(mutex); unlocked != 0)
    return unlocked;
  {
    const ThreadCall call;
    wake_waiting(Place::mutex, mutex, std::numeric_limits<unsigned>::max());
    if (block({.place = Place::condition, .object = condition, .deadline = deadline}) ==
        Wake::deadline)
      result = ETIMEDOUT;
  }
  const int locked = lock_mutex(mutex, never);
  return locked != 0 ? locked : result;
}

int wake_condition(pthread_cond_t* condition, unsigned count) {
  const ThreadCall call;
  wake_waiting(Place::condition, condition, count);
  maybe_hand_over();
  return 0;
}

// sem_t is a counter; taking is by attempts, as with mutexes.
int wait_for_semaphore(sem_t* semaphore, Nanoseconds deadline) {
  for (;;) {
    if (system_calls().sem_trywait(semaphore) == 0) return 0;
    if (errno != EAGAIN) return -1;
    Wake wake;
    {
      const ThreadCall call;
      wake = block({.place = Place::semaphore, .object = semaphore, .deadline = deadline});
    }
    if (wake == Wake::event) continue;
    errno = wake == Wake::deadline ? ETIMEDOUT : EINTR;
    return -1;
  }
}

void posted(sem_t* semaphore) {
  const ThreadCall call;
  wake_waiting(Place::semaphore, semaphore, 1);
  maybe_hand_over();
}

struct FutexArguments {
  const int* word;
  int operation;
  int value;
  const timespec* timeout;
  std::uint32_t bits;

  explicit FutexArguments(const long* values)
      : word(reinterpret_cast<const int*>(values[0])),
        operation(static_cast<int>(values[1])),
        value(static_cast<int>(values[2])),
        timeout(reinterpret_cast<const timespec*>(values[3])),
        bits(static_cast<std::uint32_t>(values[5])) {}
};

long wait_for_futex(const FutexArguments& futex, std::uint32_t bits, Nanoseconds deadline) {
  Wake wake;
  {
    const ThreadCall call;
    maybe_hand_over();
    if (__atomic_load_n(futex.word, __ATOMIC_SEQ_CST) != futex.value) {
      wake = Wake::dead_end;
    } else {
      wake =
          block({.place = Place::futex, .object = futex.word, .deadline = deadline, .bits = bits});
      if (wake == Wake::event) return 0;
      if (wake == Wake::dead_end) return 0;  // spurious, as it may be
    }
  }
  errno = wake == Wake::deadline ? ETIMEDOUT : EAGAIN;
  return -1;
}

long wake_futex(const FutexArguments& futex, std::uint32_t bits) {
  const ThreadCall call;
  const unsigned count = futex.value < 0 ? 0 : static_cast<unsigned>(futex.value);
  const unsigned woken = wake_waiting(Place::futex, futex.word, count, bits);
  maybe_hand_over();
  return woken;
}

Nanoseconds futex_deadline(const FutexArguments& futex) {
  if (futex.timeout == nullptr) return never;
  if ((futex.operation & FUTEX_CMD_MASK) == FUTEX_WAIT)
    return time_nanoseconds() + nanoseconds_of(*futex.timeout);
  const bool calendar = (futex.operation & FUTEX_CLOCK_REALTIME) != 0;
  return deadline_of(calendar ? CLOCK_REALTIME : CLOCK_MONOTONIC, futex.timeout);
}

// Returns  false when it is none of the operations that wait or wake.
bool simulate_futex(const long* values, long& result) {
  const FutexArguments futex(values);
  constexpr std::uint32_t any = ~0u;
  switch (futex.operation & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
      result = wait_for_futex(futex, any, futex_deadline(futex));
      return true;
    case FUTEX_WAIT_BITSET:
      result = wait_for_futex(futex, futex.bits, futex_deadline(futex));
      return true;
    case FUTEX_WAKE:
      result = wake_futex(futex, any);
      return true;
    case FUTEX_WAKE_BITSET:
      result = wake_futex(futex, futex.bits);
      return true;
    default:
      return false;
  }
}

void sleep_until(Nanoseconds deadline) {
  const ThreadCall call;
  Session& now = session();
  if (has_company()) {
    block({.place = Place::sleep, .deadline = deadline});
    return;
  }
  while (now.clock < deadline) {
    now.clock = std::min(deadline, std::max(now.clock, now.next_due));
    if (now.next_due <= now.clock) perform_due();
  }
}

void sleep_for(const timespec& time) {
  const Nanoseconds length = nanoseconds_of(time);
  sleep_until(length == never ? never : time_nanoseconds() + length);
}

void tell_time(clockid_t clock, timespec& out) {
  constexpr Nanoseconds look_cost_nanoseconds = 20;
  const Call call(look_cost_nanoseconds);
  maybe_hand_over();
  out = timespec_of(session().clock + offset_of(clock));
}

// True where a new thread gets its turns from the baton: its maker does, or it is the first of a
// program that never called begin().
bool joins_simulation() {
  if (inside_simulation()) return false;
  if (current_thread() != nullptr) return true;
  const std::lock_guard lock(mutex());
  return !session().begun && nobody_takes_part();
}

Thread* thread_to_join(pthread_t handle) {
  if (inside_simulation()) return nullptr;
  const std::lock_guard lock(mutex());
  Thread* const thread = find_thread(handle);
  const bool ours = thread != nullptr && (thread->abandoned || current_thread() != nullptr);
  return ours ? thread : nullptr;
}

bool is_virtual_here(clockid_t clock) noexcept {
  return is_virtual(clock) && !inside_simulation() && simulates_time();
}

}  // namespace

void preemption_point() noexcept {
  if (!with_company()) return;
  const ThreadCall call;
  maybe_hand_over();
}

}  // namespace percore::sim

using percore::sim::deadline_of;
using percore::sim::Place;
using percore::sim::system_calls;
using percore::sim::ThreadCall;
using percore::sim::with_company;

extern "C" {

int pthread_create(pthread_t* handle, const pthread_attr_t* attributes, void* (*function)(void*),
                   void* argument) noexcept {
  if (!percore::sim::joins_simulation())
    return system_calls().pthread_create(handle, attributes, function, argument);
  return percore::sim::create(handle, attributes, function, argument);
}

int pthread_join(pthread_t handle, void** result) {
  percore::sim::Thread* const thread = percore::sim::thread_to_join(handle);
  if (thread == nullptr) return system_calls().pthread_join(handle, result);
  return percore::sim::join(*thread, handle, result);
}

int pthread_detach(pthread_t handle) noexcept {
  percore::sim::Thread* const thread = percore::sim::thread_to_join(handle);
  if (thread != nullptr) thread->detached = true;
  return system_calls().pthread_detach(handle);
}

int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  if (!with_company()) return system_calls().pthread_mutex_lock(mutex);
  return percore::sim::lock_mutex(mutex, percore::sim::never);
}

int pthread_mutex_timedlock(pthread_mutex_t* mutex, const timespec* time) noexcept {
  if (!with_company()) return system_calls().pthread_mutex_timedlock(mutex, time);
  return percore::sim::lock_mutex(mutex, deadline_of(CLOCK_REALTIME, time));
}

int pthread_mutex_clocklock(pthread_mutex_t* mutex, clockid_t clock,
                            const timespec* time) noexcept {
  if (!with_company()) return system_calls().pthread_mutex_clocklock(mutex, clock, time);
  return percore::sim::lock_mutex(mutex, deadline_of(clock, time));
}

int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept {
  const int result = system_calls().pthread_mutex_unlock(mutex);
  if (result == 0 && with_company()) percore::sim::unlocked(Place::mutex, mutex);
  return result;
}

int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  if (!with_company()) return system_calls().pthread_cond_wait(condition, mutex);
  return percore::sim::wait_for_condition(condition, mutex, percore::sim::never);
}

int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                           const timespec* time) {
  if (!with_company()) return system_calls().pthread_cond_timedwait(condition, mutex, time);
  return percore::sim::wait_for_condition(condition, mutex, deadline_of(CLOCK_REALTIME, time));
}

int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                           const timespec* time) {
  if (!with_company()) return system_calls().pthread_cond_clockwait(condition, mutex, clock, time);
  return percore::sim::wait_for_condition(condition, mutex, deadline_of(clock, time));
}

int pthread_cond_signal(pthread_cond_t* condition) noexcept {
  if (!with_company()) return system_calls().pthread_cond_signal(condition);
  return percore::sim::wake_condition(condition, 1);
}

int pthread_cond_broadcast(pthread_cond_t* condition) noexcept {
  if (!with_company()) return system_calls().pthread_cond_broadcast(condition);
  return percore::sim::wake_condition(condition, std::numeric_limits<unsigned>::max());
}

int pthread_rwlock_rdlock(pthread_rwlock_t* lock) noexcept {
  if (!with_company()) return system_calls().pthread_rwlock_rdlock(lock);
  return percore::sim::lock_by_attempts(Place::lock, lock, percore::sim::never, [=] {
    return system_calls().pthread_rwlock_tryrdlock(lock);
  });
}

int pthread_rwlock_wrlock(pthread_rwlock_t* lock) noexcept {
  if (!with_company()) return system_calls().pthread_rwlock_wrlock(lock);
  return percore::sim::lock_by_attempts(Place::lock, lock, percore::sim::never, [=] {
    return system_calls().pthread_rwlock_trywrlock(lock);
  });
}

int pthread_rwlock_unlock(pthread_rwlock_t* lock) noexcept {
  const int result = system_calls().pthread_rwlock_unlock(lock);
  if (result == 0 && with_company()) percore::sim::unlocked(Place::lock, lock);
  return result;
}

int sem_wait(sem_t* semaphore) {
  if (!with_company()) return system_calls().sem_wait(semaphore);
  return percore::sim::wait_for_semaphore(semaphore, percore::sim::never);
}

int sem_timedwait(sem_t* semaphore, const timespec* time) {
  if (!with_company()) return system_calls().sem_timedwait(semaphore, time);
  return percore::sim::wait_for_semaphore(semaphore, deadline_of(CLOCK_REALTIME, time));
}

int sem_clockwait(sem_t* semaphore, clockid_t clock, const timespec* time) {
  if (!with_company()) return system_calls().sem_clockwait(semaphore, clock, time);
  return percore::sim::wait_for_semaphore(semaphore, deadline_of(clock, time));
}

int sem_post(sem_t* semaphore) noexcept {
  const int result = system_calls().sem_post(semaphore);
  if (result == 0 && with_company()) percore::sim::posted(semaphore);
  return result;
}

int sched_yield() noexcept {
  if (!with_company()) return system_calls().sched_yield();
  const ThreadCall call;
  percore::sim::maybe_hand_over(true);
  return 0;
}

int nanosleep(const timespec* time, timespec* left) {
  if (!percore::sim::is_virtual_here(CLOCK_MONOTONIC)) return system_calls().nanosleep(time, left);
  percore::sim::sleep_for(*time);
  return 0;
}

int clock_nanosleep(clockid_t clock, int flags, const timespec* time, timespec* left) {
  if (!percore::sim::is_virtual_here(clock))
    return system_calls().clock_nanosleep(clock, flags, time, left);
  if ((flags & TIMER_ABSTIME) == 0) {
    percore::sim::sleep_for(*time);
  } else {
    percore::sim::sleep_until(deadline_of(clock, time));
  }
  return 0;
}

int usleep(useconds_t microseconds) {
  const timespec time{.tv_sec = microseconds / 1'000'000,
                      .tv_nsec = static_cast<long>(microseconds % 1'000'000) * 1000};
  return nanosleep(&time, nullptr);
}

unsigned sleep(unsigned seconds) {
  const timespec time{.tv_sec = seconds, .tv_nsec = 0};
  timespec left{};
  return nanosleep(&time, &left) == 0 ? 0 : static_cast<unsigned>(left.tv_sec);
}

int clock_gettime(clockid_t clock, timespec* out) noexcept {
  if (!percore::sim::is_virtual_here(clock)) return system_calls().clock_gettime(clock, out);
  percore::sim::tell_time(clock, *out);
  return 0;
}

long syscall(long number, ...) noexcept {
  va_list list;
  va_start(list, number);
  long values[6];
  for (long& value : values) value = va_arg(list, long);
  va_end(list);
  long result = 0;
  if (number == SYS_futex && with_company() && percore::sim::simulate_futex(values, result))
    return result;
  return system_calls().syscall(number, values[0], values[1], values[2], values[3], values[4],
                                values[5]);
}

}  // extern "C"
