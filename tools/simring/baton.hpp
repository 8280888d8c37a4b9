#pragma once

// Threads under a baton: of the threads that take part exactly one runs, and it hands over where
// it would block and, as the seed has it, at preemption points. So a program with threads is the
// same run again for the same seed.
//
//   baton.cpp    who runs next, handing over, sleeping, the end of all progress
//   threads.cpp  the C library's functions that block or wake, as the program sees them
//
// All of it is called with the simulation's lock held. Numbers of threads, not their addresses,
// decide everything.

#include <pthread.h>

#include <memory>
#include <string>
#include <vector>

#include "state.hpp"

namespace percore::sim {

// What a thread waits in. The names are in baton.cpp.
enum class Place : std::uint8_t {
  nowhere,
  ring,
  mutex,
  condition,
  futex,
  semaphore,
  lock,
  join,
  sleep,
  descriptor
};

struct Wait {
  Place place = Place::nowhere;
  const void* object = nullptr;  // compared, never followed, never part of the record's hash
  Nanoseconds deadline = std::numeric_limits<Nanoseconds>::max();
  unsigned wanted = 0;       // of a ring: completions
  std::uint32_t bits = ~0u;  // of a futex: FUTEX_WAIT_BITSET
  int fd = -1;               // of a descriptor
  short events = 0;
};

enum class Wake : std::uint8_t {
  event,
  deadline,
  dead_end,  // nothing could ever have woken it; told already
};

struct Thread {
  enum class State : std::uint8_t { ready, blocked, ended };

  unsigned number = 0;  // in the order of their start; 0 began the run
  int turn = 0;         // the futex: 1 = this thread has the baton
  State state = State::ready;
  Wait wait;
  Wake wake = Wake::event;
  Nanoseconds since = 0;          // blocked since
  Nanoseconds stalled_until = 0;  // its core does not run it before
  std::uint64_t points = 0;       // preemption points it has passed
  std::uint64_t choices = 0;      // others that it made
  bool abandoned = false;         // its run is over: it never runs again
  bool detached = false, joined = false;
  pthread_t handle{};
  int system_number = 0;  // gettid
  void* (*function)(void*) = nullptr;
  void* argument = nullptr;
  Probe probe;                // as set_ready_probe has it
  std::vector<Probe> queues;  // as add_queue_probe has it
  bool wakeup_told = false;   // since it fell asleep
  // Moments: when it started, woke or unlocked anything, waited for or locked anything.
  std::uint64_t started = 0, released = 0, acquired = 0;
};

/// This thread, or nullptr where it takes no part: begun before the run, or outside of one.
Thread* current_thread() noexcept;
Thread* thread_numbered(std::uint32_t number) noexcept;
const Thread* thread_asleep_in(const Ring& ring) noexcept;
const std::vector<Thread*>& living_threads() noexcept;
/// Counts what the threads tell one another, to see a ring handed over.
std::uint64_t next_moment() noexcept;
void note_release() noexcept;
void note_acquire() noexcept;
/// True when another thread of the run is alive: only then anything here decides anything.
bool has_company() noexcept;

/// True before the first thread, and between runs.
bool nobody_takes_part() noexcept;

/// The threads of a new run: none but this one. Those of the old one never run again.
void start_threads();
/// Tells of those still there.
void end_threads();

/// Gives `thread` a number and a place in the run. It runs when its turn comes.
Thread& add_thread();
void remove_thread(const Thread& thread);
Thread* find_thread(pthread_t handle) noexcept;
/// In a new thread: waits for its first turn.
void await_first_turn(Thread& thread);
/// In an ending thread, after its last destructor.
void end_thread();

/// Blocks this thread; others run, or the time passes.
Wake block(const Wait& wait);
/// Makes up to `count` threads ready that wait in `place` for `object`, oldest first.
/// Returns  how many.
unsigned wake_waiting(Place place, const void* object, unsigned count, std::uint32_t bits = ~0u);
/// Takes the lock itself; where nobody waits, it only notes that this thread gave something up.
bool anybody_waits(Place place, const void* object);
/// The seed may hand over here. `spins`: this thread waits for another one and says so.
void maybe_hand_over(bool spins = false);

/// In a blocking call on `fd`, until it has any of `events`. False where it never will.
bool wait_for_descriptor(int fd, short events);

/// In io_uring_enter: until the ring has something, or the deadline. -ETIME, -EDEADLK, -EBADF.
int sleep_in_ring(Ring& ring, Nanoseconds deadline, unsigned wanted);

/// "thread 1 in io_uring_enter on ring 2 for 1 completion, since 12.50 us", for all but the ended.
std::string who_sleeps_where();

/// Where threads and system calls are virtual: in a run, or when there are threads in a friendly
/// session.
bool simulates_time() noexcept;

}  // namespace percore::sim
