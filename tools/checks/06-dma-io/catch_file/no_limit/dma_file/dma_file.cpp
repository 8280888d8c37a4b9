// Reads, writes, and what makes them durable. The public declarations are in percore/dma_file.hpp.

#include <percore/dma_file.hpp>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

namespace percore {
namespace {

// A signal, or a kernel short of memory, ends an operation that may be asked for again; for ever it
// may not.
constexpr unsigned retries_max = 100;
constexpr std::uint64_t end_max = std::numeric_limits<std::int64_t>::max();
constexpr int op_ftruncate = 55;  // IORING_OP_FTRUNCATE (6.9), which liburing 2.3 does not know

bool passes(const std::error_code& error) noexcept {
  return error.value() == EINTR || error.value() == EAGAIN;
}

std::size_t down(std::size_t bytes, std::size_t alignment) noexcept {
  return bytes & ~(alignment - 1);
}

bool is_aligned(const void* address, std::size_t alignment) noexcept {
  return (reinterpret_cast<std::uintptr_t>(address) & (alignment - 1)) == 0;
}

// The arena's memory is known to the kernel: pinned, and mapped for the device.
io_detail::IoAwaiter transfer(DmaArena& arena, int fd, std::span<const std::byte> memory,
                              std::uint64_t offset, io_uring_op plain, io_uring_op fixed) {
  static_assert(dma_buffer_index == 0, "io_uring_prep_rw() leaves buf_index at 0");
  const bool known = arena.registered() && arena.contains(memory);
  return {known ? fixed : plain, fd, memory.data(), io_detail::size_for_kernel(memory.size()),
          offset};
}

bool kernel_can_truncate() {
  io_uring_probe* const probe = io_uring_get_probe_ring(&Executor::current().ring().native());
  if (probe == nullptr) return false;
  const bool can = probe->last_op >= op_ftruncate &&
                   (probe->ops[op_ftruncate].flags & IO_URING_OP_SUPPORTED) != 0;
  io_uring_free_probe(probe);
  return can;
}

}  // namespace

DmaFile::Inside::~Inside() {
  PERCORE_ASSERT(under_way.inside() == 0,
                 "a DmaFile was destroyed while operations on it have not ended: await them, or "
                 "close()");
  if (fd >= 0) ::close(fd);
}

Task<Result<std::uint64_t>> DmaFile::size_of(const Inside& file) {
  struct statx found{};
  io_uring_sqe entry{};
  io_uring_prep_statx(&entry, file.fd, "", AT_EMPTY_PATH, STATX_SIZE, &found);
  const Result<std::uint32_t> done = co_await perform(entry);
  if (!done) co_return std::unexpected(done.error());
  co_return found.stx_size;
}

// Reads on from `done` until `needed` bytes of the aligned range at `begin` are there, or the file
// ends. A short read alone does not say that it does: the next one begins at the sector in which it
// stopped, and where that brings nothing new, the file's size decides.
Task<Result<std::size_t>> DmaFile::fill(Inside& file, std::span<std::byte> out, std::uint64_t begin,
                                        std::size_t needed, std::size_t done) {
  unsigned retries = 0;
  for (;;) {
    const std::size_t from = down(done, file.alignment);
    const Result<std::uint32_t> got = co_await transfer(
        file.arena, file.fd, out.subspan(from), begin + from, IORING_OP_READ, IORING_OP_READ_FIXED);
    if (!got) {
      if (passes(got.error()) && ++retries != retries_max) continue;
      co_return std::unexpected(got.error());
    }
    file.count_read(*got);
    if (*got == 0) co_return done;
    if (from + *got > done) {
      done = from + *got;
      if (done >= needed) co_return done;
      continue;
    }
    const Result<std::uint64_t> size = co_await size_of(file);
    if (!size) co_return std::unexpected(size.error());
    if (begin + done >= *size) co_return done;
    if (++retries == retries_max) co_return failure(EIO);
  }
}

Task<Result<DmaBuffer>> DmaFile::read_range(Inside& file, Result<GatePass> entered, DmaRange range,
                                            bool within) {
  const Result<GatePass> pass = std::move(entered);
  if (!pass && !within) co_return std::unexpected(pass.error());
  if (ends_too_late(range)) co_return failure(EINVAL);
  if (range.size == 0) co_return DmaBuffer();
  const WidenedRange wide = widened(range, file.alignment);
  Result<DmaBuffer> block = co_await file.arena.allocate(wide.size);
  if (!block) co_return std::unexpected(block.error());
  const SemaphoreUnits place = co_await file.places.hold();
  const Result<std::size_t> got =
      co_await fill(file, block->bytes(), wide.begin, wide.lead + range.size);
  if (!got) co_return std::unexpected(got.error());
  const std::size_t there = *got > wide.lead ? *got - wide.lead : 0;
  co_return block->slice(std::min(wide.lead, *got), std::min(range.size, there));
}

Task<Result<std::size_t>> DmaFile::read_into_memory(Inside& file, Result<GatePass> entered,
                                                    std::span<std::byte> out,
                                                    std::uint64_t offset) {
  const std::size_t mask = file.alignment - 1;
  const bool aligned =
      is_aligned(out.data(), file.alignment) && ((offset | out.size()) & mask) == 0;
  if (entered && aligned && !ends_too_late({.offset = offset, .size = out.size()}))
    return read_straight(file, std::move(*entered), out, offset);
  return read_by_pieces(file, std::move(entered), out, offset);  // or says why there is no read
}

// One frame and one operation where all of it comes at once, as nearly always: after a sleep the
// caches are cold, and what a read takes of its own is mostly lines to be fetched.
Task<Result<std::size_t>> DmaFile::read_straight(Inside& file, GatePass entered,
                                                 std::span<std::byte> out, std::uint64_t offset) {
  const GatePass pass = std::move(entered);
  const SemaphoreUnits place = co_await file.places.hold();
  const Result<std::uint32_t> got =
      co_await transfer(file.arena, file.fd, out, offset, IORING_OP_READ, IORING_OP_READ_FIXED);
  if (!got && !passes(got.error())) co_return std::unexpected(got.error());
  if (got) file.count_read(*got);
  const std::size_t done = got ? *got : 0;
  if (got && (done == 0 || done == out.size())) co_return done;
  co_return co_await fill(file, out, offset, out.size(), done);
}

// So that a read longer than the arena needs no more of it than a quarter.
Task<Result<std::size_t>> DmaFile::read_by_pieces(Inside& file, Result<GatePass> entered,
                                                  std::span<std::byte> out, std::uint64_t offset) {
  const Result<GatePass> pass = std::move(entered);
  if (!pass) co_return std::unexpected(pass.error());
  if (ends_too_late({.offset = offset, .size = out.size()})) co_return failure(EINVAL);
  const std::size_t piece = std::max(file.arena.size_bytes() / 4, 2 * dma_granule_bytes);
  for (std::size_t done = 0; done != out.size();) {
    const std::size_t wanted = std::min(piece - dma_granule_bytes, out.size() - done);
    const DmaRange range{.offset = offset + done, .size = wanted};
    const Result<DmaBuffer> got = co_await read_range(file, file.under_way.enter(), range, true);
    if (!got) co_return std::unexpected(got.error());
    if (!got->empty()) std::memcpy(out.data() + done, got->data(), got->size());
    done += got->size();
    if (got->size() != wanted) co_return done;
  }
  co_return out.size();
}

Task<Result<void>> DmaFile::write_all(Inside& file, Result<GatePass> entered,
                                      std::span<const std::byte> in, std::uint64_t offset) {
  const Result<GatePass> pass = std::move(entered);
  PERCORE_ASSERT(offset % file.alignment == 0,
                 "a DmaFile is written at multiples of its alignment_bytes()");
  PERCORE_ASSERT(in.size() % file.alignment == 0,
                 "a DmaFile is written in multiples of its alignment_bytes(): pad the tail, and "
                 "truncate() the file afterwards");
  PERCORE_ASSERT(is_aligned(in.data(), file.alignment),
                 "a DmaFile is written from memory at a multiple of its alignment_bytes(), such as "
                 "a DmaBuffer");
  if (!pass) co_return std::unexpected(pass.error());
  if (ends_too_late({.offset = offset, .size = in.size()})) co_return failure(EFBIG);
  if (in.empty()) co_return Result<void>();
  const SemaphoreUnits writer = co_await file.writers.hold();
  const Result<std::uint32_t> got =
      co_await transfer(file.arena, file.fd, in, offset, IORING_OP_WRITE, IORING_OP_WRITE_FIXED);
  if (!got && !passes(got.error())) co_return std::unexpected(got.error());
  if (got) file.count_write(*got);
  if (got && *got == in.size()) co_return Result<void>();
  const std::size_t done = got ? down(*got, file.alignment) : 0;
  co_return co_await write_on(file, in, offset, done);
}

// Goes on at `done`, where the first operation ended short or had to be asked for again.
Task<Result<void>> DmaFile::write_on(Inside& file, std::span<const std::byte> in,
                                     std::uint64_t offset, std::size_t done) {
  unsigned retries = 0;
  while (done != in.size()) {
    const Result<std::uint32_t> got =
        co_await transfer(file.arena, file.fd, in.subspan(done), offset + done, IORING_OP_WRITE,
                          IORING_OP_WRITE_FIXED);
    if (!got && !passes(got.error())) co_return std::unexpected(got.error());
    if (got) file.count_write(*got);
    const std::size_t moved = got ? down(*got, file.alignment) : 0;
    // Nothing moved, not even a sector: the device would not say why.
    if (moved == 0 && ++retries == retries_max)
      co_return got ? failure(EIO) : std::unexpected(got.error());
    done += moved;
  }
  co_return Result<void>();
}

Task<Result<void>> DmaFile::allocate(Inside& file, Result<GatePass> entered, std::uint64_t size) {
  const Result<GatePass> pass = std::move(entered);
  if (!pass) co_return std::unexpected(pass.error());
  if (size == 0) co_return Result<void>();
  if (size > end_max) co_return failure(EFBIG);
  io_uring_sqe entry{};
  io_uring_prep_fallocate(&entry, file.fd, 0, 0, static_cast<off_t>(size));
  const Result<std::uint32_t> done = co_await perform(entry);
  co_return without_value(done);
}

Task<Result<void>> DmaFile::cut(Inside& file, Result<GatePass> entered, std::uint64_t size) {
  const Result<GatePass> pass = std::move(entered);
  if (!pass) co_return std::unexpected(pass.error());
  if (size > end_max) co_return failure(EFBIG);
  const SemaphoreUnits all_writers = co_await file.writers.hold(writers_max);
  if (!kernel_can_truncate()) {  // before Linux 6.9: by a system call, which blocks the executor
    if (::ftruncate(file.fd, static_cast<off_t>(size)) == 0) co_return Result<void>();
    co_return failure(errno);
  }
  io_uring_sqe entry{};
  io_uring_prep_rw(op_ftruncate, &entry, file.fd, nullptr, 0, size);
  const Result<std::uint32_t> done = co_await perform(entry);
  co_return without_value(done);
}

Task<Result<std::uint64_t>> DmaFile::ask_size(Inside& file, Result<GatePass> entered) {
  const Result<GatePass> pass = std::move(entered);
  if (!pass) co_return std::unexpected(pass.error());
  co_return co_await size_of(file);
}

Task<Result<void>> DmaFile::sync(Inside& file, Result<GatePass> entered) {
  const Result<GatePass> pass = std::move(entered);
  if (!pass) co_return std::unexpected(pass.error());
  // All who write have ended when these are had; whoever comes later writes beside the sync.
  co_await file.writers.acquire(writers_max);
  file.writers.release(writers_max);
  if (file.sync_error) co_return std::unexpected(file.sync_error);
  io_uring_sqe entry{};
  io_uring_prep_fsync(&entry, file.fd, IORING_FSYNC_DATASYNC);
  const Result<std::uint32_t> done = co_await perform(entry);
  if (!done && done.error().value() != ECANCELED) file.sync_error = done.error();
  // One that was under way at the same time may have failed: what that was for is ours, too.
  if (done && file.sync_error) co_return Result<void>(std::unexpected(file.sync_error));
  if (done) ++file.counts->syncs;
  co_return without_value(done);
}

Task<Result<void>> DmaFile::shut(Inside& file) {
  PERCORE_ASSERT(!file.under_way.closed(), "a DmaFile was closed twice");
  co_await file.under_way.close();
  const int fd = std::exchange(file.fd, -1);
  if (Executor::current().ending()) {  // it takes no more operations, and a descriptor must go
    if (::close(fd) == 0) co_return Result<void>();
    co_return failure(errno);
  }
  io_uring_sqe entry{};
  io_uring_prep_close(&entry, fd);
  const Result<std::uint32_t> done = co_await perform(entry);
  // The executor's end may cancel it before it has begun: the descriptor must go all the same.
  if (!done && done.error().value() == ECANCELED && ::close(fd) == 0) co_return Result<void>();
  co_return without_value(done);
}

}  // namespace percore
