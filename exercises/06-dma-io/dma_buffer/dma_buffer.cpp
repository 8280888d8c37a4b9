#include <percore/dma_buffer.hpp>

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <new>

namespace percore {
namespace {

// How many granules a block of so many bytes takes.
std::size_t granules_for(std::size_t bytes) noexcept {
  // TODO blocks (B1): whole granules, also for 0 bytes, and for the largest number there is.
  return bytes / dma_granule_bytes;
}

}  // namespace

DmaBuffer::DmaBuffer(DmaBuffer&& other) noexcept {
  // TODO blocks (B3): this one has what the other had, and the other is empty and holds nothing.
  static_cast<void>(other);
}

DmaBuffer& DmaBuffer::operator=(DmaBuffer&& other) noexcept {
  // TODO blocks (B3): the same; what this one had is let go of, once.
  static_cast<void>(other);
  return *this;
}

DmaBuffer::~DmaBuffer() {
  // TODO blocks (B3): tell the arena, if there is a block.
}

DmaBuffer DmaBuffer::slice(std::size_t begin, std::size_t size) const noexcept {
  // TODO sharing (B7): PERCORE_ASSERT that the bytes lie within it. Which sum can overflow?
  // TODO sharing (B3): one more owner of the block. An empty slice holds none.
  static_cast<void>(begin);
  static_cast<void>(size);
  return {};
}

DmaArena::DmaArena(const DmaArenaOptions& options)
    : executor_(Executor::current()),
      thread_(pthread_self()),
      taken_(granules_for(options.bytes)),
      blocks_(taken_.size()),
      free_granules_(taken_.size()) {
  void* const memory =
      mmap(nullptr, size_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  memory_ = static_cast<std::byte*>(memory);
  why_not_registered_ = "registration was not asked for (DmaArenaOptions::registered)";
  if (options.registered) register_with_ring();
}

DmaArena::~DmaArena() {
  // TODO waiting (B7): PERCORE_ASSERT, with a sentence, that nobody waits any more.
  // TODO sharing (B7): PERCORE_ASSERT, with a sentence, that all buffers have gone.
  // The end of its executor has closed the ring, and everything registered with it went.
  if (registered() && Executor::current_or_null() == &executor_)
    io_uring_unregister_buffers(&executor_.ring().native());
  munmap(memory_, size_bytes());
}

// B6. Done: the kernel pins the memory and maps it for the device, once.
void DmaArena::register_with_ring() {
  const iovec memory{.iov_base = memory_, .iov_len = size_bytes()};
  const int error = -io_uring_register_buffers(&executor_.ring().native(), &memory, 1);
  why_not_registered_.clear();
  if (error == ENOMEM || error == EPERM)
    why_not_registered_ =
        "the kernel may not pin so much memory for this user: raise the limit (ulimit -l)";
  else if (error == EBUSY)
    why_not_registered_ = "another arena is registered with this executor's ring: use that one";
  else if (error != 0)
    why_not_registered_ =
        std::string("the kernel refused to register the memory: ") + std::strerror(error);
}

// The first granule of a gap of so many granules; taken_.size() where there is none.
std::size_t DmaArena::find_gap(std::size_t granules) const noexcept {
  // TODO blocks (B2)
  static_cast<void>(granules);
  return taken_.size();
}

// A block, whoever waits. Nothing where there is no gap for it.
std::optional<DmaBuffer> DmaArena::take(std::size_t bytes) noexcept {
  // TODO blocks (B1, B2): mark its granules, and keep in blocks_ what let_go() will have to know.
  static_cast<void>(bytes);
  return std::nullopt;
}

std::optional<DmaBuffer> DmaArena::try_allocate(std::size_t bytes) noexcept {
  // TODO waiting (B4): who waits comes first.
  return take(bytes);
}

// One of the buffers that share the block has gone.
void DmaArena::let_go(std::size_t first_granule) noexcept {
  // TODO sharing (B7): PERCORE_ASSERT, with a sentence, that this is the arena's thread
  // (pthread_equal(thread_, pthread_self())). The same belongs into try_allocate().
  // TODO sharing (B3): was it the last one?
  // TODO blocks (B3): its granules are free again.
  static_cast<void>(first_granule);
  serve_waiting();
}

void DmaArena::serve_waiting() noexcept {
  // TODO waiting (B4): blocks for those who wait, in their order, as long as the first one's fits.
  // They are made ready (Runnable::schedule()), and run later.
}

bool DmaArena::Allocation::await_ready() noexcept {
  // TODO waiting (B5): what could never be had is an error at once.
  buffer_ = arena_.try_allocate(bytes_);
  return true;
}

void DmaArena::Allocation::await_suspend(std::coroutine_handle<> awaiting) noexcept {
  // TODO waiting (B4): behind all who wait. This object lies in the waiting coroutine's frame.
  static_cast<void>(awaiting);
}

Result<DmaBuffer> DmaArena::Allocation::await_resume() noexcept {
  if (!buffer_) return std::unexpected(std::error_code(ENOBUFS, std::system_category()));
  return std::move(*buffer_);
}

}  // namespace percore
