#pragma once

// The simulation's own state, shared by its files and by nobody else.
//
//   library.cpp     the functions that liburing exports, as liburing 2.3 writes them
//   rings.cpp       opening and closing; both queues' memory; posting, overflow, poison
//   submit.cpp      io_uring_enter's first half: entries become operations, chains, drains
//   wait.cpp        io_uring_enter's second half: sleeping, and the enter itself
//   opcodes.cpp     the table of opcodes; nop.cpp, timeouts.cpp, transfers.cpp, cancel.cpp: theirs
//   operations.cpp  the life of an operation: start, completion, links, drains
//   file_open.cpp, file_paths.cpp, file_sync.cpp: the opcodes on files
//   memory_files.cpp, memory_paths.cpp, memory_disk.cpp: files in memory, and what survives a crash
//   registered.cpp  registered files and buffers
//   sockets.cpp, messages.cpp, poll.cpp, buffer_ring.cpp, processes.cpp: the opcodes on those
//   network.cpp     sockets modelled in memory; socket_calls.cpp: ordinary calls on them
//   notifications.cpp  the eventfd of a ring
//   readiness.cpp   descriptors that are not ready; parked operations
//   schedule.cpp    the seed: delays, faults; the clock
//   oracles.cpp     buffers, entries, memory: what the program must not do
//   history.cpp     the record and its words
//   baton.cpp       several threads, of which one runs (baton.hpp)
//   threads.cpp     the C library's functions on threads and time, for those threads
//   ring_messages.cpp    messages from ring to ring
//   oracles_threads.cpp  what several threads, or a long run, do wrong
//   lock.cpp        the lock around all of this
//   record_file.cpp the record on its way to a file
//   marks.cpp       the program's own words in the record
//   snapshots.cpp   the run as a debugger shows it, event by event
//   session.cpp     begin, end, options, violations

#include <liburing.h>
#include <linux/openat2.h>
#include <pthread.h>

#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "buffer_ring.hpp"
#include "exchange.hpp"
#include "lock.hpp"
#include "opcodes.hpp"
#include "percore/sim.hpp"
#include "registered.hpp"

namespace percore::sim {

using Id = std::uint64_t;  // an operation's number; 0 = none
using Nanoseconds = std::int64_t;

/// A deadline that is never met, a time-out that never comes.
constexpr Nanoseconds never = std::numeric_limits<Nanoseconds>::max();

inline constexpr Nanoseconds run_begins_nanoseconds = 1'000'000'000;  // what the clock shows then

struct Ring;

// The life of an operation: chained (behind a link) or drained (behind IO_DRAIN) -> flying (until
// due) or parked (until its descriptor is ready) -> finished (its result known, the completion
// waits for an enter) -> posted: gone.
enum class State : std::uint8_t { chained, drained, flying, parked, finished };

struct Operation {
  Id id = 0;
  Ring* ring = nullptr;
  const Opcode* opcode = nullptr;
  io_uring_sqe sqe{};
  State state = State::chained;
  Nanoseconds due = 0;
  int result = 0;
  unsigned cqe_flags = 0;
  bool in_submit = false;  // its completions need not wait for an enter: this is its own submit
  bool result_fixed =
      false;  // the result is known before the work is done: cancelled, or refused at submission
  bool failed = false;            // breaks a soft link
  bool cancel_came_late = false;  // a cancel found it at work: it ends, it does not wait again
  bool skip_on_success = false;
  bool skip_always =
      false;  // the CQE of an operation cancelled behind a failed one that asked to be skipped
  bool is_drain = false;
  bool over = false;    // its result is told; what is still to come is a notification
  Id next = 0;          // the operation linked behind this one
  Id link_timeout = 0;  // the LINK_TIMEOUT armed for this one
  Id guards = 0;        // of a LINK_TIMEOUT: the operation it watches
  Nanoseconds timeout =
      0;  // of TIMEOUT, LINK_TIMEOUT and an update: the deadline, or the time from its start
  std::uint64_t timeout_target =
      0;  // of a TIMEOUT with a count: posted completions that end it; 0 = none

