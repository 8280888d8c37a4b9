#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <percore/contract/stats_parts.hpp>
#include <percore/dma_buffer.hpp>
#include <percore/io.hpp>
#include <percore/result.hpp>
#include <percore/task.hpp>
#include <span>
#include <string>
#include <vector>

/// Contract of the module `dma_file`, version 1. Ours, never swapped.
///
/// Invariants (lesson 06):
///   A1  The kernel is asked for aligned ranges alone: memory, offset and length are multiples of
///       what the file demands. statx says what that is (STATX_DIOALIGN), else a real read shows
///       it, else it is taken to be 4096.
///   A2  A read gives the bytes of the range that was asked for: fewer only at the end of the file,
///       none beyond it. A short result is gone on with, from an aligned place. What passes (EINTR,
///       EAGAIN) is asked for again, some times and not for ever.
///   A3  A write is whole, or an error. A short result is gone on with, and what passes asked for
///       again, likewise.
///   A4  Memory stays the operation's until its completion, whatever its caller does.
///   A5  A sync covers every write that began before it: it waits for those that are under way.
///   A6  A sync that failed stays failed: the kernel has given up what it was for, so that no later
///       one may say that all is well.
///   A7  At most in_flight_max reads and writes of a file are with the kernel at once.
///   A8  After close() nothing begins (ECANCELED); it waits for what is under way, and reports what
///       the kernel says at the end.
///   A9  Where the filesystem refuses direct I/O, the file goes through the page cache, and says
///       so. What it demands of its callers stays the same.
namespace percore {

inline constexpr int dma_file_contract_version = 1;

/// Regular files: a directory is EISDIR, all else EINVAL; EOPNOTSUPP where a file demands more than
/// dma_granule_bytes.
/// read_only   an existing file. update      the same, for reading and writing.
/// create      for both; made where there is none, emptied where there is one.
/// create_new  for both; EEXIST where there is one.
enum class DmaOpen { read_only, update, create, create_new };

/// in_flight_max   A7. At least 1.
/// permissions     of a file that is made, as open(2) takes them.
struct DmaFileOptions {
  unsigned in_flight_max = 128;
  unsigned permissions = 0644;
};

/// The bytes [offset, offset + size) of a file.
struct DmaRange {
  std::uint64_t offset = 0;
  std::size_t size = 0;
};

/// How far read_many() goes to turn many reads into few.
/// gap_bytes_max    it also reads what lies between the aligned reads for two ranges, where that is
///                  no more.
/// read_bytes_max   it makes no read longer than this, but for a range that is.
struct DmaMergeOptions {
  std::size_t gap_bytes_max = 4096;
  std::size_t read_bytes_max = 128u << 10;
};

/// A range, and what an aligned read for it takes: [begin, begin + size), the range beginning
/// `lead` bytes into it.
struct WidenedRange {
  std::uint64_t begin = 0;
  std::size_t size = 0;
  std::size_t lead = 0;
};

/// What the module must offer:
///   WidenedRange widened(DmaRange, std::size_t alignment) noexcept
///                        the smallest aligned range that holds it. alignment: a power of two.
///                        Requires that the range ends below 2^63.
///   class DmaFile        movable, also while operations are under way. One that was moved from can
///                        only be assigned to, or destroyed.
///     DmaFile::open(arena, path, how, options)   -> Task<Result<DmaFile>>. The arena outlives it,
///                        and lends it up to two granules for a moment.
///     read_many(ranges, merge)   -> Task<std::vector<Result<DmaBuffer>>>: one for each range, in
///                        their order. Their buffers share one block; it is had all at once, so
///                        that nobody holds a part of it and waits for the rest.
///     counts()   -> std::shared_ptr<const FileCounts>, if it counts: what this file has done since
///                it was opened, for Stats::watch(). They go on counting when the file is moved,
///                and stay when it has gone. A version that counts nothing has no such function.
///     Destroying it without close() closes the file, and what that reports is lost. Nothing may be
///     under way then.
///   free functions, each Task<Result<void>>:
///     rename_file(from, to)    `to` is what `from` was, at once; durable after sync_directory().
///     remove_file(path)
///     sync_directory(path)     makes durable which names the directory has.
template <typename F>
concept DmaFileContract =
    std::movable<F> && requires(F file, const F const_file, std::uint64_t offset, std::size_t size,
                                std::span<std::byte> out, std::span<const std::byte> in) {
      { const_file.alignment_bytes() } noexcept -> std::same_as<std::size_t>;
      { const_file.direct() } noexcept -> std::same_as<bool>;
      // A sentence; empty where direct() says yes.
      { const_file.why_not_direct() } noexcept -> std::same_as<const std::string&>;
      { const_file.arena() } noexcept -> std::same_as<DmaArena&>;
      // Any range, into a block of the arena, trimmed to what was asked for; empty at the end.
      // ENOBUFS when the arena could never hold it, EINVAL when it ends beyond 2^63.
      { file.read(offset, size) } -> std::same_as<Task<Result<DmaBuffer>>>;
      // Any range, into memory of the caller's, who keeps it until the task ends; straight into it
      // where memory, offset and size are aligned, else by a copy. Gives the bytes read.
      { file.read_into(out, offset) } -> std::same_as<Task<Result<std::size_t>>>;
      // Requires aligned memory, offset and size (one assertion each). `in` stays unchanged until
      // the task ends. A file's padded tail is cut off by truncate().
      { file.write(in, offset) } -> std::same_as<Task<Result<void>>>;
      // Room for [0, size): the file is then at least so long, and reads as zeros where nothing was
      // written. Writing within is cheaper than extending. EOPNOTSUPP on some filesystems.
      { file.preallocate(offset) } -> std::same_as<Task<Result<void>>>;
      // Cuts the file, or extends it by a hole. Waits for writes that began before.
      { file.truncate(offset) } -> std::same_as<Task<Result<void>>>;
      { file.size() } -> std::same_as<Task<Result<std::uint64_t>>>;
      // A5, A6: what was written, and the file's size, are on the device.
      { file.fdatasync() } -> std::same_as<Task<Result<void>>>;
      // A8. Requires that it is called once.
      { file.close() } -> std::same_as<Task<Result<void>>>;
    };

}  // namespace percore
