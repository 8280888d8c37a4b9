#include <algorithm>
#include <cstdint>
#include <vector>

/// A queue that shares a thread with others.
struct Queue {
  std::int64_t shares = 1000;
  std::int64_t virtual_ns = 0;  // the time it has run, times 1000, divided by its shares
  bool ready = false;
};

struct Scheduler {
  std::vector<Queue> queues;
  std::int64_t turn_began = 0;  // virtual time at which the latest turn began

  void wake(unsigned number);
  void sleep(unsigned number) { queues[number].ready = false; }
  int next();
  void charge(unsigned number, std::int64_t ran_ns);
};

/// The queue has something to run from now on.
void Scheduler::wake(unsigned number) {
  Queue& queue = queues[number];
  queue.virtual_ns = std::max(queue.virtual_ns, turn_began);
  queue.ready = true;
}

/// Begins the turn of the ready queue with the least virtual time.
/// Returns   its number; -1 when none is ready.
int Scheduler::next() {
  int next = -1;
  for (unsigned i = 0; i < queues.size(); ++i) {
    if (!queues[i].ready) continue;
    if (next < 0 || queues[i].virtual_ns < queues[static_cast<unsigned>(next)].virtual_ns)
      next = static_cast<int>(i);
  }
  if (next >= 0) turn_began = queues[static_cast<unsigned>(next)].virtual_ns;
  return next;
}

/// The queue has run for so long.
void Scheduler::charge(unsigned number, std::int64_t ran_ns) {
  queues[number].virtual_ns += ran_ns * 1000 / queues[number].shares;
}
