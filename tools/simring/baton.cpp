#include "baton.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "system_calls.hpp"

namespace percore::sim {

namespace {

constexpr unsigned spins_without_switch_max = 64;  // then a spinning thread hands over in any case
constexpr unsigned spin_percent_min = 50;
constexpr unsigned dead_ends_max = 100;
// A switch's number: how many points its thread had passed, and which thread. 0 = a forced one.
constexpr unsigned switch_thread_bits = 12;
constexpr std::uint64_t forced = 0;

struct Baton {
  std::vector<std::unique_ptr<Thread>> threads;    // of this run, by number
  std::vector<Thread*> living;                     // of these, by number
  std::vector<std::unique_ptr<Thread>> abandoned;  // of earlier runs: parked for ever
  unsigned spins = 0;                              // of the holder in a row, without a switch
  unsigned idle_spins = 0;  // of all threads, without anything else happening
  unsigned dead_ends = 0;
  std::uint64_t moments = 0;
  const Thread* holder = nullptr;
  std::uint64_t handovers = 1, kept_told = 0;  // the handover after which that was told
  std::size_t spins_seen_events = 0;
};

Baton& baton() noexcept {
  alignas(Baton) static unsigned char memory[sizeof(Baton)];  // never destroyed, as the session
  static Baton& only = *new (memory) Baton;
  return only;
}

thread_local Thread* self = nullptr;

const char* const place_words[] = {
    "running",          "io_uring_enter",        "a mutex",        "a condition variable",
    "an atomic's wait", "a semaphore",           "a shared mutex", "pthread_join",
    "a sleep",          "a call on a descriptor"};

enum class Question : std::uint64_t { whether, to_whom, next, stall, woken };

// What the seed says of a thread's point or choice. No stream of draws: one that shrinking leaves
// out leaves all others as they were.
Random ask_seed(const Thread& thread, std::uint64_t count, Question question) {
  Random random{session().options.seed ^ 0x5C4ED};
  random.state ^= random.next() + thread.number;
  random.state ^= random.next() + count;
  random.state ^= random.next() + static_cast<std::uint64_t>(question);
  return random;
}

void give_turn(Thread& thread) noexcept {
  __atomic_store_n(&thread.turn, 1, __ATOMIC_SEQ_CST);
  futex_wake(thread.turn, 1);
}

// Who waits for the baton looks now and then at who has it: the only thing here that real time
// decides, and only whether a run that stands still is told why.
struct Watch {
  std::uint64_t handovers = 0;
  unsigned long ticks = 0;  // of processor time, at the last look
  unsigned long ticks_at_first = 0;
  unsigned asleep = 0;  // looks in a row that found it asleep, and nothing done since
};

bool read_state(int thread, char& state, unsigned long& ticks) noexcept {
  char path[48], text[512];
  std::snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread);
  std::FILE* const file = std::fopen(path, "re");
  if (file == nullptr) return false;
  const std::size_t length = std::fread(text, 1, sizeof text - 1, file);
  std::fclose(file);
  text[length] = '\0';
  const char* const rest = std::strrchr(text, ')');
  unsigned long user = 0, system = 0;
  if (rest == nullptr || std::sscanf(rest, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                                     &state, &user, &system) != 3)
    return false;
  ticks = user + system;
  return true;
}

void tell_who_keeps_it(const Thread& holder, bool sleeps) {
  const std::string who = "thread " + std::to_string(holder.number);
  violate(sleeps ? Rule::blocks_outside : Rule::spins_for_ever, 0,
          sleeps ? who +
                       " sleeps in a call that is not simulated, and no other thread can run; read "
                       "and wait through the ring, or make the descriptor non-blocking"
                 : who +
                       " has computed for ten seconds without letting another thread run; if it "
                       "waits for one, call cpu_relax() in the loop, or sleep in the ring");
}

void look_at_holder(const Thread& waiting, Watch& watch) {
  constexpr unsigned looks_asleep = 4;
  if (!mutex().try_lock()) return;  // it is inside the simulation: it does something
  const std::lock_guard adopted(mutex());
  mutex().unlock();
  Baton& now = baton();
  const Thread* const holder = now.holder;
  const bool mine = !now.living.empty() && !waiting.abandoned && session().running;
  char state = 0;
  unsigned long ticks = 0;
  if (!mine || holder == nullptr || now.kept_told == now.handovers) return;
  if (!read_state(holder->system_number, state, ticks)) return;
  if (watch.handovers != now.handovers) watch = {now.handovers, ticks, ticks, 0};
  watch.asleep = state == 'S' && ticks == watch.ticks ? watch.asleep + 1 : 0;
  watch.ticks = ticks;
  const auto computing_max = 10 * static_cast<unsigned long>(sysconf(_SC_CLK_TCK));
  const bool sleeps = watch.asleep >= looks_asleep;
  if (!sleeps && ticks - watch.ticks_at_first < computing_max) return;
  now.kept_told = now.handovers;
  tell_who_keeps_it(*holder, sleeps);
}

// Without the lock. An abandoned thread never returns from here.
void await_turn(Thread& thread) {
  constexpr Nanoseconds look_every = 300'000'000;
  Watch watch;
  while (__atomic_load_n(&thread.turn, __ATOMIC_SEQ_CST) == 0) {
    futex_wait(thread.turn, 0, look_every);
    if (__atomic_load_n(&thread.turn, __ATOMIC_SEQ_CST) == 0) look_at_holder(thread, watch);
  }
  __atomic_store_n(&thread.turn, 0, __ATOMIC_SEQ_CST);
}

void make_ready(Thread& thread, Wake wake) {
  thread.state = Thread::State::ready;
  thread.wake = wake;
  note(nullptr, {.kind = Event::Kind::woken,
                 .result = static_cast<int>(wake),
                 .length = static_cast<std::uint32_t>(thread.wait.place),
                 .offset = thread.number});
}

Ring* ring_of(const Thread& thread) {
  return static_cast<Ring*>(const_cast<void*>(thread.wait.object));
}

// What is not told by whoever causes it, but must be looked for.
bool has_news(const Thread& thread) {
  int error = 0;
  if (thread.wait.place == Place::descriptor)
    return ready(thread.wait.fd, thread.wait.events, error);
  if (thread.wait.place != Place::ring) return false;
  Ring& ring = *ring_of(thread);
  if (ring.closed) return true;
  look_at_parked(ring);
  return ring.ready() >= thread.wait.wanted || !ring.finished.empty();
}

// Blocked threads whose ring or whose time has come.
void look_for_wakes() {
  Session& now = session();
  if (now.next_due <= now.clock) perform_due();
  for (Thread* const thread : baton().living) {
    if (thread->state != Thread::State::blocked) continue;
    if (has_news(*thread)) {
      make_ready(*thread, Wake::event);
      continue;
    }
    if (thread->wait.deadline <= now.clock) make_ready(*thread, Wake::deadline);
  }
  if (now.next_due <= now.clock) {  // what had waited for a descriptor may be done at once
    look_for_wakes();
  }
}

std::vector<Thread*> candidates(const Thread* but) {
  std::vector<Thread*> found;
  for (Thread* const thread : baton().living) {
    if (thread == but || thread->state != Thread::State::ready) continue;
    if (thread->stalled_until <= session().clock) found.push_back(thread);
  }
  return found;
}

// Nobody runs: the clock goes to the next thing that happens. False when nothing ever will.
bool let_time_pass() {
  Session& now = session();
  Nanoseconds until = now.next_due;
  std::vector<Ring*> rings;  // in which somebody sleeps
  for (const Thread* const thread : baton().living) {
    if (thread->state == Thread::State::ready) until = std::min(until, thread->stalled_until);
    if (thread->state != Thread::State::blocked) continue;
    until = std::min(until, thread->wait.deadline);
    if (thread->wait.place == Place::ring) rings.push_back(ring_of(*thread));
  }
  const auto any = [&](bool (*awaits)(const Ring&)) {
    return std::any_of(rings.begin(), rings.end(), [&](const Ring* ring) { return awaits(*ring); });
  };
  if ((now.options.wait_for_outside && any(awaits_world)) || any(awaits_child)) {
    const bool found = wait_outside(rings, until == never ? never : until - now.clock);
    if (found || until == never) return true;
  }
  if (until == never) return any(awaits_loopback) && wait_outside(rings, loopback_nanoseconds_max);
  check_lost_wakeups();
  now.clock = std::max(now.clock, until);
  perform_due();
  return true;
}

// Nothing can ever wake anybody: told once, then whoever can be sent away with an error is.
void tell_dead_end() {
  Baton& now = baton();
  const std::uint64_t told = session().violations;
  check_lost_wakeups();
  if (told == session().violations)
    violate(Rule::sleeps_for_ever, 0,
            "all threads wait, and nothing can wake any of them: " + who_sleeps_where() +
                "; whoever makes something ready for a sleeping thread must also wake it");
  Thread* leaves = nullptr;
  for (Thread* const thread : now.living) {
    if (thread->state != Thread::State::blocked) continue;
    const Place place = thread->wait.place;
    if (place == Place::ring) {
      leaves = thread;
      break;
    }
    const bool may_return = place == Place::condition || place == Place::futex ||
                            place == Place::semaphore || place == Place::descriptor;
    if (may_return && leaves == nullptr) leaves = thread;
  }
  if (leaves == nullptr || ++now.dead_ends == dead_ends_max) {
    std::fprintf(stderr, "simulated ring: no thread can go on: %s\n", who_sleeps_where().c_str());
    std::abort();
  }
  make_ready(*leaves, Wake::dead_end);
}

void note_switch(const Thread& to, std::uint64_t number) {
  note(nullptr,
       {.kind = Event::Kind::switched, .result = static_cast<int>(to.number), .offset = number});
}

// Gives the baton to `to`; returns when it is back.
void hand_over(Thread& to, std::uint64_t number) {
  note_switch(to, number);
  baton().spins = 0;
  Thread& from = *self;
  baton().holder = &to;
  ++baton().handovers;
  const unsigned depth = mutex().release();
  give_turn(to);
  await_turn(from);
  mutex().acquire(depth);
}

// A core that does not run its thread for a while: an interrupt storm, a hypervisor, a debugger.
void maybe_stall_a_core(const Thread& chooser) {
  Session& now = session();
  if (now.options.stalled_cores_percent == 0) return;
  Random random = ask_seed(chooser, chooser.choices, Question::stall);
  if (!fault_strikes(random.percent(now.options.stalled_cores_percent))) return;
  Thread& victim = *baton().living[random.below(baton().living.size())];
  const auto longest = std::uint64_t{1} << (14 + random.below(12));  // 16 us to 33 ms
  victim.stalled_until = now.clock + static_cast<Nanoseconds>(random.below(longest));
  note(nullptr, {.kind = Event::Kind::stalled,
                 .length = static_cast<std::uint32_t>(victim.stalled_until - now.clock),
                 .offset = victim.number});
}

// The next thread to run, while `chooser` cannot.
Thread& choose_next(Thread& chooser) {
  ++chooser.choices;
  maybe_stall_a_core(chooser);
  for (;;) {
    look_for_wakes();
    const std::vector<Thread*> found = candidates(nullptr);
    if (!found.empty()) {
      Random random = ask_seed(chooser, chooser.choices, Question::next);
      return *found[random.below(found.size())];
    }
    if (!let_time_pass()) tell_dead_end();
  }
}

bool contains(const std::vector<std::uint64_t>& all, std::uint64_t one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// A switch that nothing forces: does it happen?
bool switch_happens(std::uint64_t number, bool drawn) {
  Session& now = session();
  const Options& options = now.options;
  if (options.only_switches) drawn = contains(*options.only_switches, number);
  if (!drawn || ++now.counts.switches > options.switch_limit) return false;
  if (contains(options.suppressed_switches, number)) return false;
  if (now.ledger == nullptr) return true;
  if (now.ledger->switches < LEDGER_ENTRIES_MAX)
    now.ledger->switched[now.ledger->switches] = number;
  ++now.ledger->switches;
  return true;
}

void tell_spinning() {
  Baton& now = baton();
  now.idle_spins = 0;
  violate(Rule::spins_for_ever, 0,
          "the threads spin, and nothing happens any more (" + who_sleeps_where() +
              "); bound the spinning, then sleep in the ring");
}

void note_spin() {
  Baton& now = baton();
  ++now.spins;
  const std::size_t events = session().counts.enters + session().counts.harvested;
  if (events != now.spins_seen_events) now.idle_spins = 0;
  now.spins_seen_events = events;
  if (++now.idle_spins == 10 * session().options.idle_calls_max) tell_spinning();
}

std::string waits_of(const Thread& thread) {
  if (thread.state == Thread::State::ready)
    return "thread " + std::to_string(thread.number) + " could run";
  char text[160];
  const double since = static_cast<double>(thread.since - run_begins_nanoseconds) / 1000;
  std::string where = place_name(static_cast<unsigned>(thread.wait.place));
  if (thread.wait.place == Place::ring) {
    const auto* const ring = static_cast<const Ring*>(thread.wait.object);
    where += " on ring " + std::to_string(ring->number) + " for " +
             std::to_string(thread.wait.wanted) +
             (thread.wait.wanted == 1 ? " completion" : " completions") + ", " +
             std::to_string(ring->live.size()) + " in flight";
  } else if (thread.wait.place == Place::mutex) {
    const int owner = static_cast<const pthread_mutex_t*>(thread.wait.object)->__data.__owner;
    for (const Thread* const other : baton().living) {
      if (other->system_number == owner)
        where += " that thread " + std::to_string(other->number) + " holds";
    }
  } else if (thread.wait.place == Place::join) {
    where +=
        " for thread " + std::to_string(static_cast<const Thread*>(thread.wait.object)->number);
  }
  std::snprintf(text, sizeof text, "thread %u in %s, since %.2f us", thread.number, where.c_str(),
                since);
  return text;
}

}  // namespace

const char* place_name(unsigned place) noexcept {
  return place < std::size(place_words) ? place_words[place] : "an unknown place";
}

Thread* thread_numbered(std::uint32_t number) noexcept {
  return number < baton().threads.size() ? baton().threads[number].get() : nullptr;
}

const Thread* thread_asleep_in(const Ring& ring) noexcept {
  for (const Thread* const thread : baton().living) {
    const bool sleeps =
        thread->state == Thread::State::blocked && thread->wait.place == Place::ring;
    if (sleeps && thread->wait.object == &ring) return thread;
  }
  return nullptr;
}

const std::vector<Thread*>& living_threads() noexcept {
  return baton().living;
}

std::uint64_t next_moment() noexcept {
  return ++baton().moments;
}

void note_release() noexcept {
  self->released = next_moment();
}

void note_acquire() noexcept {
  self->acquired = next_moment();
}

Thread* current_thread() noexcept {
  return self;
}

bool has_company() noexcept {
  return self != nullptr && baton().living.size() > 1;
}

bool nobody_takes_part() noexcept {
  return baton().threads.empty();
}

bool simulates_time() noexcept {
  return self != nullptr && (session().running || baton().living.size() > 1);
}

std::string who_sleeps_where() {
  std::string all;
  for (const Thread* const thread : baton().living) {
    if (!all.empty()) all += "; ";
    all += waits_of(*thread);
  }
  return all;
}

namespace {

// In the child of a fork(2) only the thread that called it goes on.
void keep_only_this_thread() {
  Baton& now = baton();
  for (Thread* const thread : now.living) {
    if (thread == self) continue;
    thread->state = Thread::State::ended;
    thread->joined = true;
  }
  std::erase_if(now.living, [](const Thread* thread) { return thread != self; });
}

Thread& enrol_this_thread() {
  Baton& now = baton();
  now.threads.push_back(std::make_unique<Thread>());
  self = now.threads.back().get();
  now.holder = self;
  ++now.handovers;
  self->handle = pthread_self();
  self->system_number = static_cast<int>(system_calls().syscall(SYS_gettid));
  now.living.push_back(self);
  return *self;
}

}  // namespace

void start_threads() {
  Baton& now = baton();
  for (auto& thread : now.threads) {
    if (thread.get() == self || thread->state == Thread::State::ended) continue;
    thread->abandoned = true;
    now.abandoned.push_back(std::move(thread));
  }
  self = nullptr;
  now.threads.clear();
  now.living.clear();
  now.spins = now.idle_spins = now.dead_ends = 0;
  now.spins_seen_events = 0;
  if (session().running) enrol_this_thread();
}

void end_threads() {
  std::string told;
  for (const auto& thread : baton().threads) {
    if (thread.get() == self || thread->joined) continue;
    const bool ended = thread->state == Thread::State::ended;
    if (ended && thread->detached) continue;
    if (!told.empty()) told += "; ";
    told += ended ? "thread " + std::to_string(thread->number) + " has ended" : waits_of(*thread);
  }
  if (told.empty() || session().options.allow_unfinished) return;
  violate(Rule::thread_left, 0,
          "the run ended with threads that nobody had joined: " + told +
              "; end them and join each, a std::jthread does so by itself");
}

Thread& add_thread() {
  static const int registered = pthread_atfork(nullptr, nullptr, keep_only_this_thread);
  if (registered != 0) std::abort();
  Baton& now = baton();
  if (now.threads.empty()) enrol_this_thread();
  now.threads.push_back(std::make_unique<Thread>());
  Thread& thread = *now.threads.back();
  thread.number = static_cast<unsigned>(now.threads.size() - 1);
  now.living.push_back(&thread);
  return thread;
}

void remove_thread(const Thread& thread) {
  std::erase(baton().living, &thread);
  baton().threads.pop_back();
}

Thread* find_thread(pthread_t handle) noexcept {
  for (const auto* all : {&baton().threads, &baton().abandoned}) {
    for (const auto& thread : *all) {
      if (!thread->joined && thread->number != 0 && pthread_equal(thread->handle, handle) != 0)
        return thread.get();
    }
  }
  return nullptr;
}

void await_first_turn(Thread& thread) {
  self = &thread;
  hide_from_sanitizer();
  await_turn(thread);
  show_to_sanitizer();
  const Call call;
  thread.system_number = static_cast<int>(system_calls().syscall(SYS_gettid));
  thread.started = next_moment();
  note(nullptr, {.kind = Event::Kind::thread_started});
}

void end_thread() {
  Baton& now = baton();
  note(nullptr, {.kind = Event::Kind::thread_ended});
  Thread& ending = *self;
  ending.state = Thread::State::ended;
  std::erase(now.living, &ending);
  wake_waiting(Place::join, &ending, 1);
  if (!now.living.empty()) {
    Thread& next = choose_next(ending);
    note_switch(next, forced);
    self = nullptr;
    now.holder = &next;
    ++now.handovers;
    give_turn(next);  // it goes on once the lock is free
  }
  self = nullptr;
}

Wake block(const Wait& wait) {
  Thread& thread = *self;
  thread.state = Thread::State::blocked;
  thread.wait = wait;
  thread.since = session().clock;
  const auto* const ring =
      wait.place == Place::ring ? static_cast<const Ring*>(wait.object) : nullptr;
  note(ring, {.kind = Event::Kind::blocked, .result = static_cast<int>(wait.place)});
  Thread& next = choose_next(thread);
  if (&next != &thread) hand_over(next, forced);
  if (wait.place != Place::ring && wait.place != Place::sleep) note_acquire();
  thread.wait = {};
  thread.wakeup_told = false;
  return thread.wake;
}

bool anybody_waits(Place place, const void* object) {
  const std::lock_guard lock(mutex());
  note_release();
  return std::any_of(baton().living.begin(), baton().living.end(), [&](const Thread* thread) {
    return thread->state == Thread::State::blocked && thread->wait.place == place &&
           thread->wait.object == object;
  });
}

unsigned wake_waiting(Place place, const void* object, unsigned count, std::uint32_t bits) {
  note_release();
  std::vector<Thread*> waiting;
  for (Thread* const thread : baton().living) {
    const bool blocked = thread->state == Thread::State::blocked && thread->wait.place == place;
    if (blocked && thread->wait.object == object && (thread->wait.bits & bits) != 0)
      waiting.push_back(thread);
  }
  if (waiting.empty()) return 0;
  Random random = ask_seed(*self, ++self->choices, Question::woken);
  unsigned woken = 0;
  for (; woken != count && !waiting.empty(); ++woken) {
    const bool all = count - woken >= waiting.size();
    const std::size_t chosen = all ? 0 : random.below(waiting.size());
    make_ready(*waiting[chosen], Wake::event);
    waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(chosen));
  }
  return woken;
}

