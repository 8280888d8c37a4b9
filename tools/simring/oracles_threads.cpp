// What several threads, or a long run, do wrong: a ring used by two threads, a wake-up that nobody
// sends, descriptors that nobody closes, queues without a bound.

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "baton.hpp"

namespace percore::sim {

namespace {

std::string counted(std::uint64_t count, const char* one, const char* several) {
  return std::to_string(count) + " " + (count == 1 ? one : several);
}

// Whether thread `last` gave the ring to this one: it has ended, or made this thread, or it woke or
// unlocked something after its last use, and this one waited or locked later than that.
bool handed_over(const Ring& ring, const Thread& user) {
  const Thread* const last = thread_numbered(ring.user);
  if (last == nullptr || last->state == Thread::State::ended) return true;
  if (user.started > ring.used) return true;
  return last->released > ring.used && user.acquired > last->released;
}

std::uint64_t queued_for(const Thread& thread) {
  std::uint64_t waiting = 0;
  for (const Probe& probe : thread.queues) waiting += probe.ask(probe.context);
  return waiting;
}

// Whether only the time, and nothing that another thread has done, will wake it.
bool only_timers(const Ring& ring) {
  return std::all_of(ring.live.begin(), ring.live.end(), [](const auto& each) {
    const Operation& operation = each.second;
    return operation.state == State::parked || operation.sqe.opcode == IORING_OP_TIMEOUT ||
           operation.sqe.opcode == IORING_OP_LINK_TIMEOUT;
  });
}

std::vector<int> open_descriptors() {
  std::vector<int> all;
  DIR* const folder = opendir("/proc/self/fd");
  if (folder == nullptr) return all;
  while (const dirent* const entry = readdir(folder)) {
    const int fd = std::atoi(entry->d_name);
    if (entry->d_name[0] != '.' && fd != dirfd(folder)) all.push_back(fd);
  }
  closedir(folder);
  std::sort(all.begin(), all.end());
  return all;
}

// "operation 12, IORING_OP_OPENAT" where the ring opened it, else what it leads to.
std::string origin_of(int fd) {
  const auto& events = record();
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    if (event->kind != Event::Kind::finished || event->result != fd) continue;
    for (const Event& earlier : events) {
      if (earlier.kind != Event::Kind::submitted || earlier.operation != event->operation) continue;
      const bool opens = earlier.opcode == IORING_OP_OPENAT ||
                         earlier.opcode == IORING_OP_OPENAT2 ||
                         earlier.opcode == IORING_OP_ACCEPT || earlier.opcode == IORING_OP_SOCKET;
      if (opens)
        return std::string(opcode_name(earlier.opcode)) + ", operation " +
               std::to_string(earlier.operation) + ", opened it";
    }
  }
  char target[128];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = readlink(link.c_str(), target, sizeof target);
  return length <= 0 ? "unknown" : "it is " + std::string(target, static_cast<std::size_t>(length));
}

void grows(const std::string& what, std::uint64_t limit, const char* advice) {
  violate(Rule::grows_without_bound, 0,
          "more than " + std::to_string(limit) + " " + what + ", and still growing; " + advice);
}

}  // namespace

void check_user(Ring& ring) {
  Thread* const user = current_thread();
  if (user == nullptr) return;
  const std::uint32_t last = ring.user;
  const bool changes = last != user->number && last != nobody;
  const Thread* const asleep = changes ? thread_asleep_in(ring) : nullptr;
  // The first change is that from the thread which set the ring up to the one it was made for.
  const bool allowed =
      !changes || (asleep == nullptr && (ring.user_changes++ == 0 || handed_over(ring, *user)));
  ring.user = user->number;
  ring.used = next_moment();
  if (allowed || session().options.allow_shared_rings) return;
  violate(
      Rule::wrong_thread, 0,
      "thread " + std::to_string(user->number) + " used ring " + std::to_string(ring.number) +
          (asleep != nullptr ? " while thread " + std::to_string(asleep->number) + " slept in it"
                             : ", which thread " + std::to_string(last) + " uses") +
          "; a ring belongs to one thread: send the work there and wake it, or hand the ring "
          "over with a lock, a wake-up or a join");
}

void check_lost_wakeups() {
  for (Thread* const thread : living_threads()) {
    if (thread->state != Thread::State::blocked || thread->wakeup_told) continue;
    const std::uint64_t waiting = queued_for(*thread);
    if (waiting == 0) continue;
    if (thread->wait.place == Place::ring &&
        !only_timers(*static_cast<const Ring*>(thread->wait.object)))
      continue;
    thread->wakeup_told = true;
    violate(Rule::lost_wakeup, 0,
            counted(waiting, "message waits", "messages wait") + " for thread " +
                std::to_string(thread->number) + ", which sleeps, and nobody has woken it (" +
                who_sleeps_where() +
                "); the sleeper must look at its queue once more after it has said that it sleeps, "
                "with a sequentially consistent fence between, and so must the waker");
  }
}

void note_descriptors() {
  Session& now = session();
  now.descriptors.clear();
  if (now.options.watch_descriptors) now.descriptors = open_descriptors();
}

void check_descriptors() {
  Session& now = session();
  if (!now.options.watch_descriptors || now.options.allow_unfinished) return;
  std::string told;
  unsigned count = 0;
  for (const int fd : open_descriptors()) {
    if (std::binary_search(now.descriptors.begin(), now.descriptors.end(), fd)) continue;
    if (++count <= 5)
      told += (told.empty() ? "" : "; ") + std::to_string(fd) + ": " + origin_of(fd);
  }
  if (count == 0) return;
  violate(Rule::descriptor_left_open, 0,
          counted(count, "descriptor was", "descriptors were") + " left open (" + told +
              "); close what was opened, on the paths that fail too");
}

void check_growth(const Ring& ring) {
  Session& now = session();
  const Options& options = now.options;
  if (ring.live.size() == options.in_flight_limit + 1)
    grows("operations in flight on one ring", options.in_flight_limit,
          "bound what is started before something completes");
  if (ring.overflow.size() == options.overflow_limit + 1)
    grows("completions that the completion queue had no room for", options.overflow_limit,
          "harvest before submitting more");
}

void check_live_allocations() {
  Session& now = session();
  const std::uint64_t limit = now.options.allocations_limit;
  if (now.counts.allocations != now.allocations_checked + limit + 1) return;
  if (now.counts.allocations - std::min(now.counts.allocations, now.counts.frees) > limit)
    return grows("allocations that nobody has freed", limit,
                 "bound every queue, free what is done");
  now.allocations_checked = now.counts.frees;
}

void set_ready_probe(ReadyProbe probe, void* context) {
  const std::lock_guard lock(mutex());
  Thread* const thread = current_thread();
  const bool has_own = thread != nullptr && thread->number != 0;
  (has_own ? thread->probe : session().probe) = {probe, context};
}

void add_queue_probe(ReadyProbe probe, void* context) {
  const Call call;
  if (current_thread() != nullptr) current_thread()->queues.push_back({probe, context});
}

void remove_queue_probe(void* context) {
  const Call call;
  if (current_thread() == nullptr) return;
  std::erase_if(current_thread()->queues,
                [context](const Probe& probe) { return probe.context == context; });
}

}  // namespace percore::sim
