#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <percore/sim_ledger.hpp>
#include <string>
#include <vector>

/// The simulated ring's own interface. Programs and the runtime never include this: they call
/// liburing, and whether a kernel or this simulation answers is decided by what they are linked
/// with. Checkers and tests include it, to choose a seed, to script faults, and to read what
/// happened.
///
/// A run lies between `begin` and `end`. Same options, same program: same run, down to
/// `trace_hash()`. A program that never calls `begin` runs in a friendly session: no faults, all
/// that is ready completes within its submit, and waits for pipes and terminals are real. The
/// environment variable PERCORE_SIM_SEED makes its completions come late and in another order, and
/// PERCORE_SIM_ROUGH=1 gives it that seed's faults as well. PERCORE_SIM_NETWORK=1 models its
/// sockets. PERCORE_SIM_RECORD=FILE keeps any run's record in a file (record_file.cpp has its
/// format), which `percore trace --record FILE` draws.
///
/// Threads made between `begin` and `end`, or in a program that never calls `begin`, run one at a
/// time. The baton goes on where a thread blocks (in io_uring_enter, a mutex, a condition variable,
/// a semaphore, an atomic's wait, a join, a sleep), and, as the seed has it, in io_uring_enter,
/// now(), cpu_relax() and preemption_point(). They share one virtual clock: what each of them does
/// takes its time from all, as if one core ran them. When all sleep it jumps. Clocks and sleeps of
/// the C library follow it.
///
/// Thread  any; one lock guards everything.
/// Source  io_uring_setup(2), io_uring_enter(2), io_uring_register(2); the kernel imitated is 6.1.
struct io_uring;

namespace percore::sim {

/// The rules an oracle watches. `rule_name` spells them as written here.
enum class Rule : std::uint8_t {
  buffer_freed,          ///< memory given back while the kernel may still read or write it
  buffer_changed,        ///< bytes of a buffer changed between submission and completion
  buffer_lent_twice,     ///< a provided buffer given again while the kernel still had it
  buffer_dead,           ///< a buffer on a stack frame that has returned, or in poisoned memory
  record_freed,          ///< the object that user_data points to was freed before its completion
  argument_dead,         ///< iovec, timespec or buffer was gone before the submit
  entry_changed,         ///< an SQE was written to after it had been submitted
  user_data_unset,       ///< an SQE was submitted whose user_data nobody set
  completion_released,   ///< a value read from a CQE after its release was used
  head_past_tail,        ///< more CQEs released than there were
  never_submitted,       ///< entries filled in, and never submitted
  never_completed,       ///< operations still in flight when the ring or the run ended
  never_harvested,       ///< completions left in the queue when the ring or the run ended
  ring_left_open,        ///< the run ended and a ring was not closed
  ring_not_open,         ///< a call on a ring that was never opened, or is closed
  sleeps_for_ever,       ///< a wait that nothing can end
  sleeps_with_work,      ///< a wait while the ready probe says there is work
  spins_for_ever,        ///< looks at the ring again and again, never enters the kernel
  too_many_enters,       ///< more io_uring_enter calls than the budget
  blocks_outside,        ///< a thread that has the baton sleeps in a call that is not simulated
  wrong_thread,          ///< a ring was used by two threads, without a hand-over between
  lost_wakeup,           ///< all sleep, and a queue probe says that work is queued
  descriptor_left_open,  ///< opened during the run, by the ring or otherwise, and not closed
  grows_without_bound,   ///< more in flight, kept aside or allocated than the Options' limits
  thread_left,           ///< the run ended and a thread had not been joined
};
const char* rule_name(Rule rule) noexcept;

struct Violation {
  Rule rule;
  std::uint64_t operation;  ///< its number in submission order, from 1; 0 = none in particular
  std::uint64_t seed;
  std::int64_t time_nanoseconds;
  std::string sentence;  ///< what went wrong and what to do, one line
  std::string history;   ///< that operation's events, or the run's last ones; several lines
};

/// What files in memory make of O_DIRECT.
enum class DirectIo : std::uint8_t {
  told,     ///< statx says the alignment: STATX_DIOALIGN, Linux 6.1
  untold,   ///< an older kernel: who asks too little is refused, and not told what would do
  refused,  ///< an open with O_DIRECT is EINVAL, after it has made the file, as on Linux
  cached,   ///< taken, and served from a page cache, whatever its alignment: statx says 0
  any,      ///< the same, and statx says nothing: a tmpfs, Linux 6.6
};

/// What differs from a kernel on its best day. All percentages are of 100.
struct Options {
  std::uint64_t seed = 0;

