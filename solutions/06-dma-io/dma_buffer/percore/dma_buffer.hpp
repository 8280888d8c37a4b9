#pragma once

#include <pthread.h>

#include <coroutine>
#include <cstdint>
#include <percore/assert.hpp>
#include <percore/contract/dma_buffer.hpp>
#include <utility>
#include <vector>

namespace percore {

class DmaArena;

/// A range of a block of memory that devices read and write. See contract/dma_buffer.hpp.
/// Thread   the arena's.
/// Memory   the block, together with all that share it; the arena owns the memory itself.
class DmaBuffer {
 public:
  DmaBuffer() noexcept = default;
  DmaBuffer(DmaBuffer&& other) noexcept
      : arena_(std::exchange(other.arena_, nullptr)),
        first_granule_(other.first_granule_),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  DmaBuffer& operator=(DmaBuffer&& other) noexcept;
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

  DmaArena* arena_ = nullptr;  // null: it holds no block
  std::size_t first_granule_ = 0;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Memory for direct I/O, all of it taken at once, in granules. See contract/dma_buffer.hpp.
/// Thread   the executor's that it was made on.
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
    Allocation* next_ = nullptr;  // who waits behind this one
  };

  Allocation allocate(std::size_t bytes) noexcept { return {*this, bytes}; }
  std::optional<DmaBuffer> try_allocate(std::size_t bytes) noexcept;

  std::size_t size_bytes() const noexcept { return taken_.size() * dma_granule_bytes; }
  std::size_t free_bytes() const noexcept { return free_granules_ * dma_granule_bytes; }
  std::size_t waiting() const noexcept { return waiting_; }
  bool registered() const noexcept { return why_not_registered_.empty(); }
  const std::string& why_not_registered() const noexcept { return why_not_registered_; }
  bool contains(std::span<const std::byte> bytes) const noexcept {
    return bytes.data() >= memory_ && bytes.size() <= size_bytes() &&
           bytes.data() <= memory_ + (size_bytes() - bytes.size());
  }

 private:
  friend class DmaBuffer;

  void register_with_ring();
  std::size_t find_gap(std::size_t granules) const noexcept;
  std::optional<DmaBuffer> take(std::size_t bytes) noexcept;
  void let_go(std::size_t first_granule) noexcept;
  void serve_waiting() noexcept;

  struct Block {
    std::size_t owners = 0;  // buffers that share it
    std::size_t granules = 0;
  };

  Executor& executor_;
  pthread_t thread_;
  std::vector<bool> taken_;    // for each granule
  std::vector<Block> blocks_;  // at its first granule
  std::size_t free_granules_;
  std::byte* memory_ = nullptr;
  Allocation* first_waiting_ = nullptr;
  Allocation* last_waiting_ = nullptr;
  std::size_t waiting_ = 0;
  std::string why_not_registered_;
};

}  // namespace percore
