// What a debugger shows of a run: after each event the rings, the operations in flight, the
// coroutine frames and the run queue, as lines in the file that PERCORE_SIM_SNAPSHOTS names. Only
// what changed of a frame is written. tools/tutor/debug_record.hpp has the lines' grammar.
//
// Frames are found, not announced, so that a learner's own task type is seen as well: a block of
// memory whose first two words are the addresses of code (resume and destroy) is one, or is taken
// for one until the reader looks up which functions these are.

#include <fcntl.h>
#include <unistd.h>
#include <unwind.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "state.hpp"

extern "C" const char __executable_start[], etext[];

namespace percore::sim {

namespace {

constexpr std::size_t frame_bytes_max = 4096;      // of a larger one only the beginning is shown
constexpr std::size_t slab_bytes_min = 32 * 1024;  // a block this large is a pool of frames
constexpr std::size_t queue_length_max = 256;
constexpr std::size_t snapshot_file_bytes_max = 64u << 20;

struct Snapshots {
  int fd = -1;
  std::size_t bytes = 0;
  std::map<std::uintptr_t, std::size_t> blocks;    // live memory of the program
  std::map<std::uintptr_t, std::uint64_t> frames;  // as last written: address, hash
  QueueView queue = nullptr;
  std::string text;  // of the step that is being written
};

// Never destroyed, as the session.
Snapshots& snapshots() noexcept {
  alignas(Snapshots) static unsigned char memory[sizeof(Snapshots)];
  static Snapshots& only = *new (memory) Snapshots;
  return only;
}

bool is_code(std::uintptr_t address) {
  return address >= reinterpret_cast<std::uintptr_t>(__executable_start) &&
         address < reinterpret_cast<std::uintptr_t>(etext);
}

template <typename... Args>
void add(const char* pattern, Args... args) {
  char line[256];
  std::snprintf(line, sizeof line, pattern, args...);
  snapshots().text += line;
}

// A finished coroutine has no resume function any more.
bool looks_like_frame(std::uintptr_t address) {
  std::uintptr_t words[2];
  std::memcpy(words, reinterpret_cast<const void*>(address), sizeof words);
  return (words[0] == 0 || is_code(words[0])) && is_code(words[1]);
}

void add_frame(std::uintptr_t address, std::size_t size) {
  std::uint64_t hash = 0xCBF29CE484222325u;
  // Whole words: an allocator hands out no less.
  std::vector<std::uint64_t> words((std::min(size, frame_bytes_max) + 7) / 8);
  std::memcpy(words.data(), reinterpret_cast<const void*>(address), words.size() * 8);
  for (const std::uint64_t word : words) hash = (hash ^ word) * 0x100000001B3u ^ (hash >> 29);
  const auto [known, is_new] = snapshots().frames.emplace(address, hash);
  if (!is_new && known->second == hash) return;
  known->second = hash;
  add("F %llx", static_cast<unsigned long long>(address));
  for (const std::uint64_t word : words) add(" %llx", static_cast<unsigned long long>(word));
  snapshots().text += '\n';
}

void add_frames() {
  Snapshots& now = snapshots();
  std::vector<std::pair<std::uintptr_t, std::size_t>> found;
  for (const auto& [begin, size] : now.blocks) {
    if (size < slab_bytes_min) {
      if (size >= 24 && looks_like_frame(begin)) found.emplace_back(begin, size);
      continue;
    }
    // In a pool a freed block begins with the address of the next one, which is no code. How far a
    // frame reaches is not known here: at most to the next one.
    for (std::uintptr_t at = begin; at + 24 <= begin + size; at += 16) {
      if (!looks_like_frame(at)) continue;
      if (!found.empty() && found.back().first + found.back().second > at)
        found.back().second = at - found.back().first;
      found.emplace_back(at, std::min<std::size_t>(1024, begin + size - at));
    }
  }
  for (auto known = now.frames.begin(); known != now.frames.end();) {
    const bool lives = std::ranges::binary_search(found, known->first, {},
                                                  &std::pair<std::uintptr_t, std::size_t>::first);
    if (!lives) add("G %llx\n", static_cast<unsigned long long>(known->first));
    known = lives ? std::next(known) : now.frames.erase(known);
  }
  for (const auto& [address, size] : found) add_frame(address, size);
}

// An operation that nothing is linked to is "chained" for a moment as well: until it starts.
bool waits_for_a_link(const Ring& ring, const Operation& operation) {
  const auto at = ring.live.find(operation.id);
  if (at == ring.live.end() || at == ring.live.begin()) return false;
  const Operation& before = std::prev(at)->second;
  const bool asks_for_it = (before.sqe.flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK)) != 0;
  return before.next == operation.id || (before.state == State::chained && asks_for_it);
}

const char* state_name(const Ring& ring, const Operation& operation) {
  switch (operation.state) {
    case State::chained:
      return waits_for_a_link(ring, operation) ? "linked" : "handed";
    case State::drained:
      return "drained";
    case State::flying:
      return "flying";
    case State::parked:
      return "parked";
    case State::finished:
      return "done";
  }
  return "unknown";
}

void add_rings() {
  for (const Ring* ring : session().open_rings) {
    const Ring::Shared& shared = *ring->shared;
    const unsigned filled =
        std::max(ring->acquired_tail - shared.sq_head, shared.sq_tail - shared.sq_head);
    add("R %llu %u %u %u %u %u %zu\n", static_cast<unsigned long long>(ring->number),
        std::min(filled, ring->sq_entries), shared.sq_tail - shared.sq_head, ring->sq_entries,
        ring->ready(), ring->cq_entries, ring->overflow.size());
    // Filled in, and not yet taken: no operations so far.
    for (unsigned i = shared.sq_head; i != shared.sq_head + std::min(filled, ring->sq_entries);
         ++i) {
      const io_uring_sqe& entry = ring->sqes[i & shared.sq_mask];
      add("O 0 %llu filled %s %d %llx -1 0\n", static_cast<unsigned long long>(ring->number),
          opcode_name(entry.opcode), entry.fd, static_cast<unsigned long long>(entry.user_data));
    }
    for (unsigned i = ring->load_head(); i != shared.cq_tail; ++i) {
      const io_uring_cqe& entry = ring->cqes[i & shared.cq_mask];
      add("O %llu %llu posted - -1 %llx -1 %d\n",
          static_cast<unsigned long long>(ring->cqe_owners[i & shared.cq_mask]),
          static_cast<unsigned long long>(ring->number),
          static_cast<unsigned long long>(entry.user_data), entry.res);
    }
    for (const auto& [id, operation] : ring->live)
      add("O %llu %llu %s %s %d %llx %lld %d\n", static_cast<unsigned long long>(id),
          static_cast<unsigned long long>(ring->number), state_name(*ring, operation),
          opcode_name(operation.sqe.opcode), operation.sqe.fd,
          static_cast<unsigned long long>(operation.sqe.user_data),
          static_cast<long long>(operation.state == State::flying ? operation.due : -1),
          operation.result);
  }
}

void add_queue() {
  if (snapshots().queue == nullptr) return;
  void* coroutines[queue_length_max];
  const std::size_t length = snapshots().queue(coroutines, queue_length_max);
  if (length == QUEUE_HIDDEN) return;
  snapshots().text += 'Q';
  for (std::size_t i = 0; i < std::min(length, queue_length_max); ++i)
    add(" %llx", static_cast<unsigned long long>(reinterpret_cast<std::uintptr_t>(coroutines[i])));
  snapshots().text += '\n';
}

_Unwind_Reason_Code keep(_Unwind_Context* context, void*) {
  const auto address = _Unwind_GetIP(context);
  if (is_code(address)) add(" %llx", static_cast<unsigned long long>(address));
  return _URC_NO_REASON;
}

void write_step() {
  Snapshots& now = snapshots();
  now.bytes += now.text.size();
  for (std::string_view rest = now.text; !rest.empty();) {
    const ssize_t wrote = write(now.fd, rest.data(), rest.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) break;
    rest.remove_prefix(static_cast<std::size_t>(wrote));
  }
  now.text.clear();
  if (now.bytes < snapshot_file_bytes_max) return;
  close(now.fd);
  now.fd = -1;
}

}  // namespace

