#pragma once

// Provided buffers: groups from which a receive takes its buffer when data is there.

#include <sys/uio.h>

#include <cstdint>
#include <deque>

struct io_uring_buf_ring;

namespace percore::sim {

struct Operation;
struct Ring;

// A buffer that the program has lent to the kernel and the kernel not yet used.
struct LentBuffer {
  std::uint64_t address = 0;
  std::uint32_t length = 0;
  std::uint16_t number = 0;
  std::uint64_t hash = 0;
};

struct BufferGroup {
  bool classic = false;  // made by IORING_OP_PROVIDE_BUFFERS
  io_uring_buf_ring* ring = nullptr;
  unsigned entries = 0;
  std::uint16_t head = 0;  // the next one to be used
  std::uint16_t seen = 0;  // the tail as last seen
  std::deque<LentBuffer> lent;
};

/// Takes the next buffer of the operation's group, at most `size_max` bytes (0 = all of it).
/// Returns  false when there is none: ENOBUFS.
bool select_buffer(Operation& operation, std::size_t size_max, iovec& out);
/// The buffer just selected holds data now. Returns  the flags of its completion.
unsigned use_selected_buffer(Operation& operation);

/// Sees which buffers the program has added to its rings since the last look.
void look_at_buffer_rings(Ring& ring);
/// Memory was freed that an operation in flight may be given.
void check_lent_freed(Ring& ring, std::uintptr_t begin, std::uintptr_t end);

}  // namespace percore::sim
