// Provided buffers, both ways: a ring of them shared with the kernel, and the older operations that
// add to a list and remove from it. Buffers are used in the order in which they were added.
//
// A buffer is the kernel's from its adding until a completion names it with IORING_CQE_F_BUFFER.

#include "buffer_ring.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "library.hpp"
#include "state.hpp"

namespace percore::sim {

namespace {

constexpr unsigned numbers_max = 65'535;  // USHRT_MAX
constexpr unsigned scribbled_max = 4096;

std::string named(unsigned number, unsigned group) {
  return "buffer " + std::to_string(number) + " of group " + std::to_string(group);
}

bool overlap(const LentBuffer& buffer, std::uintptr_t begin, std::uintptr_t end) {
  return buffer.address < end && begin < buffer.address + buffer.length;
}

bool lent_already(const Ring& ring, const LentBuffer& added) {
  for (const auto& [number, group] : ring.buffer_groups) {
    for (const LentBuffer& lent : group.lent) {
      if (overlap(lent, added.address, added.address + added.length)) return true;
    }
  }
  return false;
}

// What the program reads of a buffer after giving it back is worth nothing: the kernel may have
// filled it again. Seen at once when it holds nothing plausible.
void lend(Ring& ring, unsigned group_number, BufferGroup& group, LentBuffer added) {
  if (session().options.watch_buffers && lent_already(ring, added)) {
    violate(Rule::buffer_lent_twice, 0,
            named(added.number, group_number) +
                " was given to the kernel while the kernel still had it; give each buffer back "
                "once, after a completion has named it");
  }
  auto* const bytes = reinterpret_cast<unsigned char*>(added.address);
  const bool reachable = mapped(bytes, added.length);
  if (reachable && session().options.poison_entries)
    std::memset(bytes, 0xDB, std::min(added.length, scribbled_max));
  if (reachable && session().options.watch_buffers) added.hash = hash_memory(bytes, added.length);
  ++session().counts.buffers_lent;
  group.lent.push_back(added);
}

// A classic group's next buffer, or the ring's at its head as the program has it there.
bool next_buffer(BufferGroup& group, LentBuffer& out) {
  if (group.lent.empty()) return false;
  out = group.lent.front();
  if (group.ring == nullptr) return true;
  const io_uring_buf& entry = group.ring->bufs[group.head & (group.entries - 1)];
  const bool same = entry.addr == out.address && entry.len == out.length && entry.bid == out.number;
  if (same) return true;
  out = {.address = entry.addr, .length = entry.len, .number = entry.bid};
  return true;
}

void check_unchanged(const Operation& operation, const LentBuffer& buffer) {
  if (buffer.hash == 0) return;
  const auto* const bytes = reinterpret_cast<const unsigned char*>(buffer.address);
  if (!mapped(bytes, buffer.length) || hash_memory(bytes, buffer.length) == buffer.hash) return;
  violate(Rule::buffer_changed, operation.id,
          named(buffer.number, operation.sqe.buf_group) +
              " was written to after it had been given to the kernel; it is the kernel's until a "
              "completion names it");
}

void look_at_group(Ring& ring, unsigned number, BufferGroup& group) {
  const auto tail = __atomic_load_n(&group.ring->tail, __ATOMIC_ACQUIRE);
  const auto added = static_cast<std::uint16_t>(tail - group.seen);
  const auto held = static_cast<std::uint16_t>(tail - group.head);
  if (added != 0 && held > group.entries) {
    violate(Rule::buffer_lent_twice, 0,
            std::to_string(held) + " buffers were added to group " + std::to_string(number) +
                ", whose ring has " + std::to_string(group.entries) +
                " places; add a buffer again only after a completion has named it, and advance by "
                "as many as were added");
    group.seen = tail;
    return;
  }
  for (; group.seen != tail; ++group.seen) {
    const io_uring_buf& entry = group.ring->bufs[group.seen & (group.entries - 1)];
    lend(ring, number, group, {.address = entry.addr, .length = entry.len, .number = entry.bid});
  }
}

// A ring at a place of our choosing, as liburing 2.4's io_uring_setup_buf_ring maps it.
std::size_t ring_size(unsigned entries) {
  return entries * sizeof(io_uring_buf);
}

int register_group(Ring& ring, const io_uring_buf_reg& request) {
  static const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  if (request.pad != 0 || request.resv[0] != 0 || request.resv[1] != 0 || request.resv[2] != 0)
    return -EINVAL;
  if (request.ring_addr == 0) return -EFAULT;
  if (request.ring_addr % page != 0) return -EINVAL;
  if (!std::has_single_bit(request.ring_entries) || request.ring_entries > 32'768) return -EINVAL;
  const auto known = ring.buffer_groups.find(request.bgid);
  if (known != ring.buffer_groups.end() &&
      (known->second.ring != nullptr || !known->second.lent.empty()))
    return -EEXIST;
  auto* const shared = reinterpret_cast<io_uring_buf_ring*>(request.ring_addr);
  if (!mapped(shared, ring_size(request.ring_entries))) return -EFAULT;
  BufferGroup& group = ring.buffer_groups[request.bgid];
  group = {};
  group.ring = shared;
  group.entries = request.ring_entries;
  return 0;
}

int unregister_group(Ring& ring, int number) {
  const auto found = ring.buffer_groups.find(static_cast<unsigned>(number));
  if (found == ring.buffer_groups.end()) return -ENOENT;
  if (found->second.ring == nullptr) return -EINVAL;
  ring.buffer_groups.erase(found);
  return 0;
}

}  // namespace

bool select_buffer(Operation& operation, std::size_t size_max, iovec& out) {
  Ring& ring = *operation.ring;
  look_at_buffer_rings(ring);
  const auto found = ring.buffer_groups.find(operation.sqe.buf_group);
  LentBuffer buffer;
  if (found == ring.buffer_groups.end() || !next_buffer(found->second, buffer)) return false;
  const std::size_t size =
      size_max == 0 ? buffer.length : std::min<std::size_t>(size_max, buffer.length);
  out = {.iov_base = reinterpret_cast<void*>(buffer.address), .iov_len = size};
  check_unchanged(operation, buffer);
  return true;
}

unsigned use_selected_buffer(Operation& operation) {
  BufferGroup& group = operation.ring->buffer_groups[operation.sqe.buf_group];
  LentBuffer buffer;
  next_buffer(group, buffer);
  ++session().counts.buffers_used;
  group.lent.pop_front();
  ++group.head;
  return IORING_CQE_F_BUFFER | static_cast<unsigned>(buffer.number) << IORING_CQE_BUFFER_SHIFT;
}

void look_at_buffer_rings(Ring& ring) {
  for (auto& [number, group] : ring.buffer_groups) {
    if (group.ring != nullptr) look_at_group(ring, number, group);
  }
}

void check_lent_freed(Ring& ring, std::uintptr_t begin, std::uintptr_t end) {
  for (const auto& [number, group] : ring.buffer_groups) {
    const auto user = std::find_if(ring.live.begin(), ring.live.end(), [&](const auto& entry) {
      const Operation& operation = entry.second;
      return (operation.sqe.flags & IOSQE_BUFFER_SELECT) != 0 && !operation.result_fixed &&
             operation.state != State::finished && operation.sqe.buf_group == number;
    });
    if (user == ring.live.end()) continue;
    for (const LentBuffer& lent : group.lent) {
      if (!overlap(lent, begin, end)) continue;
      violate(Rule::buffer_freed, user->first,
              named(lent.number, number) + " was freed while " + user->second.opcode->name +
                  " (operation " + std::to_string(user->first) +
                  ") is in flight and may be given it; cancel the operation and wait for its last "
                  "completion first");
      return;
    }
  }
}

int prepare_provide_buffers(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  if (sqe.rw_flags != 0 || sqe.splice_fd_in != 0) return -EINVAL;
  const auto count = static_cast<std::uint32_t>(sqe.fd);
  if (count == 0 || count > numbers_max) return -E2BIG;
  if (sqe.len == 0) return -EINVAL;
  if (!mapped(reinterpret_cast<const void*>(sqe.addr), std::size_t{count} * sqe.len))
    return -EFAULT;
  if (sqe.off > numbers_max) return -E2BIG;
  return sqe.off + count > numbers_max ? -EINVAL : 0;
}

int perform_provide_buffers(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  Ring& ring = *operation.ring;
  BufferGroup& group = ring.buffer_groups[sqe.buf_group];
  if (group.ring != nullptr) return -EINVAL;
  group.classic = true;
  for (unsigned index = 0; index != static_cast<unsigned>(sqe.fd); ++index) {
    lend(ring, sqe.buf_group, group,
         {.address = sqe.addr + std::uint64_t{index} * sqe.len,
          .length = sqe.len,
          .number = static_cast<std::uint16_t>(sqe.off + index)});
  }
  return 0;
}

int prepare_remove_buffers(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  if (sqe.rw_flags != 0 || sqe.addr != 0 || sqe.len != 0 || sqe.off != 0 || sqe.splice_fd_in != 0)
    return -EINVAL;
  const auto count = static_cast<std::uint32_t>(sqe.fd);
  return count == 0 || count > numbers_max ? -EINVAL : 0;
}

int perform_remove_buffers(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  auto& groups = operation.ring->buffer_groups;
  const auto found = groups.find(sqe.buf_group);
  if (found == groups.end()) return -ENOENT;
  if (found->second.ring != nullptr) return -EINVAL;
  auto& lent = found->second.lent;
  const std::size_t count = std::min<std::size_t>(static_cast<unsigned>(sqe.fd), lent.size());
  lent.erase(lent.begin(), lent.begin() + static_cast<std::ptrdiff_t>(count));
  return static_cast<int>(count);
}

}  // namespace percore::sim

using percore::sim::LibraryCall;
using percore::sim::Ring;

extern "C" {

int io_uring_register_buf_ring(io_uring* handle, io_uring_buf_reg* request,
                               unsigned flags) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* const ring = percore::sim::arrive(handle, __func__);
  if (ring == nullptr) return -EBADF;
  return flags != 0 ? -EINVAL : percore::sim::register_group(*ring, *request);
}

int io_uring_unregister_buf_ring(io_uring* handle, int group) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* const ring = percore::sim::arrive(handle, __func__);
  return ring == nullptr ? -EBADF : percore::sim::unregister_group(*ring, group);
}