bool snapshots_wanted() noexcept {
  // Asked by the first allocation, which may come before main.
  static const bool wanted = [] {
    const char* const path = std::getenv("PERCORE_SIM_SNAPSHOTS");
    if (path == nullptr) return false;
    snapshots().fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (snapshots().fd < 0) std::perror(path);
    snapshot_begin();  // a program may never call begin()
    return snapshots().fd >= 0;
  }();
  return wanted && snapshots().fd >= 0;
}

void snapshot(const Event& event, const std::string& words) {
  add("E %lld %llu %u %u %s ", static_cast<long long>(event.time_nanoseconds),
      static_cast<unsigned long long>(event.operation), event.ring, event.executor,
      kind_name(event.kind));
  snapshots().text += words + '\n';
  add_rings();
  add_frames();
  add_queue();
  snapshots().text += 'S';
  _Unwind_Backtrace(keep, nullptr);
  snapshots().text += '\n';
  write_step();
}

void snapshot_begin() {
  snapshots().text.clear();
  add("B %llx\n", reinterpret_cast<unsigned long long>(__executable_start));
  snapshots().frames.clear();
}

void snapshot_block(void* block, std::size_t size_bytes, bool lives) {
  const auto address = reinterpret_cast<std::uintptr_t>(block);
  if (lives)
    snapshots().blocks[address] = size_bytes;
  else
    snapshots().blocks.erase(address);
}

void set_queue_view(QueueView view) noexcept {
  snapshots().queue = view;
}

}  // namespace percore::sim