  unsigned inline_percent = 25;  ///< operations that complete within their own submit
  std::int64_t delay_nanoseconds_max = 50'000;  ///< of the others; most are far shorter

  unsigned short_results_percent = 0;        ///< reads and writes that move fewer bytes than asked
  unsigned again_results_percent = 0;        ///< reads and writes that end in -EAGAIN
  unsigned interrupted_results_percent = 0;  ///< reads and writes that end in -EINTR
  unsigned interrupted_waits_percent = 0;    ///< waits that a signal ends: -EINTR
  unsigned refused_enters_percent = 0;       ///< submits that give -EAGAIN or -EBUSY
  unsigned short_submits_percent = 0;        ///< submits that consume fewer entries than they could
  unsigned sync_error_percent = 0;  ///< fsyncs that end in -EIO; what they were for is not synced
  unsigned no_space_percent = 0;    ///< writes to files in memory that end in -ENOSPC, or are cut
                                    ///< short; fallocates that end so
  unsigned too_many_files_percent = 0;  ///< opens, sockets, accepts that end in -EMFILE

  unsigned broken_links_percent = 0;  ///< entries with IOSQE_IO_LINK that end in -EINTR: what is
                                      ///< linked behind them is cancelled

  /// Of sockets. A reset stays one: what comes after it gives 0 and EPIPE.
  unsigned connection_resets_percent = 0;   ///< sends and receives that end in -ECONNRESET
  unsigned no_buffers_percent = 0;          ///< receives that find no provided buffer: -ENOBUFS
  unsigned multishot_ends_percent = 0;      ///< multishots whose first to fourth CQE has no F_MORE
  unsigned late_notifications_percent = 0;  ///< zero-copy sends whose buffer stays in use for long
  unsigned lost_packets_percent = 0;        ///< datagrams of modelled sockets that never arrive

  /// Sockets that are made after `begin` are modelled: a network of their own on virtual time, the
  /// same in each run. Those of socketpair(2) stay real. The program must be linked with
  /// simring_socket_calls, so that its own bind, listen, accept, close ... reach them.
  bool sockets_in_memory = false;
  std::size_t socket_buffer_bytes = 0;  ///< that a modelled socket holds; 0 = drawn, 2 to 64 KiB

  unsigned sq_entries_max = 0;    ///< the SQ is made no larger than this; 0 = as asked
  unsigned cq_entries_max = 0;    ///< likewise the CQ
  bool busy_on_overflow = false;  ///< a submit while the CQ overflows is -EBUSY: before Linux 5.19

  int setup_result = 0;              ///< a negative errno: every io_uring_queue_init fails with it
  unsigned refused_setup_flags = 0;  ///< IORING_SETUP_ bits answered -EINVAL: an older kernel
  unsigned missing_features = 0;     ///< IORING_FEAT_ bits that are not reported
  std::vector<int> missing_opcodes;  ///< answered -EINVAL, and absent from the probe

  unsigned preemption_percent = 10;    ///< of the points at which another thread may go on
  bool preempt_at_locks = false;       ///< of these, pthread_mutex_lock and unlock
  unsigned clock_jumps_percent = 0;    ///< of enters: 1 ms to 1 s pass before
  unsigned late_cancels_percent = 66;  ///< of cancels that find their operation at work: EALREADY
  unsigned failed_allocations_percent = 0;  ///< of operator new; needs the object memory_watch
  std::uint64_t allocation_to_fail = 0;     ///< this one fails, counted from 1; 0 = none
  unsigned stalled_cores_percent = 0;       ///< of the choices of the next thread: one is held up

  /// For shrinking. A switch that nothing forced and that does not happen: its thread goes on.
  std::uint64_t switch_limit = std::numeric_limits<std::uint64_t>::max();
  /// A switch's number is its event's `offset`: it stays the same when others are left out.
  std::vector<std::uint64_t> suppressed_switches;
  /// These switches happen and no others, whatever is drawn.
  std::optional<std::vector<std::uint64_t>> only_switches;

