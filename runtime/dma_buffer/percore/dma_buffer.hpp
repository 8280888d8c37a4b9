#pragma once

#include <pthread.h>

#include <coroutine>
#include <cstdint>
#include <memory>
#include <percore/assert.hpp>
#include <percore/contract/dma_buffer.hpp>
#include <utility>
#include <vector>

namespace percore {

class DmaArena;

/// A range of a block of memory that devices read and write. See contract/dma_buffer.hpp.
/// Thread   the arena's.
/// Memory   the block, together with all that share it; the arena owns the memory itself. Whoever
///          gives the bytes to the kernel keeps a buffer that shares them until the completion.
class DmaBuffer {
 public:
  DmaBuffer() noexcept = default;
  DmaBuffer(DmaBuffer&& other) noexcept
      : arena_(std::exchange(other.arena_, nullptr)),
        first_granule_(other.first_granule_),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  DmaBuffer& operator=(DmaBuffer&& other) noexcept {
    std::swap(arena_, other.arena_);
    std::swap(first_granule_, other.first_granule_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    DmaBuffer dropped(std::move(other));
    return *this;
  }
  ~DmaBuffer();

  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::span<std::byte> bytes() const noexcept { return {data_, size_}; }
  DmaBuffer slice(std::size_t begin, std::size_t size) const noexcept;

 private:
  friend class DmaArena;
  DmaBuffer(DmaArena& arena, std::size_t first_granule, std::byte* data, std::size_t size) noexcept
      : arena_(&arena), first_granule_(first_granule), data_(data), size_(size) {}

  DmaArena* arena_ = nullptr;
  std::size_t first_granule_ = 0;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Memory for direct I/O, all of it taken at once. A bit for each granule says whether it is taken;
/// a block goes into the first gap that is long enough.
/// Cost     a look at each 64 granules before the gap; no system call, no allocation.
/// Thread   the executor's that it was made on.
/// Source   io_uring_register(2) IORING_REGISTER_BUFFERS: memory that the kernel has pinned and
///          mapped once, instead of at each operation.
class DmaArena {
 public:
  explicit DmaArena(const DmaArenaOptions& options = {});
  ~DmaArena();
  DmaArena(const DmaArena&) = delete;
  DmaArena& operator=(const DmaArena&) = delete;

  class [[nodiscard]] Allocation {
   public:
    Allocation(DmaArena& arena, std::size_t bytes) noexcept : arena_(arena), bytes_(bytes) {}
    bool await_ready() noexcept;
    void await_suspend(std::coroutine_handle<> awaiting) noexcept;
    Result<DmaBuffer> await_resume() noexcept;

   private:
    friend class DmaArena;
    DmaArena& arena_;
    std::size_t bytes_;
    std::optional<DmaBuffer> buffer_;
    Runnable runnable_;
    Allocation* next_ = nullptr;
  };

  Allocation allocate(std::size_t bytes) noexcept { return {*this, bytes}; }
  std::optional<DmaBuffer> try_allocate(std::size_t bytes) noexcept;

  std::size_t size_bytes() const noexcept { return granules_ * dma_granule_bytes; }
  std::size_t free_bytes() const noexcept { return free_granules_ * dma_granule_bytes; }
  std::size_t waiting() const noexcept { return waiting_; }
  bool registered() const noexcept { return why_not_registered_.empty(); }
  const std::string& why_not_registered() const noexcept { return why_not_registered_; }
  bool contains(std::span<const std::byte> bytes) const noexcept {
    return bytes.data() >= memory_.get() && bytes.size() <= size_bytes() &&
           bytes.data() <= memory_.get() + (size_bytes() - bytes.size());
  }

 private:
  friend class DmaBuffer;

  void register_with_ring();
  bool executor_is_there() const noexcept;
  std::optional<DmaBuffer> take(std::size_t bytes) noexcept;
  std::size_t find_gap(std::size_t granules) const noexcept;
  std::size_t next(bool taken, std::size_t granule) const noexcept;
  void mark(std::size_t granule, std::size_t count, bool taken) noexcept;
  void share(std::size_t first_granule) noexcept;
  void let_go(std::size_t first_granule) noexcept;
  void serve_waiting() noexcept;

  struct Unmap {
    std::size_t bytes;
    void operator()(std::byte* memory) const noexcept;
  };
  struct Block {
    std::uint32_t owners = 0;
    std::uint32_t granules = 0;
  };

  Executor& executor_;
  std::uint64_t executors_gone_;  // on this thread, when it was made: see executor_is_there()
  pthread_t thread_;
  std::size_t granules_;
  std::size_t free_granules_;
  std::size_t first_free_ = 0;  // none below it is free
  std::unique_ptr<std::byte, Unmap> memory_;
  std::vector<std::uint64_t> taken_;  // a bit for each granule
  std::vector<Block> blocks_;         // by its first granule
  Allocation* first_waiting_ = nullptr;
  Allocation** end_of_waiting_ = &first_waiting_;
  std::size_t waiting_ = 0;
  std::string why_not_registered_;
};

}  // namespace percore