  ResourcePointer file;            // of a fixed slot, or of a descriptor that was closed meanwhile
  ResourcePointer buffer;          // the registered one
  std::vector<std::string> paths;  // copied at the submit
  open_how open{};
  std::unique_ptr<Exchange> exchange;  // of an operation on sockets, of a poll
  iovec single{};
  std::vector<iovec> vectors;
  std::uint64_t length = 0;  // bytes asked for
  std::uint64_t content_hash = 0;
  bool watched = false;  // the buffers are the kernel's, and hashed
  pthread_t thread{};

  int fault_result =
      0;  // drawn at submission, so that the order of completion does not move later draws
  std::uint64_t bytes_max = 0;
  bool no_space = false;
  Nanoseconds delay = 0;

  std::span<const iovec> buffers() const {
    return vectors.empty() ? std::span<const iovec>(&single, single.iov_base != nullptr ? 1u : 0u)
                           : std::span<const iovec>(vectors);
  }
  bool is_write() const { return opcode->moves == Moves::out; }
  bool is_read() const { return opcode->moves == Moves::in; }
};

struct Overflowed {
  Id operation;
  std::uint64_t user_data;
  int result;
  unsigned flags;
};

// A completion that waits for an enter: the last one, whose result the operation holds, or one of
// several.
struct Finished {
  Id operation = 0;
  bool more = false;
  bool frees_chain = false;  // what is linked behind it goes on
  bool message = false;      // from another ring: `operation` is that one's
  int result = 0;
  unsigned cqe_flags = 0;
  std::uint64_t user_data = 0;  // of a message
};

struct Probe {
  ReadyProbe ask = nullptr;
  void* context = nullptr;
};

inline constexpr std::uint32_t nobody = ~0u;

struct Ring {
  int fd = -1;
  unsigned flags = 0;
  unsigned sq_entries = 0, cq_entries = 0;
  bool disabled = false;
  bool registered = false;
  pthread_t issuer{};
  std::uint64_t number = 0;        // in the order of opening, from 1
  std::uint32_t executor = 0;      // the thread whose completions it holds
  std::uint32_t user = nobody;     // the thread that used it last
  std::uint64_t used = 0;          // when: a next_moment()
  std::uint64_t user_changes = 0;  // of threads
  bool closed = false;             // kept only for threads that are still inside a call on it

  // Shared with the program, as the kernel's mapping would be.
  struct Shared {
    unsigned sq_head = 0, sq_tail = 0, sq_mask = 0, sq_count = 0, sq_flags = 0, sq_dropped = 0;
    unsigned cq_head = 0, cq_tail = 0, cq_mask = 0, cq_count = 0, cq_flags = 0, cq_overflow = 0;
  };
  std::unique_ptr<Shared> shared;
  std::unique_ptr<unsigned[]> array;
  std::unique_ptr<io_uring_sqe[]> sqes;
  std::unique_ptr<unsigned char[]> cqe_memory;
  io_uring_cqe* cqes = nullptr;

  std::unique_ptr<io_uring_sqe[]> sqe_copies;  // what a consumed slot must still hold
  std::unique_ptr<Id[]> sqe_owners;  // the operation that a consumed slot was; 0 = none to compare
  std::unique_ptr<Id[]> cqe_owners;
  unsigned cq_released = 0;  // the head as last seen

  std::map<Id, Operation>
      live;  // in submission order: drain and "the first match" of a cancel rely on it
  std::set<std::pair<Nanoseconds, Id>> due;  // flying operations
  std::vector<Id> parked;
  std::deque<Finished> finished;  // wait for an enter that runs them
  std::deque<Id> drained;         // behind IO_DRAIN, in order
  Id barrier = 0;  // the drained operation (the last of its chain) that must complete before later
                   // ones start
  std::deque<Overflowed> overflow;
  std::uint64_t posted = 0;  // completions but for those of timeouts
  bool drain_disabled =
      false;  // CQE_SKIP_SUCCESS was used: drain counts completions, so they exclude one another
  std::vector<Id> counted;  // timeouts that so many completions end
  std::map<unsigned, BufferGroup> buffer_groups;
  int event_descriptor = -1;     // told of each completion
  bool event_only_late = false;  // not of those posted within their own submit
  bool posts_in_submit = false;  // as the one that is being posted
  unsigned acquired_tail = 0;    // how far the program has taken entries, as last seen
  unsigned looks = 0;            // looks at the CQ in a row without an enter

  ResourceTable files, fixed_buffers;
  unsigned workers_max[2] = {8, 1024};  // kernel threads: of files, of everything else

