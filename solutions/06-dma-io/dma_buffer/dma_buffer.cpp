#include <percore/dma_buffer.hpp>

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <new>

namespace percore {
namespace {

// How many granules a block of so many bytes takes: also for 0, and near the end of the numbers.
std::size_t granules_for(std::size_t bytes) noexcept {
  return bytes == 0 ? 1 : (bytes - 1) / dma_granule_bytes + 1;
}

}  // namespace

DmaBuffer& DmaBuffer::operator=(DmaBuffer&& other) noexcept {
  // What this one had goes with `moved`, at the end of the function.
  DmaBuffer moved(std::move(other));
  std::swap(arena_, moved.arena_);
  std::swap(first_granule_, moved.first_granule_);
  std::swap(data_, moved.data_);
  std::swap(size_, moved.size_);
  return *this;
}

DmaBuffer::~DmaBuffer() {
  if (arena_ != nullptr) arena_->let_go(first_granule_);
}

DmaBuffer DmaBuffer::slice(std::size_t begin, std::size_t size) const noexcept {
  PERCORE_ASSERT(begin <= size_ && size <= size_ - begin,
                 "a slice reaches beyond its buffer: it may take bytes of [0, size()) alone");
  if (size == 0) return {};
  ++arena_->blocks_[first_granule_].owners;
  return {*arena_, first_granule_, data_ + begin, size};
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
  PERCORE_ASSERT(waiting_ == 0,
                 "an arena was destroyed while a task waits for a buffer: the task must end first");
  PERCORE_ASSERT(free_granules_ == taken_.size(),
                 "an arena was destroyed before its buffers: they must go first");
  // The end of its executor has closed the ring, and everything registered with it went.
  if (registered() && Executor::current_or_null() == &executor_)
    io_uring_unregister_buffers(&executor_.ring().native());
  munmap(memory_, size_bytes());
}

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

// The first granule of the first gap that is long enough; taken_.size() where there is none.
std::size_t DmaArena::find_gap(std::size_t granules) const noexcept {
  std::size_t length = 0;
  for (std::size_t i = 0; i < taken_.size(); ++i) {
    length = taken_[i] ? 0 : length + 1;
    if (length == granules) return i + 1 - granules;
  }
  return taken_.size();
}

// A block, whoever waits.
std::optional<DmaBuffer> DmaArena::take(std::size_t bytes) noexcept {
  const std::size_t granules = granules_for(bytes);
  const std::size_t first = find_gap(granules);
  if (first == taken_.size()) return std::nullopt;
  for (std::size_t i = first; i < first + granules; ++i) taken_[i] = true;
  free_granules_ -= granules;
  blocks_[first] = {.owners = 1, .granules = granules};
  return DmaBuffer(*this, first, memory_ + first * dma_granule_bytes, bytes);
}

std::optional<DmaBuffer> DmaArena::try_allocate(std::size_t bytes) noexcept {
  PERCORE_ASSERT(pthread_equal(thread_, pthread_self()) != 0,
                 "an arena was used on another thread than its executor's: each has its own");
  if (waiting_ != 0) return std::nullopt;
  return take(bytes);
}

// One of those that share the block has gone.
void DmaArena::let_go(std::size_t first_granule) noexcept {
  PERCORE_ASSERT(pthread_equal(thread_, pthread_self()) != 0,
                 "a DmaBuffer went on another thread than its arena's: send a copy of its bytes, "
                 "or the buffer back");
  Block& block = blocks_[first_granule];
  if (--block.owners != 0) return;
  for (std::size_t i = first_granule; i < first_granule + block.granules; ++i) taken_[i] = false;
  free_granules_ += block.granules;
  serve_waiting();
}

void DmaArena::serve_waiting() noexcept {
  while (first_waiting_ != nullptr) {
    Allocation& first = *first_waiting_;
    first.buffer_ = take(first.bytes_);
    if (!first.buffer_) return;  // who comes behind waits too, though there were room for it
    first_waiting_ = first.next_;
    --waiting_;
    first.runnable_.schedule();
  }
}

bool DmaArena::Allocation::await_ready() noexcept {
  if (granules_for(bytes_) > arena_.taken_.size()) return true;  // never: no use to wait
  buffer_ = arena_.try_allocate(bytes_);
  return buffer_.has_value();
}

void DmaArena::Allocation::await_suspend(std::coroutine_handle<> awaiting) noexcept {
  runnable_ = Runnable::of(awaiting);
  (arena_.first_waiting_ == nullptr ? arena_.first_waiting_ : arena_.last_waiting_->next_) = this;
  arena_.last_waiting_ = this;
  ++arena_.waiting_;
}

Result<DmaBuffer> DmaArena::Allocation::await_resume() noexcept {
  if (!buffer_) return std::unexpected(std::error_code(ENOBUFS, std::system_category()));
  return std::move(*buffer_);
}

}  // namespace percore
