#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <percore/dma_file.hpp>
#include <span>
#include <string>

/// Contract of the module `dma_stream`, version 1. Ours, never swapped.
///
/// Invariants (lesson 06):
///   M1  A reader gives the bytes of its range in their order, each once, whatever order its reads
///       end in.
///   M2  At most read_ahead reads are under way or read and not yet taken; at the beginning, and
///       whenever one is taken, it begins so many as there may be.
///   M3  A reader asks for nothing beyond its range or the file's size at its beginning.
///   M4  An error is given where its bytes would have been, not earlier; after it the stream stays
///       with it.
///   M5  A writer puts what it is given into the file in its order, each byte once or, for the tail
///       of a flush, again. At most write_behind writes are under way.
///   M6  A write that failed, or found no memory (ENOMEM), is told by the next call, and by every
///       later one: nothing after it is said to be in the file.
///   M7  After flush() all that was written is with the device; after sync() it would be there
///       after a power failure; of a new file, if its name would (sync_directory()).
///   M8  After sync(), unless expected_bytes is set, and after close() the file ends where the
///       stream does: the padding of its tail is cut off.
///   M9  A stream ends with close(), which waits for what is under way; a stream that is destroyed
///       without has nothing under way, and nothing that is not written, or that is a programmer's
///       mistake.
namespace percore {

inline constexpr int dma_stream_contract_version = 1;

/// begin, end      the part of the file, in bytes; the end of the file where that comes first.
/// buffer_bytes    of each read, a multiple of dma_granule_bytes.
/// read_ahead      M2. At least 1: then the next read begins when the one before is taken.
struct DmaReaderOptions {
  std::uint64_t begin = 0;
  std::uint64_t end = std::numeric_limits<std::uint64_t>::max();
  std::size_t buffer_bytes = 128u << 10;
  unsigned read_ahead = 4;
};

/// buffer_bytes    of each write, a multiple of dma_granule_bytes.
/// write_behind    M5. At least 1.
/// expected_bytes  how much will come, if that is known: the file is made so long at the first
///                 write, since writing within a file is cheaper than extending it. It then has
///                 this length until close().
struct DmaWriterOptions {
  std::size_t buffer_bytes = 128u << 10;
  unsigned write_behind = 4;
  std::uint64_t expected_bytes = 0;
};

/// What the module must offer, on a file that outlives the stream and stays where it is: a stream
/// refers to the DmaFile itself. One task uses a stream: a call begins when the one before has
/// ended. The buffers of a stream, its window, may take at most half of the file's arena, so that a
/// reader and a writer together never wait for each other's memory.
///   class DmaStreamReader   DmaStreamReader(file, options)
///     next()      -> Task<Result<DmaBuffer>>: what comes next, without a copy; empty at the end.
///   class DmaStreamWriter   DmaStreamWriter(file, options), from the beginning of the file, which
///                           ends at close() where the stream does, however long it was.
///     write(DmaBuffer)      the same as with bytes, without a copy where the buffer is of the
///                           file's arena and stream and buffer are aligned.
///   class ImmutableFile     a file that is written once, and whole or not there at all.
template <typename R>
concept DmaStreamReaderContract =
    requires(R reader, const R const_reader, std::span<std::byte> out, std::uint64_t bytes) {
      { reader.next() } -> std::same_as<Task<Result<DmaBuffer>>>;
      // Fills `out`; gives fewer bytes only at the end. The caller keeps it until the task ends.
      { reader.read(out) } -> std::same_as<Task<Result<std::size_t>>>;
      // Of the byte that comes next, from the beginning of the file.
      { const_reader.position() } noexcept -> std::same_as<std::uint64_t>;
      // Reads that are under way, or read and not taken.
      { const_reader.ahead() } noexcept -> std::same_as<std::size_t>;
      { reader.close() } -> std::same_as<Task<>>;
    };

template <typename W>
concept DmaStreamWriterContract =
    requires(W writer, const W const_writer, std::span<const std::byte> in) {
      // Takes all of `in`, which may change afterwards.
      { writer.write(in) } -> std::same_as<Task<Result<void>>>;
      { writer.write(DmaBuffer()) } -> std::same_as<Task<Result<void>>>;
      { writer.flush() } -> std::same_as<Task<Result<void>>>;
      { writer.sync() } -> std::same_as<Task<Result<void>>>;
      // Flushes and trims, but does not sync; gives the bytes written.
      { writer.close() } -> std::same_as<Task<Result<std::uint64_t>>>;
      { const_writer.position() } noexcept -> std::same_as<std::uint64_t>;
    };

/// What `dma_stream` also offers for files that never change again:
///   ImmutableFileWriter::create(arena, path, options) -> Task<Result<ImmutableFileWriter>>: writes
///                to "path.part", emptied if there is one.
///     write(bytes), position(), and either
///     seal()     -> Task<Result<void>>: synced, named `path` in place of what was there, and the
///                directory synced: after a power failure there is the whole file, or what was
///                there before, or nothing; once it has been reported, the whole file.
///     discard()  -> Task<Result<void>>: as if nothing had been written. Also after a seal() that
///                failed, which may leave "path.part", or the new file without its name synced.
///   ImmutableFile::open(arena, path) -> Task<Result<ImmutableFile>>: size() is known, reads beyond
///                cost no operation.
///     read(offset, size), read_many(ranges), reader(options), close()
template <typename I>
concept ImmutableFileContract =
    std::movable<I> &&
    requires(I file, const I const_file, std::uint64_t offset, std::size_t size) {
      { const_file.size() } noexcept -> std::same_as<std::uint64_t>;
      { file.read(offset, size) } -> std::same_as<Task<Result<DmaBuffer>>>;
      { file.close() } -> std::same_as<Task<Result<void>>>;
    };

}  // namespace percore