  bool deferred() const { return (flags & IORING_SETUP_DEFER_TASKRUN) != 0; }
  bool cooperative() const { return (flags & IORING_SETUP_COOP_TASKRUN) != 0; }
  unsigned ready() const { return shared->cq_tail - load_head(); }
  unsigned load_head() const { return __atomic_load_n(&shared->cq_head, __ATOMIC_ACQUIRE); }
};

struct Random {
  std::uint64_t state = 0;
  std::uint64_t next() noexcept {  // splitmix64
    std::uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t bound) noexcept { return bound == 0 ? 0 : next() % bound; }
  bool percent(unsigned chance) noexcept { return next() % 100 < chance; }
};

class MemoryFiles;

struct Session {
  Options options;
  std::shared_ptr<MemoryFiles> memory;  // null without files in memory
  bool running = false;                 // between begin and end
  bool begun = false;                   // begin was called at least once
  Counts counts;
  std::vector<Event> record;
  std::vector<std::string> words;  // of marks; the first is empty
  std::map<std::string, std::size_t> word_places;
  std::uint64_t hash = 0;
  Random random;
  Nanoseconds clock = 0;
  Nanoseconds next_due = std::numeric_limits<Nanoseconds>::max();
  std::map<Ring*, std::unique_ptr<Ring>>
      rings;                      // by address, only for look-up: never walked for effects
  std::vector<Ring*> open_rings;  // in the order of opening
  std::vector<std::unique_ptr<Ring>> closed_rings;  // while there are several threads
  bool setup_failed = false;                        // the newest io_uring_queue_init did
  Id last_operation = 0;
  std::vector<Fault> script;
  unsigned interruptions_in_a_row = 0;
  unsigned refusals_in_a_row = 0;

  ViolationHandler handler = nullptr;
  void* handler_context = nullptr;
  Probe probe;                   // of thread 0
  std::vector<int> descriptors;  // open when the run began
  std::uint64_t allocations_checked = 0;
  std::uint64_t allocation_attempts = 0;
  std::uint64_t enter_budget = 0;
  std::uint64_t violations = 0;
  Violation last{};
  Ledger* ledger = nullptr;
  Id drawing_for = 0;             // the operation that faults are being drawn for; 0 = an enter
  std::uint64_t fault_place = 0;  // of the newest draw
  bool fault_is_least = false;    // the newest fault lets as little through as it can
};

Session& session() noexcept;
Lock& mutex() noexcept;

// Marks the simulation's own allocations, which are not the program's, and takes the mutex. Also
// the place where every call of the program passes: what is due happens, released CQEs are
// poisoned, consumed SQEs are compared.
class Call {
 public:
  // `frame` is evaluated in the function that the program called: what lies below it on the stack
  // is nobody's.
  explicit Call(Nanoseconds cost = 0, const void* frame = __builtin_frame_address(0));
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

