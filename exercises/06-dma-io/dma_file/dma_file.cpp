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

// Reads until `needed` bytes of the aligned range at `begin` are there, or the file ends.
Task<Result<std::size_t>> DmaFile::fill(Inside& file, std::span<std::byte> out, std::uint64_t begin,
                                        std::size_t needed) {
  // TODO read (A2): this takes the first result for all there is. A short one is gone on with, from
  // an aligned place (down()); what passes is asked for again, at most retries_max times. Where a
  // read brings nothing new: has the file ended (size_of()), or was it short once more?
  static_cast<void>(needed);
  const Result<std::uint32_t> got =
      co_await transfer(file.arena, file.fd, out, begin, IORING_OP_READ, IORING_OP_READ_FIXED);
  if (!got) co_return std::unexpected(got.error());
  co_return *got;
}

Task<Result<DmaBuffer>> DmaFile::read_range(Inside& file, DmaRange range, bool within) {
  const Result<GatePass> pass = file.under_way.enter();
  if (!pass && !within) co_return std::unexpected(pass.error());
  if (ends_too_late(range)) co_return failure(EINVAL);
  // TODO read (A1, A2, A7): a block for the widened range, a place (file.places.hold()), fill() and
  // a slice of what was asked for. How many of the bytes that came are in front of it?
  co_return DmaBuffer();
}

Task<Result<std::size_t>> DmaFile::read_into_memory(Inside& file, std::span<std::byte> out,
                                                    std::uint64_t offset) {
  const Result<GatePass> pass = file.under_way.enter();
  if (!pass) co_return std::unexpected(pass.error());
  if (ends_too_late({.offset = offset, .size = out.size()})) co_return failure(EINVAL);
  // TODO read (A1): where memory, offset and size are aligned, straight into `out`; is_aligned().
  // TODO read: else through read_range() and a copy, by pieces: `out` may be longer than the arena.
  // A piece is within this read: it goes on though the file is being closed meanwhile (A8).
  static_cast<void>(is_aligned(out.data(), file.alignment));
  co_return std::size_t{0};
}

Task<Result<void>> DmaFile::write_all(Inside& file, std::span<const std::byte> in,
                                      std::uint64_t offset) {
  // TODO write (A1): PERCORE_ASSERT, one sentence each, that offset, size and memory are multiples
  // of what the file demands.
  const Result<GatePass> pass = file.under_way.enter();
  if (!pass) co_return std::unexpected(pass.error());
  if (ends_too_late({.offset = offset, .size = in.size()})) co_return failure(EFBIG);
  // TODO write (A3, A7): a place, and the whole of `in`: a short result is gone on with, from an
  // aligned place. What passes, or moves no whole sector, is asked for again, at most retries_max
  // times: then it is the error, or EIO.
  // TODO sync (A5): one of file.writers, for as long as this write is under way.
  co_return Result<void>();
}

Task<Result<void>> DmaFile::allocate(Inside& file, std::uint64_t size) {
  const Result<GatePass> pass = file.under_way.enter();
  if (!pass) co_return std::unexpected(pass.error());
  if (size == 0) co_return Result<void>();
  if (size > end_max) co_return failure(EFBIG);
  io_uring_sqe entry{};
  io_uring_prep_fallocate(&entry, file.fd, 0, 0, static_cast<off_t>(size));
  const Result<std::uint32_t> done = co_await perform(entry);
  co_return without_value(done);
}

Task<Result<void>> DmaFile::cut(Inside& file, std::uint64_t size) {
  const Result<GatePass> pass = file.under_way.enter();
  if (!pass) co_return std::unexpected(pass.error());
  if (size > end_max) co_return failure(EFBIG);
  // TODO sync (A5): wait for the writes that began before: what they write must be cut, too.
  if (!kernel_can_truncate()) {  // before Linux 6.9: by a system call, which blocks the executor
    if (::ftruncate(file.fd, static_cast<off_t>(size)) == 0) co_return Result<void>();
    co_return failure(errno);
  }
  io_uring_sqe entry{};
  io_uring_prep_rw(op_ftruncate, &entry, file.fd, nullptr, 0, size);
  const Result<std::uint32_t> done = co_await perform(entry);
  co_return without_value(done);
}

Task<Result<std::uint64_t>> DmaFile::ask_size(Inside& file) {
  const Result<GatePass> pass = file.under_way.enter();
  if (!pass) co_return std::unexpected(pass.error());
  co_return co_await size_of(file);
}

Task<Result<void>> DmaFile::sync(Inside& file) {
  const Result<GatePass> pass = file.under_way.enter();
  if (!pass) co_return std::unexpected(pass.error());
  // TODO sync (A5): wait for the writes that began before. Whoever comes later may write beside it.
  // TODO sync (A6): what failed once is failed for ever (file.sync_error). ECANCELED says nothing
  // of the device: the executor ends.
  io_uring_sqe entry{};
  io_uring_prep_fsync(&entry, file.fd, IORING_FSYNC_DATASYNC);
  const Result<std::uint32_t> done = co_await perform(entry);
  co_return without_value(done);
}

Task<Result<void>> DmaFile::shut(Inside& file) {
  // TODO sync (A8): PERCORE_ASSERT that it is the first close; let nothing more begin, and wait for
  // what is under way (file.under_way).
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
