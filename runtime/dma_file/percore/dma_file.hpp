#pragma once

#include <cstdint>
#include <memory>
#include <percore/contract/dma_file.hpp>
#include <percore/sync.hpp>
#include <string>
#include <utility>
#include <vector>

namespace percore {

constexpr WidenedRange widened(DmaRange range, std::size_t alignment) noexcept {
  const std::uint64_t mask = alignment - 1;
  const std::uint64_t begin = range.offset & ~mask;
  const std::uint64_t end = (range.offset + range.size + mask) & ~mask;
  return {.begin = begin,
          .size = static_cast<std::size_t>(end - begin),
          .lead = static_cast<std::size_t>(range.offset - begin)};
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
  std::shared_ptr<const FileCounts> counts() const noexcept { return inside_->counts; }

  Task<Result<DmaBuffer>> read(std::uint64_t offset, std::size_t size) {
    return read_range(*inside_, inside_->under_way.enter(), {.offset = offset, .size = size});
  }
  Task<Result<std::size_t>> read_into(std::span<std::byte> out, std::uint64_t offset) {
    return read_into_memory(*inside_, inside_->under_way.enter(), out, offset);
  }
  Task<std::vector<Result<DmaBuffer>>> read_many(std::vector<DmaRange> ranges,
                                                 DmaMergeOptions merge = {}) {
    return read_merged(*inside_, inside_->under_way.enter(), std::move(ranges), merge);
  }
  Task<Result<void>> write(std::span<const std::byte> in, std::uint64_t offset) {
    return write_all(*inside_, inside_->under_way.enter(), in, offset);
  }
  Task<Result<void>> preallocate(std::uint64_t size) {
    return allocate(*inside_, inside_->under_way.enter(), size);
  }
  Task<Result<void>> truncate(std::uint64_t size) {
    return cut(*inside_, inside_->under_way.enter(), size);
  }
  Task<Result<std::uint64_t>> size() const {
    return ask_size(*inside_, inside_->under_way.enter());
  }
  Task<Result<void>> fdatasync() { return sync(*inside_, inside_->under_way.enter()); }
  Task<Result<void>> close() { return shut(*inside_); }

 private:
  // A write that is asked for; it lies in its task's frame.
  struct Write {
    Write(std::span<const std::byte> bytes, std::uint64_t begin) noexcept
        : in(bytes), offset(begin) {}
    std::span<const std::byte> in;  // what is left of it
    std::uint64_t offset;
    Write* behind = nullptr;  // in the same run: the one that begins where this one ends
    bool leads = true;        // it is the first of its run, whose task writes for all
    Event settled;            // which run it is in; of those that do not lead: that run is over
  };

  // It stays where it is when the file is moved: operations under way refer to it.
  struct Inside {
    Inside(DmaArena& its_arena, unsigned in_flight_max) : arena(its_arena), places(in_flight_max) {}
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    ~Inside();
    void count_read(std::uint32_t bytes) noexcept {
      ++counts->reads;
      counts->bytes_read += bytes;
    }
    void count_write(std::uint32_t bytes) noexcept {
      ++counts->writes;
      counts->bytes_written += bytes;
    }

    DmaArena& arena;
    int fd = -1;
    std::size_t alignment = dma_granule_bytes;
    std::string why_not_direct;
    Gate under_way;                  // every operation, from its call until it has ended
    Semaphore places;                // A7
    Semaphore writers{writers_max};  // one for each write; a sync takes all, and so waits for them
    std::error_code sync_error;      // A6
    // Whoever watches the file shares them, and may look when the file has gone.
    std::shared_ptr<FileCounts> counts = std::make_shared<FileCounts>();
    std::vector<Write*> asked;  // in this turn, by tasks of `asking`
    RunQueue* asking = nullptr;
  };
  static constexpr std::size_t writers_max = 1u << 20;
  static constexpr std::size_t run_bytes_max = 128u << 10;
  struct Group;

  static bool ends_too_late(DmaRange range) noexcept {
    constexpr std::uint64_t end_max = (std::uint64_t{1} << 63) - dma_granule_bytes;
    return range.offset > end_max || range.size > end_max - range.offset;
  }

  explicit DmaFile(std::unique_ptr<Inside> inside) noexcept : inside_(std::move(inside)) {}

  // entered   at the call: a task that has been spawned and has not begun is under way, too. It
  //           goes as a local of its operation, when that ends, though its JoinHandle stays.
  static Task<Result<void>> examine(Inside& file);
  static Task<Result<void>> probe_alignment(Inside& file);
  static Task<Result<std::uint64_t>> size_of(const Inside& file);
  static Task<Result<std::size_t>> fill(Inside& file, std::span<std::byte> out, std::uint64_t begin,
                                        std::size_t needed, std::size_t done = 0);
  static std::vector<Group> grouped(const std::vector<DmaRange>& ranges, std::size_t alignment,
                                    DmaMergeOptions merge);
  static Task<> fill_group(Inside& file, Group& group);
  // within   it is a piece of a read that has entered the gate: it goes on behind a close (A8).
  static Task<Result<DmaBuffer>> read_range(Inside& file, Result<GatePass> entered, DmaRange range,
                                            bool within = false);
  static Task<Result<std::size_t>> read_into_memory(Inside& file, Result<GatePass> entered,
                                                    std::span<std::byte> out, std::uint64_t offset);
  static Task<Result<std::size_t>> read_straight(Inside& file, GatePass entered,
                                                 std::span<std::byte> out, std::uint64_t offset);
  static Task<Result<std::size_t>> read_by_pieces(Inside& file, Result<GatePass> entered,
                                                  std::span<std::byte> out, std::uint64_t offset);
  static Task<std::vector<Result<DmaBuffer>>> read_merged(Inside& file, Result<GatePass> entered,
                                                          std::vector<DmaRange> ranges,
                                                          DmaMergeOptions merge);
  static Task<Result<void>> write_all(Inside& file, Result<GatePass> entered,
                                      std::span<const std::byte> in, std::uint64_t offset);
  static Task<Result<void>> write_on(Inside& file, std::span<const std::byte> in,
                                     std::uint64_t offset, std::size_t done);
  // Of the writes that are asked for in one turn: alone is one whose task is of another queue.
  enum class Turn { alone, first, later };
  static Turn ask(Inside& file, Write& write);
  static bool has_company(Inside& file, Turn turn) noexcept;
  static void answer_behind(Write& leads) noexcept;
  static Task<> write_run(Inside& file, Write& first);
  static void join_runs(std::vector<Write*>& asked) noexcept;
  static Task<Result<void>> allocate(Inside& file, Result<GatePass> entered, std::uint64_t size);
  static Task<Result<void>> cut(Inside& file, Result<GatePass> entered, std::uint64_t size);
  static Task<Result<std::uint64_t>> ask_size(Inside& file, Result<GatePass> entered);
  static Task<Result<void>> sync(Inside& file, Result<GatePass> entered);
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