 private:
  std::lock_guard<Lock> lock_;
};
bool inside_simulation() noexcept;
const void* program_frame() noexcept;

// opcodes.cpp
bool supported(unsigned opcode);

// rings.cpp
int open_ring(unsigned entries, io_uring* ring, io_uring_params* params);
void close_ring(Ring& ring, io_uring& handle);
Ring* find_ring(const io_uring* handle, const char* function);
Ring* find_ring(int fd) noexcept;
void post_completion(Ring& ring, Id operation, std::uint64_t user_data, int result, unsigned flags);
void flush_overflow(Ring& ring);
void note_harvest(Ring& ring);
void update_flags(Ring& ring);
void poison_entry(Ring& ring, unsigned slot);
bool is_entry_poison(std::uint64_t value) noexcept;
bool is_completion_poison(std::uint64_t value) noexcept;

// submit.cpp
unsigned submit_entries(Ring& ring, unsigned count);

// wait.cpp
int enter(Ring& ring, unsigned to_submit, unsigned min_complete, unsigned flags,
          const __kernel_timespec* timeout);

// operations.cpp
void issue(Operation& operation);
void perform_due();
void run_finished(Ring& ring);
/// The operation's last completion. Afterwards it may be gone: return under_way from a hook.
void finish(Operation& operation, int result, unsigned cqe_flags = 0);
/// A completion with IORING_CQE_F_MORE: the operation stays in flight.
void post_more(Operation& operation, int result, unsigned cqe_flags);
/// A zero-copy send's result. The operation performs once more, after `delay`: its notification.
void finish_but_notify(Operation& operation, int result, Nanoseconds delay);
/// One completion more would overflow the queue.
bool completions_full(const Ring& ring);
void fly(Operation& operation, Nanoseconds delay);
void park(Operation& operation);
void queue_chain(Operation& head);
void start_chain(Operation& head);
Operation* find_operation(Ring& ring, Id id);
void refresh_next_due();

// readiness.cpp
int file_of(const Operation& operation);  // a descriptor, or -1
/// poll(2) with no time-out, on real and on modelled descriptors.
short look(int fd, short events, int& error);
bool ready(int fd, short events, int& error);
/// Whether parked operations wait for anything real, for a child, for a peer on the internet.
bool awaits_world(const Ring& ring);
bool awaits_child(const Ring& ring);
bool awaits_loopback(const Ring& ring);
/// Lets time pass until a modelled descriptor is ready. Returns  false when it never will be.
bool pass_until_stirred(int fd, short events);
bool would_park(const Operation& operation);  // it awaits events, and its descriptor has none
void look_at_parked(Ring& ring);
inline constexpr Nanoseconds loopback_nanoseconds_max = 50'000'000;
// Really waits for the descriptor of a parked operation.
bool wait_outside(std::span<Ring* const> rings, Nanoseconds timeout);

// notifications.cpp
void signal_eventfd(const Ring& ring, bool in_submit);
void unregister_eventfd(Ring& ring);

// socket_faults.cpp
inline constexpr unsigned rounds_max = 32;  // of a multishot or MSG_WAITALL, before others go on
/// Tells of the fault drawn for the operation, once. Returns  its result, 0 for none.
int strike(Operation& operation);
/// As `strike`; a reset also tears the connection.
int strike_stream(Operation& operation, int fd);
/// Whether a multishot's completion is its last: by a fault, or because the queue is full.
bool ends_here(const Operation& operation);
bool is_socket(int fd);
bool is_inet(int fd);
bool is_stream(int fd);

// timeouts.cpp
Nanoseconds time_left(const Operation& operation);

// cancel.cpp
int cancel(Ring& ring, std::uint64_t key, int fd, unsigned flags, unsigned opcode, Id self);
int cancel_one(Operation& operation);
int change_timeout(Ring& ring, const Operation& request);

// schedule.cpp
Nanoseconds draw_delay();
void draw_faults(Operation& operation);
bool fault_happens(unsigned percent);  // draws, numbers and records a fault
bool fault_strikes(bool drawn);        // the same, drawn already
// How much the newest fault lets through: from 1 to `most`.
std::uint64_t draw_amount(std::uint64_t most);
void enter_fault(std::uint64_t place);  // into the ledger; 0 = one that a script asked for
// Tells the ledger what the faults from its entry `first` on are.
void describe_faults(std::uint64_t first, Id operation, std::int64_t result);
Fault* scripted_enter();
Nanoseconds to_nanoseconds(const __kernel_timespec& time);

// oracles.cpp
bool mapped(const void* begin, std::size_t size_bytes);
void watch(Operation& operation);
bool check_buffers(Operation& operation);
std::uint64_t hash_memory(const void* begin, std::size_t size_bytes);
void rehash_overlapping(const Ring& ring, const Operation& writer);
void check_entries(Ring& ring, unsigned acquired_tail);
void check_before_submit(const Operation& operation);
void check_stack(Ring& ring);
void check_sleep(Ring& ring);
void check_closing(Ring& ring, unsigned unsubmitted);
void violate(Rule rule, Id operation, std::string sentence);

// snapshots.cpp; all under the mutex, and inside the simulation or its memory hooks
bool snapshots_wanted() noexcept;
void snapshot(const Event& event, const std::string& words);
void snapshot_begin();
void snapshot_block(void* block, std::size_t size_bytes, bool lives);

// oracles_threads.cpp
void check_user(Ring& ring);
void check_lost_wakeups();
void note_descriptors();
void check_descriptors();
void check_growth(const Ring& ring);
void check_live_allocations();

// history.cpp
// ring  where it happened; may be null. The time and the executor are filled in.
void note(const Ring* ring, Event event);

// record_file.cpp
void open_record_file();  // where the environment names one
void record_run(const Session& begun);
void record_event(const Event& event);

}  // namespace percore::sim
