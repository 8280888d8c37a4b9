#include <percore/dma_buffer.hpp>

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <new>

namespace percore {
namespace {

constexpr std::size_t bits = 64;

// An arena may outlive its executor, whose ring then took with it what was registered. Another
// executor may by then lie at the same address, so that the address does not tell.
class Departures final : public Poller {
 public:
  void note(Executor& executor) {
    if (executor_ != nullptr) return;
    executor.add_poller(*this);
    executor_ = &executor;
  }
  std::uint64_t gone() const noexcept { return gone_; }

  bool poll() override { return false; }
  bool only_watches() const noexcept override { return true; }
  void executor_gone() noexcept override {
    executor_ = nullptr;
    ++gone_;
  }

  ~Departures() override {
    if (executor_ != nullptr) executor_->remove_poller(*this);
  }

 private:
  Executor* executor_ = nullptr;
  std::uint64_t gone_ = 0;
};

thread_local Departures departures;

std::size_t granules_for(std::size_t bytes) noexcept {
  return bytes == 0 ? 1 : bytes / dma_granule_bytes + (bytes % dma_granule_bytes != 0 ? 1 : 0);
}

}  // namespace

DmaBuffer::~DmaBuffer() {
  if (arena_ != nullptr) arena_->let_go(first_granule_);
}

DmaBuffer DmaBuffer::slice(std::size_t begin, std::size_t size) const noexcept {
  PERCORE_ASSERT(begin <= size_ && size <= size_ - begin,
                 "a slice reaches beyond its buffer: it may take bytes of [0, size()) alone");
  if (size == 0) return {};
  arena_->share(first_granule_);
  return {*arena_, first_granule_, data_ + begin, size};
}

DmaArena::DmaArena(const DmaArenaOptions& options)
    : executor_(Executor::current()),
      executors_gone_(departures.gone()),
      thread_(pthread_self()),
      granules_(granules_for(options.bytes)),
      free_granules_(granules_),
      memory_(nullptr, Unmap{}),
      taken_((granules_ + bits - 1) / bits),
      blocks_(granules_) {
  void* const memory =
      mmap(nullptr, size_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  memory_ = {static_cast<std::byte*>(memory), Unmap{size_bytes()}};
  // The last word's bits beyond the arena are never free.
  if (granules_ % bits != 0) taken_.back() = ~std::uint64_t{0} << (granules_ % bits);
  why_not_registered_ = "registration was not asked for (DmaArenaOptions::registered)";
  if (options.registered) register_with_ring();
}

DmaArena::~DmaArena() {
  PERCORE_ASSERT(waiting_ == 0,
                 "an arena was destroyed while a task waits for a buffer: the task must end first");
  PERCORE_ASSERT(free_granules_ == granules_,
                 "an arena was destroyed before its buffers: they must go first");
  if (registered() && executor_is_there()) io_uring_unregister_buffers(&executor_.ring().native());
}

void DmaArena::Unmap::operator()(std::byte* memory) const noexcept {
  munmap(memory, bytes);
}

bool DmaArena::executor_is_there() const noexcept {
  return pthread_equal(thread_, pthread_self()) != 0 && departures.gone() == executors_gone_;
}

void DmaArena::share(std::size_t first_granule) noexcept {
  PERCORE_ASSERT(pthread_equal(thread_, pthread_self()) != 0,
                 "a DmaBuffer was sliced on another thread than its arena's");
  ++blocks_[first_granule].owners;
}

void DmaArena::register_with_ring() {
  departures.note(executor_);
  const iovec memory{.iov_base = memory_.get(), .iov_len = size_bytes()};
  const int error = -io_uring_register_buffers(&executor_.ring().native(), &memory, 1);
  switch (error) {
    case 0:
      why_not_registered_.clear();
      return;
    case ENOMEM:
    case EPERM:
      why_not_registered_ =
          "the kernel may not pin so much memory for this user: raise the limit (ulimit -l)";
      return;
    case EBUSY:
      why_not_registered_ = "another arena is registered with this executor's ring: use that one";
      return;
    case EFAULT:
    case EINVAL:
    case EOVERFLOW:
      why_not_registered_ = "the kernel registers at most 1 GiB in one piece: make it smaller";
      return;
    default:
      why_not_registered_ =
          std::string("the kernel refused to register the memory: ") + std::strerror(error);
  }
}

std::size_t DmaArena::next(bool taken, std::size_t granule) const noexcept {
  for (std::size_t word = granule / bits; word < taken_.size(); ++word) {
    std::uint64_t wanted = taken ? taken_[word] : ~taken_[word];
    if (word == granule / bits) wanted &= ~std::uint64_t{0} << (granule % bits);
    if (wanted != 0)
      return std::min(word * bits + static_cast<std::size_t>(std::countr_zero(wanted)), granules_);
  }
  return granules_;
}

std::size_t DmaArena::find_gap(std::size_t granules) const noexcept {
  for (std::size_t begin = next(false, first_free_); begin < granules_;) {
    const std::size_t end = next(true, begin);
    if (end - begin >= granules) return begin;
    begin = next(false, end);
  }
  return granules_;
}

void DmaArena::mark(std::size_t granule, std::size_t count, bool taken) noexcept {
  for (const std::size_t end = granule + count; granule < end;) {
    const std::size_t in_word = std::min(bits - granule % bits, end - granule);
    const std::uint64_t mask = (~std::uint64_t{0} >> (bits - in_word)) << (granule % bits);
    if (taken)
      taken_[granule / bits] |= mask;
    else
      taken_[granule / bits] &= ~mask;
    granule += in_word;
  }
}

std::optional<DmaBuffer> DmaArena::take(std::size_t bytes) noexcept {
  const std::size_t granules = granules_for(bytes);
  if (granules > free_granules_) return std::nullopt;
  const std::size_t first = find_gap(granules);
  if (first == granules_) return std::nullopt;
  mark(first, granules, true);
  free_granules_ -= granules;
  if (first == first_free_) first_free_ += granules;
  blocks_[first] = {.owners = 1, .granules = static_cast<std::uint32_t>(granules)};
  return DmaBuffer(*this, first, memory_.get() + first * dma_granule_bytes, bytes);
}

std::optional<DmaBuffer> DmaArena::try_allocate(std::size_t bytes) noexcept {
  PERCORE_ASSERT(pthread_equal(thread_, pthread_self()) != 0,
                 "an arena was used on another thread than its executor's: each has its own");
  if (first_waiting_ != nullptr) return std::nullopt;
  return take(bytes);
}

void DmaArena::let_go(std::size_t first_granule) noexcept {
  PERCORE_ASSERT(pthread_equal(thread_, pthread_self()) != 0,
                 "a DmaBuffer went on another thread than its arena's: send a copy of its bytes, "
                 "or the buffer back");
  Block& block = blocks_[first_granule];
  if (--block.owners != 0) return;
  mark(first_granule, block.granules, false);
  free_granules_ += block.granules;
  first_free_ = std::min(first_free_, first_granule);
  serve_waiting();
}

void DmaArena::serve_waiting() noexcept {
  while (first_waiting_ != nullptr) {
    Allocation& first = *first_waiting_;
    first.buffer_ = take(first.bytes_);
    if (!first.buffer_) return;  // who comes behind waits too, though there were room for it
    first_waiting_ = first.next_;
    if (first_waiting_ == nullptr) end_of_waiting_ = &first_waiting_;
    --waiting_;
    first.runnable_.schedule();
  }
}

bool DmaArena::Allocation::await_ready() noexcept {
  if (granules_for(bytes_) > arena_.granules_) return true;
  buffer_ = arena_.try_allocate(bytes_);
  return buffer_.has_value();
}

void DmaArena::Allocation::await_suspend(std::coroutine_handle<> awaiting) noexcept {
  runnable_ = Runnable::of(awaiting);
  *arena_.end_of_waiting_ = this;
  arena_.end_of_waiting_ = &next_;
  ++arena_.waiting_;
}

Result<DmaBuffer> DmaArena::Allocation::await_resume() noexcept {
  if (!buffer_) return std::unexpected(std::error_code(ENOBUFS, std::system_category()));
  return std::move(*buffer_);
}

}  // namespace percore