// Of liburing 2.4 and later; older headers do not declare them.
io_uring_buf_ring* io_uring_setup_buf_ring(io_uring* handle, unsigned entries, int group,
                                           unsigned flags, int* result) LIBURING_NOEXCEPT;
int io_uring_free_buf_ring(io_uring* handle, io_uring_buf_ring* ring, unsigned entries,
                           int group) LIBURING_NOEXCEPT;

io_uring_buf_ring* io_uring_setup_buf_ring(io_uring* handle, unsigned entries, int group,
                                           unsigned flags, int* result) LIBURING_NOEXCEPT {
  void* const place = mmap(nullptr, percore::sim::ring_size(entries), PROT_READ | PROT_WRITE,
                           MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
  if (place == MAP_FAILED) {
    *result = -ENOMEM;
    return nullptr;
  }
  io_uring_buf_reg request{};
  request.ring_addr = reinterpret_cast<std::uint64_t>(place);
  request.ring_entries = entries;
  request.bgid = static_cast<std::uint16_t>(group);
  *result = io_uring_register_buf_ring(handle, &request, flags);
  if (*result == 0) return static_cast<io_uring_buf_ring*>(place);
  munmap(place, percore::sim::ring_size(entries));
  return nullptr;
}

int io_uring_free_buf_ring(io_uring* handle, io_uring_buf_ring* ring, unsigned entries,
                           int group) LIBURING_NOEXCEPT {
  const int result = io_uring_unregister_buf_ring(handle, group);
  if (result == 0) munmap(ring, percore::sim::ring_size(entries));
  return result;
}

}  // extern "C"