  /// For shrinking. A fault that does not happen leaves all other draws as they were.
  std::uint64_t fault_limit = std::numeric_limits<std::uint64_t>::max();  ///< none after so many
  std::vector<std::uint64_t> suppressed_faults;  ///< the numbers, from 1, of faults left out
  /// These faults happen and no others, whatever is drawn: places as in a Ledger, ascending.
  std::optional<std::vector<std::uint64_t>> only_faults;

  /// Paths that begin with this folder, e.g. "/sim", are files in memory; empty: none are. It is
  /// there, and empty, when the run begins. See "Files in memory" below.
  std::string files_in_memory;
  bool keep_files = false;  ///< `begin` leaves the files of the run before, as after a restart
  std::uint64_t crash_at_step = 0;   ///< the change of a file, from 1, that the power fails at
  unsigned disk_sector_bytes = 512;  ///< written whole or not at all; O_DIRECT's alignment
  DirectIo direct_io = DirectIo::told;
  std::uint64_t disk_bytes_max = 0;  ///< the disk is full then; 0 = never

  bool poison_entries = true;       ///< marks consumed SQEs, so that an unset user_data is noticed
  bool watch_buffers = true;        ///< hashes buffers in flight
  bool allow_unfinished = false;    ///< no never_..., no ring_left_open
  bool wait_for_outside = false;    ///< a wait for a pipe or terminal really waits for the world
  bool allow_shared_rings = false;  ///< no wrong_thread
  bool watch_descriptors = false;   ///< descriptor_left_open; gentle() and rough() set it
  std::uint64_t in_flight_limit = 65'536;       ///< beyond these: grows_without_bound
  std::uint64_t overflow_limit = 65'536;        ///< completions kept aside, of one ring
  std::uint64_t allocations_limit = 4'000'000;  ///< not freed again
  unsigned idle_calls_max = 200'000;            ///< looks at an empty CQ in a row: spins_for_ever
  std::size_t record_max = 1u << 16;            ///< events kept; beyond, the oldest half is dropped
};

/// Every kind of delay, no faults: a program that is right must pass with each seed.
Options gentle(std::uint64_t seed);
/// Each seed has its own mixture of faults, some none of a kind, some many, small rings among them.
Options rough(std::uint64_t seed);

/// Starts a run. An unfinished earlier one is dropped without its final checks.
void begin(Options options);
/// Ends the run: checks that rings are closed, everything is completed and harvested. Counts,
/// record, history and trace_hash stay readable until the next `begin`.
/// Returns  true when no rule was broken during the run.
bool end();
const Options& options() noexcept;

/// A fault at an exact place, beside the random ones. A fault happens once.
struct Fault {
  std::uint64_t enter = 0;      ///< the number of the enter, from 1, that it strikes; 0 = none
  std::uint64_t operation = 0;  ///< the number of the operation, from 1, that it strikes; 0 = none
  /// Or the next operation of this kind, whatever its number; -1 = none. IORING_OP_READ and _WRITE
  /// stand for those with vectors and registered buffers too, IORING_OP_OPENAT for OPENAT2.
  int opcode = -1;
  std::int64_t byte = -1;  ///< with `opcode`: only one that moves this byte of a file; -1 = any
  int result = 0;          ///< negative errno that the enter returns or the operation ends with

  std::int64_t entries_max = -1;  ///< of an enter: consumes at most so many; -1 = as handed over

