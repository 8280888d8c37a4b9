// Rings: opening, closing, and the memory that a program shares with the kernel. The CQ side lives
// here whole: posting, overflow, and the poison in slots that the program has released.

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "baton.hpp"

namespace percore::sim {

namespace {

// Addresses that no allocator hands out, so that a poisoned user_data used as a pointer faults
// where explain_fault() recognises it. Above ASan's shadow, below where programs are loaded.
constexpr std::uint64_t completion_poison = 0x2DEA'DC0E'0000;
constexpr std::uint64_t entry_poison = 0x2DEA'D50E'0000;
constexpr std::uint64_t poison_span = 0x0100'0000;

constexpr unsigned entries_limit = 32768,
                   completions_limit = 2 * entries_limit;  // IORING_MAX_ENTRIES

constexpr unsigned simulated_flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP |
                                     IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL |
                                     IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
                                     IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;

constexpr unsigned features =
    IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE |
    IORING_FEAT_RW_CUR_POS | IORING_FEAT_CUR_PERSONALITY | IORING_FEAT_FAST_POLL |
    IORING_FEAT_POLL_32BITS | IORING_FEAT_SQPOLL_NONFIXED | IORING_FEAT_EXT_ARG |
    IORING_FEAT_NATIVE_WORKERS | IORING_FEAT_RSRC_TAGS | IORING_FEAT_CQE_SKIP |
    IORING_FEAT_LINKED_FILE;

// io_uring_setup(2): which combinations are EINVAL.
bool flags_valid(unsigned flags) {
  const Options& options = session().options;
  if ((flags & options.refused_setup_flags) != 0) return false;
  if ((flags & ~simulated_flags) != 0) return false;
  if ((flags & IORING_SETUP_DEFER_TASKRUN) != 0 && (flags & IORING_SETUP_SINGLE_ISSUER) == 0)
    return false;
  const unsigned tasks = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_DEFER_TASKRUN;
  return (flags & IORING_SETUP_TASKRUN_FLAG) == 0 || (flags & tasks) != 0;
}

int choose_sizes(unsigned entries, const io_uring_params& params, Ring& ring) {
  const bool clamp = (params.flags & IORING_SETUP_CLAMP) != 0;
  if (entries == 0 || (entries > entries_limit && !clamp)) return -EINVAL;
  ring.sq_entries = std::bit_ceil(std::min(entries, entries_limit));
  ring.cq_entries = 2 * ring.sq_entries;
  if ((params.flags & IORING_SETUP_CQSIZE) != 0) {
    if (params.cq_entries == 0 || (params.cq_entries > completions_limit && !clamp)) return -EINVAL;
    ring.cq_entries = std::bit_ceil(std::min(params.cq_entries, completions_limit));
    if (ring.cq_entries < ring.sq_entries) return -EINVAL;
  }
  const Options& options = session().options;
  if (options.sq_entries_max != 0)
    ring.sq_entries = std::min(ring.sq_entries, std::bit_floor(options.sq_entries_max));
  if (options.cq_entries_max != 0)
    ring.cq_entries = std::min(ring.cq_entries, std::bit_floor(options.cq_entries_max));
  return 0;
}

void make_memory(Ring& ring) {
  ring.shared = std::make_unique<Ring::Shared>();
  ring.shared->sq_count = ring.sq_entries;
  ring.shared->sq_mask = ring.sq_entries - 1;
  ring.shared->cq_count = ring.cq_entries;
  ring.shared->cq_mask = ring.cq_entries - 1;
  ring.array = std::make_unique<unsigned[]>(ring.sq_entries);
  ring.sqes = std::make_unique<io_uring_sqe[]>(ring.sq_entries);
  ring.sqe_copies = std::make_unique_for_overwrite<io_uring_sqe[]>(ring.sq_entries);
  ring.sqe_owners = std::make_unique<Id[]>(ring.sq_entries);
  ring.cqe_memory = std::make_unique<unsigned char[]>(ring.cq_entries * sizeof(io_uring_cqe) + 64);
  ring.cqes = reinterpret_cast<io_uring_cqe*>(ring.cqe_memory.get());
  ring.cqe_owners = std::make_unique<Id[]>(ring.cq_entries);
  if (!session().options.poison_entries) return;
  for (unsigned slot = 0; slot != ring.sq_entries; ++slot)
    ring.sqes[slot].user_data = entry_poison + 256 * slot;
}

// The library's handle, as io_uring_queue_mmap fills it in.
void fill_handle(Ring& ring, io_uring& handle, unsigned reported_features) {
  std::memset(&handle, 0, sizeof handle);
  Ring::Shared& shared = *ring.shared;
  handle.sq.khead = &shared.sq_head;
  handle.sq.ktail = &shared.sq_tail;
  handle.sq.kring_mask = &shared.sq_mask;
  handle.sq.kring_entries = &shared.sq_count;
  handle.sq.kflags = &shared.sq_flags;
  handle.sq.kdropped = &shared.sq_dropped;
  handle.sq.array = ring.array.get();
  handle.sq.sqes = ring.sqes.get();
  handle.sq.ring_ptr = &ring;
  handle.sq.ring_mask = shared.sq_mask;
  handle.sq.ring_entries = shared.sq_count;
  handle.cq.khead = &shared.cq_head;
  handle.cq.ktail = &shared.cq_tail;
  handle.cq.kring_mask = &shared.cq_mask;
  handle.cq.kring_entries = &shared.cq_count;
  handle.cq.kflags = &shared.cq_flags;
  handle.cq.koverflow = &shared.cq_overflow;
  handle.cq.cqes = ring.cqes;
  handle.cq.ring_ptr = &ring;
  handle.cq.ring_mask = shared.cq_mask;
  handle.cq.ring_entries = shared.cq_count;
  handle.flags = ring.flags;
  handle.features = reported_features;
  handle.ring_fd = handle.enter_ring_fd = ring.fd;
}

int make_ring(unsigned entries, io_uring* handle, io_uring_params* params) {
  Session& now = session();
  if (now.options.setup_result != 0) return now.options.setup_result;
  if (!flags_valid(params->flags)) return -EINVAL;
  auto made = std::make_unique<Ring>();
  Ring& ring = *made;
  if (const int result = choose_sizes(entries, *params, ring); result != 0) return result;
  ring.fd =
      eventfd(0, EFD_CLOEXEC);  // a real descriptor, so that leaks are counted as they would be
  if (ring.fd < 0) return -errno;
  ring.flags = params->flags;
  ring.disabled = (params->flags & IORING_SETUP_R_DISABLED) != 0;
  ring.issuer = pthread_self();
  ring.number = ++now.counts.rings_opened;
  ring.executor = current_thread() == nullptr ? 0 : current_thread()->number;
  make_memory(ring);
  params->sq_entries = ring.sq_entries;
  params->cq_entries = ring.cq_entries;
  params->features = features & ~now.options.missing_features;
  fill_handle(ring, *handle, params->features);
  now.open_rings.push_back(&ring);
  now.rings.emplace(&ring, std::move(made));
  note(&ring,
       {.kind = Event::Kind::ring_opened, .length = ring.sq_entries, .offset = ring.cq_entries});
  return 0;
}

}  // namespace

namespace {

// Another thread may be inside a call on it, asleep or preempted: it finds the ring empty and
// closed.
void bury(Ring& ring) {
  Session& now = session();
  const auto found = now.rings.find(&ring);
  now.closed_rings.push_back(std::move(found->second));
  now.rings.erase(found);
  ring.closed = true;
  ring.due.clear();
  ring.parked.clear();
  ring.finished.clear();
  ring.drained.clear();
  ring.counted.clear();
  ring.overflow.clear();
  ring.live.clear();
}

}  // namespace

int open_ring(unsigned entries, io_uring* handle, io_uring_params* params) {
  const int result = make_ring(entries, handle, params);
  session().setup_failed = result != 0;
  return result;
}

void close_ring(Ring& ring, io_uring& handle) {
  Session& now = session();
  note_harvest(ring);
  check_entries(ring, handle.sq.sqe_tail);
  check_closing(ring, handle.sq.sqe_tail - ring.shared->sq_head);
  note(&ring, {.kind = Event::Kind::ring_closed});
  unregister_eventfd(ring);
  ::close(ring.fd);
  std::erase(now.open_rings, &ring);
  if (has_company()) {
    bury(ring);
  } else {
    now.rings.erase(&ring);
  }
  refresh_next_due();
}

Ring* find_ring(const io_uring* handle, const char* function) {
  auto& rings = session().rings;
  const auto found = rings.find(static_cast<Ring*>(handle->sq.ring_ptr));
  if (found != rings.end()) return found->second.get();
  violate(Rule::ring_not_open, 0,
          std::string(function) +
              " was called on a ring that is not open: it was never set up, or its set-up failed, "
              "or it is closed already; check what io_uring_queue_init returned");
  return nullptr;
}

Ring* find_ring(int fd) noexcept {
  for (Ring* ring : session().open_rings) {
    if (ring->fd == fd) return ring;
  }
  return nullptr;
}

void post_completion(Ring& ring, Id operation, std::uint64_t user_data, int result,
                     unsigned flags) {
  Session& now = session();
  note_harvest(ring);
  ++now.counts.completions;
  if (!ring.overflow.empty() ||
      ring.ready() >= ring.cq_entries) {  // behind those that wait already: order is kept
    ring.overflow.push_back({operation, user_data, result, flags});
    ++now.counts.overflowed;
    note(&ring, {.kind = Event::Kind::overflowed,
                 .result = result,
                 .operation = operation,
                 .user_data = user_data});
    update_flags(ring);
    return;
  }
  const unsigned slot = ring.shared->cq_tail & ring.shared->cq_mask;
  ring.cqes[slot].user_data = user_data;
  ring.cqes[slot].res = result;
  ring.cqes[slot].flags = flags;
  ring.cqe_owners[slot] = operation;
  __atomic_store_n(&ring.shared->cq_tail, ring.shared->cq_tail + 1, __ATOMIC_RELEASE);
  note(&ring, {.kind = Event::Kind::posted,
               .result = result,
               .operation = operation,
               .user_data = user_data});
  signal_eventfd(ring, ring.posts_in_submit);
}

void flush_overflow(Ring& ring) {
  note_harvest(ring);
  while (!ring.overflow.empty() && ring.ready() < ring.cq_entries) {
    const Overflowed oldest = ring.overflow.front();
    std::deque<Overflowed> rest;
    rest.swap(ring.overflow);  // so that post_completion sees none ahead of this one
    --session().counts.completions;
    post_completion(ring, oldest.operation, oldest.user_data, oldest.result, oldest.flags);
    rest.swap(ring.overflow);
    ring.overflow.pop_front();
  }
  update_flags(ring);
}

// Sees how far the program has released completions. Their slots belong to the kernel again:
// poisoned, so that a pointer kept to one reads nothing plausible.
void note_harvest(Ring& ring) {
  const unsigned head = ring.load_head();
  if (head == ring.cq_released) return;
  const unsigned available = ring.shared->cq_tail - ring.cq_released;
  unsigned released = head - ring.cq_released;
  if (released > available) {
    violate(Rule::head_past_tail, 0,
            std::to_string(released) + " completions were released, but only " +
                std::to_string(available) +
                " were there; call io_uring_cqe_seen once for each CQE that was got, and not after "
                "an error");
    released = available;
    ring.shared->cq_head = ring.shared->cq_tail;
  }
  for (unsigned count = 0; count != released; ++count) {
    const unsigned slot = (ring.cq_released + count) & ring.shared->cq_mask;
    note(&ring, {.kind = Event::Kind::harvested,
                 .result = ring.cqes[slot].res,
                 .operation = ring.cqe_owners[slot],
                 .user_data = ring.cqes[slot].user_data});
    ring.cqes[slot].user_data = completion_poison + 256 * slot;
    ring.cqes[slot].res = -0x0DEADC0E;
    ring.cqes[slot].flags = 0;
  }
  session().counts.harvested += released;
  ring.cq_released += released;
}

// A head past the tail is left as it is: the next call tells of it.
void completions_released(io_uring& handle) noexcept {
  const Call call;
  const auto found = session().rings.find(static_cast<Ring*>(handle.sq.ring_ptr));
  if (found == session().rings.end()) return;
  Ring& ring = *found->second;
  const unsigned released = ring.load_head() - ring.cq_released;
  if (released <= ring.shared->cq_tail - ring.cq_released) note_harvest(ring);
}

void update_flags(Ring& ring) {
  unsigned flags = ring.overflow.empty() ? 0 : IORING_SQ_CQ_OVERFLOW;
  if (!ring.finished.empty() && (ring.flags & IORING_SETUP_TASKRUN_FLAG) != 0)
    flags |= IORING_SQ_TASKRUN;
  __atomic_store_n(&ring.shared->sq_flags, flags, __ATOMIC_RELEASE);
}

void poison_entry(Ring& ring, unsigned slot) {
  if (session().options.poison_entries) ring.sqes[slot].user_data = entry_poison + 256 * slot;
}

bool is_entry_poison(std::uint64_t value) noexcept {
  return value >= entry_poison && value < entry_poison + poison_span;
}

bool is_completion_poison(std::uint64_t value) noexcept {
  return value >= completion_poison && value < completion_poison + poison_span;
}

bool is_poison(std::uint64_t user_data) noexcept {
  return is_entry_poison(user_data) || is_completion_poison(user_data);
}

const char* explain_fault(const void* address) noexcept {
  const auto value = reinterpret_cast<std::uint64_t>(address);
  // An offset into the object that the pointer was taken for may lead past the poison itself.
  if (value >= completion_poison - 4096 && value < completion_poison + poison_span) {
    return "a CQE was read after it had been released, and its user_data used as a pointer; copy "
           "what you need before "
           "io_uring_cqe_seen or io_uring_cq_advance";
  }
  if (value >= entry_poison - 4096 && value < entry_poison + poison_span) {
    return "the user_data of an operation was used as a pointer, but nobody set it; call "
           "io_uring_sqe_set_data for "
           "each SQE";
  }
  if (value >= 4096) return nullptr;
  if (session().setup_failed) {
    return "a null pointer was used after io_uring_queue_init had failed; look at what it "
           "returned: "
           "a negative number is an error, and then there is no ring";
  }
  if (session().open_rings.empty()) return nullptr;
  return "a null pointer was used; io_uring_get_sqe returns NULL when the submission queue is full "
         "(submit, then ask again), and a wait or peek that fails leaves no CQE to look at";
}

}  // namespace percore::sim