void maybe_hand_over(bool spins) {
  if (!has_company()) return;
  Session& now = session();
  unsigned percent = now.options.preemption_percent;
  if (spins) {
    percent = std::max(percent, spin_percent_min);
    note_spin();
  }
  const bool must = spins && baton().spins > spins_without_switch_max;
  Thread& thread = *self;
  const std::uint64_t number = (++thread.points << switch_thread_bits) + thread.number;
  const bool drawn = ask_seed(thread, thread.points, Question::whether).percent(percent);
  const bool chosen = now.options.only_switches && contains(*now.options.only_switches, number);
  if (!drawn && !chosen && !must) return;
  look_for_wakes();
  const std::vector<Thread*> found = candidates(self);
  if (found.empty()) return;
  Random random = ask_seed(thread, thread.points, Question::to_whom);
  Thread& next = *found[random.below(found.size())];
  if (must) return hand_over(next, forced);
  if (switch_happens(number, drawn)) hand_over(next, number);
}

bool wait_for_descriptor(int fd, short events) {
  return block({.place = Place::descriptor, .fd = fd, .events = events}) == Wake::event;
}

int sleep_in_ring(Ring& ring, Nanoseconds deadline, unsigned wanted) {
  const Wake wake =
      block({.place = Place::ring, .object = &ring, .deadline = deadline, .wanted = wanted});
  if (ring.closed) return -EBADF;
  if (wake == Wake::dead_end) return -EDEADLK;
  return wake == Wake::deadline ? -ETIME : 0;
}

}  // namespace percore::sim
