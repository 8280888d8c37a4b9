// How a DmaFile is opened, and what its filesystem asks of direct I/O.

#include <percore/dma_file.hpp>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace percore {
namespace {

int flags_of(DmaOpen how) noexcept {
  switch (how) {
    case DmaOpen::read_only:
      return O_RDONLY | O_CLOEXEC;
    case DmaOpen::update:
      return O_RDWR | O_CLOEXEC;
    case DmaOpen::create:
      return O_RDWR | O_CLOEXEC | O_CREAT | O_TRUNC;
    case DmaOpen::create_new:
      return O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL;
  }
  return O_RDONLY | O_CLOEXEC;
}

io_detail::EntryAwaiter open_at(const std::string& path, int flags, unsigned permissions) {
  io_uring_sqe entry{};
  io_uring_prep_openat(&entry, AT_FDCWD, path.c_str(), flags, permissions);
  return perform(entry);
}

// Asked before it is opened: the open of a pipe without another end would wait for that for ever.
// What is not there, or may not be looked at, the open tells.
Task<Result<void>> must_not_be_other_than_a_file(const std::string& path) {
  struct statx found{};
  io_uring_sqe entry{};
  io_uring_prep_statx(&entry, AT_FDCWD, path.c_str(), 0, STATX_TYPE, &found);
  const Result<std::uint32_t> asked = co_await perform(entry);
  if (!asked || S_ISREG(found.stx_mode)) co_return Result<void>();
  co_return failure(S_ISDIR(found.stx_mode) ? EISDIR : EINVAL);
}

// What statx says of direct I/O, from the place that the kernel's structure has it in: C libraries
// before 2.37 have no names for these fields.
struct DirectAlignment {
  std::uint32_t memory = 0;
  std::uint32_t offset = 0;  // 0: the file takes no direct I/O
};
constexpr unsigned statx_dioalign = 0x2000;
constexpr std::size_t place_in_statx = 152;
static_assert(sizeof(struct statx) >= place_in_statx + sizeof(DirectAlignment));

// A tmpfs has nothing but the page cache. Before Linux 6.6 it refuses O_DIRECT; since then it takes
// it, with any alignment, and statx says nothing of it.
bool has_only_the_page_cache(int fd) noexcept {
  struct statfs found{};
  return fstatfs(fd, &found) == 0 && (found.f_type == TMPFS_MAGIC || found.f_type == RAMFS_MAGIC);
}

}  // namespace

Task<Result<DmaFile>> DmaFile::open(DmaArena& arena, std::string path, DmaOpen how,
                                    DmaFileOptions options) {
  PERCORE_ASSERT(options.in_flight_max != 0, "a file that may have no I/O in flight does nothing");
  // Made first: it closes what it is given, whatever throws after that.
  auto inside = std::make_unique<Inside>(arena, options.in_flight_max);
  const Result<void> kind = co_await must_not_be_other_than_a_file(path);
  if (!kind) co_return std::unexpected(kind.error());
  Result<std::uint32_t> fd = co_await open_at(path, flags_of(how) | O_DIRECT, options.permissions);
  if (!fd && fd.error().value() == EINVAL) {
    inside->why_not_direct =
        "the filesystem of " + path + " refuses direct I/O (O_DIRECT): the page cache is used";
    // The refusal comes after a new file was made: it would now be there already.
    fd = co_await open_at(path, flags_of(how) & ~O_EXCL, options.permissions);
  }
  if (!fd) co_return std::unexpected(fd.error());
  inside->fd = static_cast<int>(*fd);
  const Result<void> found = co_await examine(*inside);
  if (!found) co_return std::unexpected(found.error());
  co_return DmaFile(std::move(inside));
}

Task<Result<void>> DmaFile::examine(Inside& file) {
  struct statx found{};
  io_uring_sqe entry{};
  io_uring_prep_statx(&entry, file.fd, "", AT_EMPTY_PATH, STATX_TYPE | statx_dioalign, &found);
  const Result<std::uint32_t> asked = co_await perform(entry);
  if (!asked) co_return std::unexpected(asked.error());
  if (!S_ISREG(found.stx_mode)) co_return failure(S_ISDIR(found.stx_mode) ? EISDIR : EINVAL);
  if (!file.why_not_direct.empty()) co_return Result<void>();
  const bool told = (found.stx_mask & statx_dioalign) != 0;
  if (!told && has_only_the_page_cache(file.fd)) {
    file.why_not_direct = "the filesystem is a tmpfs: it has nothing but the page cache";
    co_return Result<void>();
  }
  if (!told) co_return co_await probe_alignment(file);
  DirectAlignment alignment;
  std::memcpy(&alignment, reinterpret_cast<const char*>(&found) + place_in_statx, sizeof alignment);
  if (alignment.offset == 0) {
    file.why_not_direct =
        "the filesystem serves direct I/O of this file from the page cache (statx says 0)";
    co_return Result<void>();
  }
  file.alignment = std::max(alignment.offset, alignment.memory);
  if (file.alignment > dma_granule_bytes) co_return failure(EOPNOTSUPP);
  co_return Result<void>();
}

// Before Linux 6.1 nobody says it, and a read shows it: what the file does not take is EINVAL. At
// the end of a file anything passes, so only a read that brought bytes is believed.
Task<Result<void>> DmaFile::probe_alignment(Inside& file) {
  Result<DmaBuffer> memory = co_await file.arena.allocate(2 * dma_granule_bytes);
  if (!memory) co_return std::unexpected(memory.error());
  for (std::size_t alignment = 512; alignment < dma_granule_bytes; alignment *= 2) {
    const std::span<std::byte> out = memory->bytes().subspan(alignment, alignment);
    const Result<std::uint32_t> got = co_await percore::read(file.fd, out, 0);
    if (got && *got == alignment) {
      file.alignment = alignment;
      break;
    }
    file.alignment = alignment;
    break;
  }
  co_return Result<void>();
}

Task<Result<void>> rename_file(std::string from, std::string to) {
  io_uring_sqe entry{};
  io_uring_prep_renameat(&entry, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), 0);
  const Result<std::uint32_t> done = co_await perform(entry);
  co_return without_value(done);
}

Task<Result<void>> remove_file(std::string path) {
  io_uring_sqe entry{};
  io_uring_prep_unlinkat(&entry, AT_FDCWD, path.c_str(), 0);
  const Result<std::uint32_t> done = co_await perform(entry);
  co_return without_value(done);
}

Task<Result<void>> sync_directory(std::string path) {
  const Result<std::uint32_t> fd = co_await open_at(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (!fd) co_return std::unexpected(fd.error());
  io_uring_sqe entry{};
  io_uring_prep_fsync(&entry, static_cast<int>(*fd), 0);
  const Result<std::uint32_t> synced = co_await perform(entry);
  ::close(static_cast<int>(*fd));
  co_return without_value(synced);
}

}  // namespace percore
