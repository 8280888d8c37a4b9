#pragma once

#include <cstdint>
#include <memory>
#include <percore/contract/dma_file.hpp>
#include <percore/sync.hpp>
#include <string>
#include <utility>
#include <vector>

// Files past the page cache, in five steps. The contract, <percore/contract/dma_file.hpp>, has the
// invariants A1 to A9 and what each public function promises: keep it open beside this.
//
// - Step "read" (A1, A2, A7): widened() here, and three functions in dma_file.cpp.
// - Step "alignment" (A1, A9): open.cpp.
// - Step "write" (A3): dma_file.cpp.
// - Step "sync" (A5, A6, A8): dma_file.cpp.
// - Step "many" (A2, A7): read_many.cpp.
//
// Apart from widened() this header needs no change.

namespace percore {

constexpr WidenedRange widened(DmaRange range, std::size_t alignment) noexcept {
  // TODO read (A1): from the multiple of `alignment` at or below the range's first byte to the one
  // at or above its end. An empty range at a multiple is empty.
  static_cast<void>(alignment);
  return {.begin = range.offset, .size = range.size, .lead = 0};
}

/// A file that is read and written past the page cache: the device moves the bytes between itself
/// and the arena. See contract/dma_file.hpp.
/// Cost     an operation: one entry and a coroutine frame or two, from the frame pool.
/// Thread   the executor's that opened it.
/// Source   open(2) O_DIRECT; statx(2) STATX_DIOALIGN (Linux 6.1); io_uring_enter(2).
class DmaFile {
 public:
  static Task<Result<DmaFile>> open(DmaArena& arena, std::string path, DmaOpen how,
                                    DmaFileOptions options = {});

  std::size_t alignment_bytes() const noexcept { return inside_->alignment; }
  bool direct() const noexcept { return inside_->why_not_direct.empty(); }
  const std::string& why_not_direct() const noexcept { return inside_->why_not_direct; }
  DmaArena& arena() const noexcept { return inside_->arena; }

  Task<Result<DmaBuffer>> read(std::uint64_t offset, std::size_t size) {
    return read_range(*inside_, {.offset = offset, .size = size});
  }
  Task<Result<std::size_t>> read_into(std::span<std::byte> out, std::uint64_t offset) {
    return read_into_memory(*inside_, out, offset);
  }
  Task<std::vector<Result<DmaBuffer>>> read_many(std::vector<DmaRange> ranges,
                                                 DmaMergeOptions merge = {}) {
    return read_merged(*inside_, std::move(ranges), merge);
  }
  Task<Result<void>> write(std::span<const std::byte> in, std::uint64_t offset) {
    return write_all(*inside_, in, offset);
  }
  Task<Result<void>> preallocate(std::uint64_t size) { return allocate(*inside_, size); }
  Task<Result<void>> truncate(std::uint64_t size) { return cut(*inside_, size); }
  Task<Result<std::uint64_t>> size() const { return ask_size(*inside_); }
  Task<Result<void>> fdatasync() { return sync(*inside_); }
  Task<Result<void>> close() { return shut(*inside_); }

 private:
  // It stays where it is when the file is moved: operations under way refer to it.
  struct Inside {
    Inside(DmaArena& its_arena, int descriptor, unsigned in_flight_max) noexcept
        : arena(its_arena), fd(descriptor), places(in_flight_max) {}
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    ~Inside();

    DmaArena& arena;
    int fd;
    std::size_t alignment = dma_granule_bytes;
    std::string why_not_direct;
    Gate under_way;                  // every operation, until it has ended
    Semaphore places;                // A7
    Semaphore writers{writers_max};  // one for each write; a sync takes all, and so waits for them
    std::error_code sync_error;      // A6
  };
  static constexpr std::size_t writers_max = 1u << 20;
  struct Group;

  static bool ends_too_late(DmaRange range) noexcept {
    constexpr std::uint64_t end_max = (std::uint64_t{1} << 63) - dma_granule_bytes;
    return range.offset > end_max || range.size > end_max - range.offset;
  }

  explicit DmaFile(std::unique_ptr<Inside> inside) noexcept : inside_(std::move(inside)) {}

  static Task<Result<void>> examine(Inside& file);
  static Task<Result<void>> probe_alignment(Inside& file);
  static Task<Result<std::uint64_t>> size_of(const Inside& file);
  static Task<Result<std::size_t>> fill(Inside& file, std::span<std::byte> out, std::uint64_t begin,
                                        std::size_t needed);
  static std::vector<Group> grouped(const std::vector<DmaRange>& ranges, std::size_t alignment,
                                    DmaMergeOptions merge);
  static Task<> fill_group(Inside& file, Group& group);
  // within   it is a piece of a read that has entered the gate: it goes on behind a close (A8).
  static Task<Result<DmaBuffer>> read_range(Inside& file, DmaRange range, bool within = false);
  static Task<Result<std::size_t>> read_into_memory(Inside& file, std::span<std::byte> out,
                                                    std::uint64_t offset);
  static Task<std::vector<Result<DmaBuffer>>> read_merged(Inside& file,
                                                          std::vector<DmaRange> ranges,
                                                          DmaMergeOptions merge);
  static Task<Result<void>> write_all(Inside& file, std::span<const std::byte> in,
                                      std::uint64_t offset);
  static Task<Result<void>> allocate(Inside& file, std::uint64_t size);
  static Task<Result<void>> cut(Inside& file, std::uint64_t size);
  static Task<Result<std::uint64_t>> ask_size(Inside& file);
  static Task<Result<void>> sync(Inside& file);
  static Task<Result<void>> shut(Inside& file);

  std::unique_ptr<Inside> inside_;
};

/// What was `from` is `to`, in place of what that was: whoever looks sees the one or the other.
/// Returns  nothing. Errors  the kernel's. Thread  the executor's.
/// Source   rename(2); IORING_OP_RENAMEAT (5.11). Durable after sync_directory().
Task<Result<void>> rename_file(std::string from, std::string to);
/// Source   unlink(2); IORING_OP_UNLINKAT (5.11).
Task<Result<void>> remove_file(std::string path);
/// Makes durable which names `path`, a directory, has: after a create, a rename or a removal.
/// Source   fsync(2): to sync a file does not sync the directory entry that leads to it.
Task<Result<void>> sync_directory(std::string path);

}  // namespace percore
