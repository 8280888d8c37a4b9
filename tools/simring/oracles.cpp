// What a program must not do while the kernel holds its memory. Each finding says what happened and
// what to do.

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "baton.hpp"

extern "C" void* __asan_region_is_poisoned(void* begin, std::size_t size) __attribute__((weak));

namespace percore::sim {

namespace {

struct StackBounds {
  std::uintptr_t low = 0, high = 0;
};

StackBounds stack_of_this_thread() {
  static thread_local StackBounds bounds;
  if (bounds.high != 0) return bounds;
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return bounds;
  void* low = nullptr;
  std::size_t size = 0;
  pthread_attr_getstack(&attributes, &low, &size);
  pthread_attr_destroy(&attributes);
  bounds.low = reinterpret_cast<std::uintptr_t>(low);
  bounds.high = bounds.low + size;
  return bounds;
}

// True for an address in this thread's stack below every frame of the program: the frame it was in
// has returned.
bool below_stack(const void* address) {
  const auto value = reinterpret_cast<std::uintptr_t>(address);
  return value < reinterpret_cast<std::uintptr_t>(program_frame()) &&
         value >= stack_of_this_thread().low;
}

bool on_stack(const Operation& operation) {
  const StackBounds bounds = stack_of_this_thread();
  const auto value = reinterpret_cast<std::uintptr_t>(operation.buffers().front().iov_base);
  return value >= bounds.low && value < bounds.high;
}

bool poisoned(const iovec& part) {
  return __asan_region_is_poisoned != nullptr && part.iov_len != 0 &&
         __asan_region_is_poisoned(part.iov_base, part.iov_len) != nullptr;
}

#if defined(__clang__) || defined(__GNUC__)
__attribute__((no_sanitize("address")))
#endif
std::uint64_t
hash_bytes(const unsigned char* bytes, std::size_t size, std::uint64_t hash) {
  std::uint64_t word = 0;
  for (; size >= sizeof word; bytes += sizeof word, size -= sizeof word) {
    __builtin_memcpy(&word, bytes, sizeof word);
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 29;
  }
  for (; size != 0; ++bytes, --size) hash = (hash ^ *bytes) * 0x100000001B3u;
  return hash;
}

constexpr std::size_t hashed_part_bytes =
    32 * 1024;  // of a larger buffer: its beginning and its end

std::uint64_t hash_part(const iovec& part, std::uint64_t hash) {
  const auto* const bytes = static_cast<const unsigned char*>(part.iov_base);
  if (part.iov_len <= 2 * hashed_part_bytes) return hash_bytes(bytes, part.iov_len, hash);
  hash = hash_bytes(bytes, hashed_part_bytes, hash);
  return hash_bytes(bytes + part.iov_len - hashed_part_bytes, hashed_part_bytes, hash);
}

std::uint64_t hash_of(const Operation& operation) {
  std::uint64_t hash = 1;
  for (const iovec& part : operation.buffers()) hash = hash_part(part, hash);
  return hash;
}

bool overlaps(const iovec& part, std::uintptr_t begin, std::uintptr_t end) {
  const auto first = reinterpret_cast<std::uintptr_t>(part.iov_base);
  return first < end && begin < first + part.iov_len;
}

std::string named(const Operation& operation) {
  return std::string(opcode_name(operation.sqe.opcode)) + " (operation " +
         std::to_string(operation.id) + ")";
}

std::string counted(std::size_t count, const char* one, const char* several) {
  return std::to_string(count) + " " + (count == 1 ? one : several);
}

// After a finding that the handler let pass: the operation must not touch that memory.
void let_go_of_buffers(Operation& operation) {
  operation.watched = false;
  operation.single = {};
  operation.vectors.clear();
  if (!operation.result_fixed) {
    operation.result_fixed = true;
    operation.result = -EFAULT;
  }
}

bool check_dead(Operation& operation) {
  const bool same_thread = pthread_equal(operation.thread, pthread_self()) != 0;
  for (const iovec& part : operation.buffers()) {
    const bool returned = same_thread && below_stack(part.iov_base);
    if (!returned && !poisoned(part)) continue;
    const std::string sentence = "the buffer of " + named(operation) +
                                 (returned ? " was in a function that has returned"
                                           : " is in memory that is no longer the program's") +
                                 ", but the operation is still in flight; keep the buffer alive "
                                 "until its completion has been harvested";
    let_go_of_buffers(operation);
    violate(Rule::buffer_dead, operation.id, sentence);
    return false;
  }
  return true;
}

}  // namespace

// Memory that is not mapped is EFAULT for the kernel; reading it here would end the program.
bool mapped(const void* begin, std::size_t size_bytes) {
  static const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto first = reinterpret_cast<std::uintptr_t>(begin);
  const std::uintptr_t first_page = first & ~(page - 1);
  return size_bytes == 0 ||
         msync(reinterpret_cast<void*>(first_page), first + size_bytes - first_page, MS_ASYNC) == 0;
}

std::uint64_t hash_memory(const void* begin, std::size_t size_bytes) {
  return hash_part({.iov_base = const_cast<void*>(begin), .iov_len = size_bytes}, 1) | 1;
}

void watch(Operation& operation) {
  if (!session().options.watch_buffers || operation.buffers().empty()) return;
  for (const iovec& part : operation.buffers()) {
    if (!mapped(part.iov_base, part.iov_len)) return;
  }
  operation.watched = true;
  operation.content_hash = hash_of(operation);
}

bool check_buffers(Operation& operation) {
  if (!operation.watched) return true;
  if (!check_dead(operation)) return false;
  for (const iovec& part : operation.buffers()) {
    if (!mapped(part.iov_base, part.iov_len))
      return true;  // unmapped since: the transfer itself says EFAULT
  }
  if (hash_of(operation) == operation.content_hash) return true;
  operation.content_hash = hash_of(operation);
  violate(Rule::buffer_changed, operation.id,
          "the buffer of " + named(operation) +
              " changed while the operation was in flight; from the submit to the completion it "
              "belongs to the "
              "kernel: neither write to it nor give it to another operation" +
              (on_stack(operation)
                   ? "; it lies on the stack, has the function that declared it returned?"
                   : ""));
  return true;
}

void rehash_overlapping(const Ring& ring, const Operation& writer) {
  for (const auto& [id, other] : ring.live) {
    if (!other.watched || id == writer.id) continue;
    for (const iovec& part : writer.buffers()) {
      const auto begin = reinterpret_cast<std::uintptr_t>(part.iov_base);
      for (const iovec& theirs : other.buffers()) {
        if (!overlaps(theirs, begin, begin + part.iov_len)) continue;
        const_cast<Operation&>(other).content_hash = hash_of(other);
      }
    }
  }
}

void check_stack(Ring& ring) {
  constexpr std::size_t checked_max = 64;  // beyond, it is seen at the completion only
  if (ring.live.size() > checked_max) return;
  for (auto& [id, operation] : ring.live) {
    if (operation.watched && operation.state != State::finished) check_dead(operation);
  }
}

// Entries that the kernel has consumed and the program has not taken again must be as they were.
void check_entries(Ring& ring, unsigned acquired_tail) {
  constexpr unsigned compared_max = 256;
  ring.acquired_tail = acquired_tail;
  const unsigned head = ring.shared->sq_head;
  const unsigned acquired = acquired_tail - head;
  if (acquired > ring.sq_entries) return;
  const unsigned count = std::min(ring.sq_entries - acquired, compared_max);
  for (unsigned back = 1; back <= count; ++back) {
    const unsigned slot = (head - back) & ring.shared->sq_mask;
    Id& owner = ring.sqe_owners[slot];
    if (owner == 0 ||
        std::memcmp(&ring.sqes[slot], &ring.sqe_copies[slot], sizeof(io_uring_sqe)) == 0)
      continue;
    const Id operation = owner;
    owner = 0;
    violate(Rule::entry_changed, operation,
            "the entry of operation " + std::to_string(operation) +
                " was written to after its submit, which the kernel does not see; fill in an SQE "
                "completely, user_data "
                "too, before io_uring_submit");
  }
}

void check_before_submit(const Operation& operation) {
  if (operation.opcode->arguments == nullptr) return;
  Argument arguments[arguments_max];
  const std::size_t count =
      operation.opcode->arguments(operation.sqe, std::span<Argument, arguments_max>(arguments));
  for (const Argument& argument : std::span(arguments, count)) {
    const iovec part{.iov_base = reinterpret_cast<void*>(argument.address),
                     .iov_len = argument.size_bytes};
    if (part.iov_base == nullptr || (!below_stack(part.iov_base) && !poisoned(part))) continue;
    violate(Rule::argument_dead, operation.id,
            std::string("the ") + argument.what + " of " + operation.opcode->name +
                " was gone before the submit: its function has returned, or it was freed; the "
                "kernel reads it in "
                "io_uring_submit, not when the entry is filled in");
    return;
  }
}

void check_sleep(Ring&) {
  Session& now = session();
  const Thread* const thread = current_thread();
  const Probe& probe = thread == nullptr || thread->number == 0 ? now.probe : thread->probe;
  const std::size_t waiting = probe.ask == nullptr ? 0 : probe.ask(probe.context);
  if (waiting == 0) return;
  violate(Rule::sleeps_with_work, 0,
          "the program went to sleep while " + std::to_string(waiting) +
              (waiting == 1 ? " task was" : " tasks were") +
              " ready to run; wait only when nothing is left to run");
}

void check_closing(Ring& ring, unsigned unsubmitted) {
  if (session().options.allow_unfinished) return;
  if (unsubmitted != 0) {
    violate(Rule::never_submitted, 0,
            counted(unsubmitted, "entry was", "entries were") +
                " taken from the submission queue and never submitted; call io_uring_submit until "
                "it has taken them all");
  }
  if (!ring.live.empty()) {
    const Operation& oldest = ring.live.begin()->second;
    violate(Rule::never_completed, oldest.id,
            counted(ring.live.size(), "operation was", "operations were") +
                " still in flight at the end, the oldest is " + named(oldest) +
                "; cancel them if need be, and wait for every completion before tearing down");
  }
  const std::size_t unread = ring.ready() + ring.overflow.size();
  if (unread != 0) {
    violate(Rule::never_harvested,
            ring.ready() != 0 ? ring.cqe_owners[ring.load_head() & ring.shared->cq_mask] : 0,
            counted(unread, "completion was", "completions were") +
                " never harvested; look at each CQE, then call io_uring_cqe_seen or "
                "io_uring_cq_advance");
  }
}

namespace {

thread_local bool in_memory_hook = false;

struct MemoryHook {
  MemoryHook() noexcept { in_memory_hook = true; }
  ~MemoryHook() { in_memory_hook = false; }
};

void check_freed(Operation& operation, std::uintptr_t begin, std::uintptr_t end) {
  if (operation.state != State::finished && operation.watched) {
    for (const iovec& part : operation.buffers()) {
      if (!overlaps(part, begin, end)) continue;
      let_go_of_buffers(operation);
      violate(Rule::buffer_freed, operation.id,
              "the buffer of " + named(operation) +
                  " was freed while the operation was in flight; a cancel only asks: free the "
                  "buffer after the "
                  "operation's own completion");
      return;
    }
  }
  if (operation.sqe.user_data >= begin && operation.sqe.user_data < end) {
    violate(Rule::record_freed, operation.id,
            "the object that user_data of " + named(operation) +
                " points to was freed before the completion; it is used when the CQE is harvested: "
                "keep it alive "
                "until then");
  }
}

}  // namespace

void memory_allocated(void* block, std::size_t size_bytes) noexcept {
  if (in_memory_hook || inside_simulation()) return;
  const MemoryHook hook;
  const std::lock_guard lock(mutex());
  ++session().counts.allocations;
  if (snapshots_wanted()) snapshot_block(block, size_bytes, true);
  check_live_allocations();
}

namespace {

thread_local unsigned reliable_depth = 0;

}  // namespace

ReliableMemory::ReliableMemory() noexcept {
  ++reliable_depth;
}
ReliableMemory::~ReliableMemory() {
  --reliable_depth;
}

bool allocation_fails() noexcept {
  if (in_memory_hook || reliable_depth != 0 || inside_simulation()) return false;
  const MemoryHook hook;
  const std::lock_guard lock(mutex());
  Session& now = session();
  const Options& options = now.options;
  if (!now.running) return false;
  const std::uint64_t number = ++now.allocation_attempts;
  Random random{options.seed ^ (number << 20)};
  const bool drawn = options.failed_allocations_percent != 0 &&
                     random.percent(options.failed_allocations_percent) && fault_strikes(true);
  if (!drawn && number != options.allocation_to_fail) return false;
  ++now.counts.failed_allocations;
  note(nullptr, {.kind = Event::Kind::fault, .result = -ENOMEM, .offset = number});
  return true;
}

void memory_freed(void* block, std::size_t size_bytes) noexcept {
  if (block == nullptr || in_memory_hook || inside_simulation()) return;
  const MemoryHook hook;
  const std::lock_guard lock(mutex());
  ++session().counts.frees;
  if (snapshots_wanted()) snapshot_block(block, size_bytes, false);
  const auto begin = reinterpret_cast<std::uintptr_t>(block);
  for (Ring* ring : session().open_rings) {
    for (auto& [id, operation] : ring->live) check_freed(operation, begin, begin + size_bytes);
    check_lent_freed(*ring, begin, begin + size_bytes);
  }
}

}  // namespace percore::sim
