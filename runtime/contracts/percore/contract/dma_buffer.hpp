#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <percore/executor.hpp>
#include <percore/result.hpp>
#include <span>
#include <string>

/// Contract of the module `dma_buffer`, version 1. Ours, never swapped.
///
/// Invariants (lesson 06):
///   B1  A block begins at a multiple of dma_granule_bytes and holds as many granules as it needs:
///       address and room suit every device.
///   B2  Blocks in use never overlap, and all lie in the arena: it takes no other memory.
///   B3  A block is free again when the last buffer that shares it has gone, and not before.
///   B4  First come, first served: when there is no room, who asks waits, and nobody who comes
///       later takes what it waits for, however little they want.
///   B5  What the whole arena could not hold is refused at once, with ENOBUFS.
///   B6  The memory is registered with the executor's ring for as long as the arena lives, where
///       the kernel allows it; else all works without, and the arena says why.
///   B7  A buffer goes on the thread that made it, and before its arena. Else that is a
///       programmer's mistake and ends the program.
namespace percore {

inline constexpr int dma_buffer_contract_version = 1;

/// The grain of the memory: a page, and at least what any device asks of address and length in
/// direct I/O (512 or 4096 bytes).
inline constexpr std::size_t dma_granule_bytes = 4096;

/// The number that the arena's memory has among the ring's registered buffers, for
/// IORING_OP_READ_FIXED and IORING_OP_WRITE_FIXED.
inline constexpr unsigned dma_buffer_index = 0;

/// bytes          of the arena; rounded up to granules.
/// registered     whether to ask the kernel for it at all.
struct DmaArenaOptions {
  std::size_t bytes = 16u << 20;
  bool registered = true;
};

/// What the module must offer:
///   class DmaBuffer       a range of a block in the arena. Movable; slices share the block. Empty
///                         when it was moved from, or made by default.
///   class DmaArena        DmaArena(options): on an executor, whose thread alone uses it. Throws
///                         std::bad_alloc.
///     co_await a.allocate(bytes)   a buffer of that size, at the beginning of a block of its own,
///                         with anything in it: Result<DmaBuffer>, ENOBUFS (B5).
template <typename B>
concept DmaBufferContract =
    std::movable<B> && requires(B buffer, const B const_buffer, std::size_t begin) {
      B();
      { const_buffer.data() } noexcept -> std::same_as<std::byte*>;
      { const_buffer.size() } noexcept -> std::same_as<std::size_t>;
      { const_buffer.empty() } noexcept -> std::same_as<bool>;
      { const_buffer.bytes() } noexcept -> std::same_as<std::span<std::byte>>;
      // The bytes [begin, begin + size), sharing the block. Requires them to lie within. An empty
      // slice holds no block.
      { const_buffer.slice(begin, begin) } noexcept -> std::same_as<B>;
    };

template <typename A, typename B>
concept DmaArenaContract = requires(A arena, const A const_arena, std::size_t bytes) {
  A(DmaArenaOptions{});
  { arena.allocate(bytes).await_resume() } -> std::same_as<Result<B>>;
  // Nothing when there is no room now, when somebody waits already (B4), or ever (B5). 0 bytes
  // take a granule.
  { arena.try_allocate(bytes) } noexcept -> std::same_as<std::optional<B>>;
  { const_arena.size_bytes() } noexcept -> std::same_as<std::size_t>;
  // In granules that are free; not always in one piece.
  { const_arena.free_bytes() } noexcept -> std::same_as<std::size_t>;
  // Who asked and has no block yet: one that was served waits no more, though it goes on later.
  { const_arena.waiting() } noexcept -> std::same_as<std::size_t>;
  { const_arena.registered() } noexcept -> std::same_as<bool>;
  // A sentence; empty where registered() says yes.
  { const_arena.why_not_registered() } noexcept -> std::same_as<const std::string&>;
  // All of them lie in the arena, so that the kernel may be given them by dma_buffer_index.
  { const_arena.contains(std::span<const std::byte>()) } noexcept -> std::same_as<bool>;
};

}  // namespace percore