  std::uint32_t bytes_max = 0;          ///< of an operation: moves at most so many; 0 = as asked
  std::int64_t delay_nanoseconds = -1;  ///< of an operation: until it is done; -1 = as drawn
};
void script(Fault fault);

using ViolationHandler = void (*)(const Violation& violation, void* context);
/// The default, restored by nullptr, prints the violation on standard error and aborts. A handler
/// that returns lets the program go on: a wait that could not end returns -EDEADLK. It must not
/// throw.
void set_violation_handler(ViolationHandler handler, void* context = nullptr);
/// The last one of this run, nullptr if none. `violation_count()` counts them.
const Violation* last_violation() noexcept;
std::uint64_t violation_count() noexcept;

/// Asked at each wait that really sleeps: how many tasks could run now? Not zero means the program
/// sleeps with work. Stays set over runs; nullptr takes it away. A thread made during the run has
/// one of its own, and it is asked only at that thread's waits.
using ReadyProbe = std::size_t (*)(void* context);
void set_ready_probe(ReadyProbe probe, void* context = nullptr);
/// How many messages of other threads wait for this thread? Asked, on any thread, when all threads
/// sleep: not zero means that a wake-up was lost. A thread may have several, until it ends.
void add_queue_probe(ReadyProbe probe, void* context);
void remove_queue_probe(void* context);
/// More enters than this break a rule. 0 = no limit. `begin` resets it.
void set_enter_budget(std::uint64_t enters) noexcept;

struct Counts {
  std::uint64_t enters = 0;       ///< io_uring_enter system calls there would have been
  std::uint64_t waits = 0;        ///< enters that asked for at least one completion
  std::uint64_t sleeps = 0;       ///< of these, the ones that had to sleep
  std::uint64_t submitted = 0;    ///< SQEs consumed
  std::uint64_t completions = 0;  ///< CQEs posted
  std::uint64_t harvested = 0;    ///< CQEs released by the program
  std::uint64_t overflowed = 0;   ///< CQEs that did not fit and were kept aside
  std::uint64_t faults = 0;       ///< faults drawn, suppressed ones too
  std::uint64_t switches = 0;     ///< between threads, that nothing forced; suppressed ones too
  std::uint64_t rings_opened = 0;
  std::uint64_t allocations = 0;  ///< operator new; needs the object memory_watch
  std::uint64_t frees = 0;
  std::uint64_t failed_allocations = 0;
  std::uint64_t buffers_lent = 0;  ///< provided buffers given to the kernel
  std::uint64_t buffers_used = 0;  ///< of these, the ones that a completion named
  std::uint64_t in_flight = 0;     ///< now
  std::uint64_t in_flight_max = 0;
  std::uint64_t clock_looks = 0;   ///< calls of percore::now()
  std::uint64_t disk_steps = 0;    ///< changes and syncs of files in memory
  std::uint64_t opcodes[64] = {};  ///< SQEs by opcode
};
Counts counts() noexcept;

/// Keeps a ledger of each run from the next `begin` on. nullptr: none. The caller keeps it alive.
void set_ledger(Ledger* ledger) noexcept;

/// What happened, in order. `user_data` is an address in most programs and no part of the hash.
struct Event {
  enum class Kind : std::uint8_t {
    ring_opened,
    ring_closed,
    enter,
    enter_returned,
    submitted,
    issued,
    parked,
    finished,
    posted,
    overflowed,
    harvested,
    slept,
    fault,
    cancel_asked,
    violation,
    thread_started,
    thread_ended,
    switched,  ///< to thread `result`; `offset` is the switch's number, 0 = forced
    blocked,   ///< `result` is where, as place_name() says it
    woken,     ///< thread `offset` is ready; `result` is 0, 1 by its deadline, 2 by despair
    stalled,   ///< the core of thread `offset` does not run it for `length` nanoseconds
    mark,  ///< the program's own words; result 0 begins, 1 ends, 2 says; length and offset: `word`s
    message,      ///< operation `operation` sent `result` to ring `offset`
    clock_jumped  ///< by `offset` nanoseconds
  };
  Kind kind;
  std::uint8_t opcode = 0;
  std::int32_t result = 0;
  std::int32_t fd = -1;
  std::uint32_t length = 0;
  std::uint64_t offset = 0;
  std::uint64_t operation = 0;
  std::uint64_t user_data = 0;
  std::int64_t time_nanoseconds = 0;
  std::uint32_t ring = 0;  ///< its number in the order of opening, from 1; 0 = none in particular
  std::uint32_t executor = 0;  ///< the thread it happened on, from 0 in the order of their start
};
const char* kind_name(Event::Kind kind) noexcept;
/// The kernel's name, e.g. "IORING_OP_READ".
const char* opcode_name(unsigned opcode) noexcept;
const std::vector<Event>& record() noexcept;
/// A mark's lane (its Event::length) or text (its Event::offset).
const std::string& word(std::size_t index) noexcept;
/// Puts words of the program's own into the record, on a lane of their own in a picture: "task 3".
/// what  0 = begins, 1 = ends, 2 = `text` is said at this moment. Programs use <percore/mark.hpp>.
void mark(int what, std::string lane, std::string text = {});
/// The record in words, a line an event: of one operation, or of everything (0), at most the last
/// `lines_max`.
std::string history(std::uint64_t operation = 0, std::size_t lines_max = 60);
/// One number for the whole run: equal runs have equal hashes, whatever their addresses were.
std::uint64_t trace_hash() noexcept;

/// The virtual clock, as percore::now() reads it. It jumps to the next completion when the program
/// waits.
std::int64_t time_nanoseconds() noexcept;
void advance(std::int64_t nanoseconds);

/// Another thread may go on here, if the seed has it so: for code that is no system call, between
/// two looks at an atomic for example. Costs next to nothing in a program of one thread.
void preemption_point() noexcept;
/// Where a thread waits, in words: the `result` of an event `blocked`.
const char* place_name(unsigned place) noexcept;

// Files in memory. With Options::files_in_memory the ring's operations on paths below that folder
// (and relative to descriptors opened there) act on a disk in memory that knows what was synced.
// Ordinary system calls see none of it: open(2) finds no such path, and a descriptor is an empty
// anonymous file to them, though close, dup and fcntl work as ever. Owners and permissions are not
// looked at. No O_PATH, no O_TMPFILE, no splice.
//
// After a crash there is left, of each sector, what was synced or anything written since; of each
// name what was synced in its directory, or what became of it since, each rename whole; of a file's
// size the synced one or a later one. tools/simring/memory_disk.hpp has the whole model.
//
// The power may also fail at a change that the program makes, `crash_at_step`: the run goes on to
// its end on a disk that no longer counts, so that nothing has to be torn down by force. What the
// program was told before `crashed()` became true must be found again, nothing else need be:
//
//   begin({.files_in_memory = "/sim", .crash_at_step = step});
//   run_the_program();            // notes what it was told, while !crashed()
//   end();
//   crash(seed);                  // several seeds: several ways to survive
//   examine(file_content("/sim/log"));  // or begin with keep_files, and let it recover

/// The power fails: rings are gone, and of the files in memory what survives by `seed` is left, at
/// `crash_at_step` or else as of now. 0 leaves only what was synced, 1 everything, others any of
/// what may be. Descriptors of files in memory give -EBADF afterwards.
void crash(std::uint64_t seed);
/// True from the step of this run on at which it crashes.
bool crashed() noexcept;
/// Makes a file in memory, with the folders above it, all of it synced.
/// Returns  0 or a negative errno.
int make_file(const std::string& path, const std::string& content);
/// nullopt when there is no such file in memory.
std::optional<std::string> file_content(const std::string& path);
/// The names in a folder in memory, in alphabetical order; nullopt when there is no such folder.
std::optional<std::vector<std::string>> folder_names(const std::string& path);

/// The run queue as a debugger shows it: puts at most `most` coroutines of the executor of this
/// thread into `out`, first to run first. Asked at each event of a run that is debugged, so it must
/// change nothing. QUEUE_HIDDEN when the executor does not show its queue.
using QueueView = std::size_t (*)(void** out, std::size_t most) noexcept;
inline constexpr std::size_t QUEUE_HIDDEN = std::numeric_limits<std::size_t>::max();
void set_queue_view(QueueView view) noexcept;

/// True for values that stand in entries and completions which are not the program's to read.
bool is_poison(std::uint64_t user_data) noexcept;
/// The program has just moved the head of the completion queue: the places it gave back are
/// poisoned now, not at its next call. What is compiled with <percore/check_liburing.hpp> calls
/// it by itself.
void completions_released(io_uring& ring) noexcept;
/// For a handler of SIGSEGV: what the faulting address tells about the ring, or nullptr if nothing.
/// Allocates nothing.
const char* explain_fault(const void* address) noexcept;

/// Memory went back to an allocator. memory_watch.cpp calls these from operator new and delete; a
/// pool of its own may call them too.
void memory_allocated(void* block, std::size_t size_bytes) noexcept;
void memory_freed(void* block, std::size_t size_bytes) noexcept;
/// memory_watch.cpp asks before it allocates; true = std::bad_alloc.
bool allocation_fails() noexcept;
/// While one of these lives, this thread's allocations do not fail: for what is not under test.
class [[nodiscard]] ReliableMemory {
 public:
  ReliableMemory() noexcept;
  ~ReliableMemory();
  ReliableMemory(const ReliableMemory&) = delete;
  ReliableMemory& operator=(const ReliableMemory&) = delete;
};

}  // namespace percore::sim
