// 06.4 dma_file, step read: any range, by aligned reads, on a disk that gives less than asked for.

#include "file_support.hpp"

using namespace checks;

namespace {

Task<> reads_ranges(DmaArena& arena, Run* run, const std::string* text, unsigned count) {
  DmaFile file = co_await opened(arena, DmaOpen::read_only);
  for (unsigned i = 0; i < count; ++i) {
    run->operation(i);
    const std::uint64_t offset = run->random(text->size() + 6'000);
    const std::size_t size = run->random(run->chance(40) ? 20'000 : 700);
    const Result<DmaBuffer> got = co_await file.read(offset, size);
    if (!got) explain(got.error(), percore::check::say("a read of {} bytes at {}", size, offset));
    compare(*text, offset, size, text_of(*got));
  }
  co_await closed(file);
}

Task<> reads_into(DmaArena& arena, Run* run, const std::string* text, unsigned count) {
  DmaFile file = co_await opened(arena, DmaOpen::read_only);
  const AlignedMemory aligned((text->size() + 9'000) / dma_granule_bytes + 2);
  const std::span<char> memory(reinterpret_cast<char*>(aligned.bytes().data()),
                               aligned.bytes().size());
  for (unsigned i = 0; i < count; ++i) {
    run->operation(i);
    std::uint64_t offset = run->random(text->size() + 100);
    std::size_t size = run->random(run->chance(30) ? text->size() + 4'000 : 900);
    std::size_t place = 1 + run->random(60);
    const auto all_but = run->random(6);  // else nothing is aligned
    if (all_but <= 2) {                   // one thing is not
      if (all_but != 0) place = dma_granule_bytes;
      if (all_but != 1) offset = offset / dma_granule_bytes * dma_granule_bytes;
      if (all_but != 2) size = dma_granule_bytes;
    }
    std::memset(memory.data(), '?', memory.size());
    const auto out = std::as_writable_bytes(std::span(memory)).subspan(place, size);
    const Result<std::size_t> got = co_await file.read_into(out, offset);
    if (!got)
      explain(got.error(),
              percore::check::say(
                  "a read of {} bytes at {} into memory of the caller's (the arena has {})", size,
                  offset, arena.size_bytes()));
    require(*got <= size, "a read of {} bytes into memory of the caller's says that {} came", size,
            *got);
    compare(*text, offset, size, {memory.data() + place, *got});
    require(memory[place + size] == '?' && memory[place - 1] == '?',
            "a read of {} bytes at {} wrote outside the caller's memory", size, offset);
  }
  co_await closed(file);
}

Task<> reads_straight(DmaArena& arena, Run* run, const std::string* text) {
  DmaFile file = co_await opened(arena, DmaOpen::read_only);
  std::optional<DmaBuffer> all = arena.try_allocate(arena.size_bytes());
  require(all.has_value(), "opening a file has left blocks of the arena taken");
  const std::size_t size = dma_granule_bytes * run->size(1, 8);
  const std::uint64_t offset = dma_granule_bytes * run->random(20);
  run->waits_for(
      "a read into aligned memory, which needs no block of the arena, since all of it is "
      "taken");
  const Result<std::size_t> got = co_await file.read_into(all->bytes().first(size), offset);
  if (!got) explain(got.error(), "a read into aligned memory");
  compare(*text, offset, size, text_of(*all).substr(0, *got));
  co_await closed(file);
}

Task<> reads_past_the_arena(DmaArena& arena, Run* run, const std::string* text) {
  DmaFile file = co_await opened(arena, DmaOpen::read_only);
  const AlignedMemory memory(run->size(1, 8));
  const std::size_t size = memory.bytes().size();
  const std::uint64_t offset = dma_granule_bytes * run->random(20);
  const Result<std::size_t> got = co_await file.read_into(memory.bytes(), offset);
  if (!got) explain(got.error(), "a read into aligned memory that is not the arena's");
  compare(*text, offset, size,
          {reinterpret_cast<const char*>(memory.bytes().data()), std::min(size, *got)});
  co_await closed(file);
}

Task<> reads_beyond(DmaArena& arena) {
  DmaFile file = co_await opened(arena, DmaOpen::read_only);
  const Result<DmaBuffer> far = co_await file.read(std::uint64_t{1} << 40, 100);
  require(far && far->empty(), "a read far beyond the end gave {}",
          far ? std::to_string(far->size()) + " bytes" : error_of(far));
  const Result<DmaBuffer> no_bytes = co_await file.read(3, 0);
  require(no_bytes && no_bytes->empty(), "a read of no bytes gave {}",
          no_bytes ? std::to_string(no_bytes->size()) + " bytes" : error_of(no_bytes));
  const Result<DmaBuffer> huge = co_await file.read(5, arena.size_bytes());
  require(!huge && huge.error() == system_error(ENOBUFS),
          "a read that the arena could never hold gives ENOBUFS, and this gave {}", error_of(huge));
  const std::uint64_t too_far[] = {(std::uint64_t{1} << 63) - 50, ~std::uint64_t{0} - 20};
  for (const std::uint64_t offset : too_far) {
    const Result<DmaBuffer> got = co_await file.read(offset, 100);
    require(!got && got.error() == system_error(EINVAL),
            "a read that ends beyond 2^63 gives EINVAL, and this gave {}", error_of(got));
  }
  co_await closed(file);
}

Task<> reads_one(DmaFile& file, std::uint64_t offset) {
  const Result<DmaBuffer> got = co_await file.read(offset + 17, 300);
  if (!got) explain(got.error(), "a read beside others");
}
Task<> reads_one_into(DmaFile& file, std::uint64_t offset, bool aligned) {
  const AlignedMemory memory(1);
  const std::size_t shifted = aligned ? 0 : 17;
  const Result<std::size_t> got =
      co_await file.read_into(memory.bytes().subspan(shifted), offset + shifted);
  if (!got) explain(got.error(), "a read into memory of the caller's beside others");
}
Task<> reads_at_once(DmaArena& arena, Run* run, unsigned in_flight_max, unsigned count) {
  const DmaFileOptions options{.in_flight_max = in_flight_max};
  DmaFile file = co_await opened(arena, DmaOpen::read_only, options);
  run->waits_for("reads that wait for one another's places");
  std::vector<JoinHandle<void>> reads;
  const std::uint64_t first = run->random(3);
  for (unsigned i = 0; i < count; ++i) {
    const std::uint64_t kind = (first + i) % 3;
    reads.push_back(
        spawn(kind == 0 ? reads_one(file, i * 4096) : reads_one_into(file, i * 4096, kind == 1)));
  }
  for (auto& read : reads) co_await read;
  const std::uint64_t most = sim::counts().in_flight_max;
  require(most <= in_flight_max, "{} operations of a file were with the kernel, and {} may be",
          most, in_flight_max);
  const auto wanted = std::min<std::uint64_t>(in_flight_max, count);
  require(most == wanted, "{} reads of a file wanted to run, {} may, and {} were with the kernel",
          count, in_flight_max, most);
  co_await closed(file);
}

/// Each read ends in `error`, as often as it is asked for.
Task<> reads_what_never_passes(DmaArena& arena, Run* run, int error) {
  DmaFile file = co_await opened(arena, DmaOpen::read_only);
  const char* const asked =
      error == EINTR
          ? "a read that ends in EINTR however often it is asked for: ask again, not for ever"
          : "a read that ends in EAGAIN however often it is asked for: ask again, not for ever";
  run->waits_for(asked);
  const Result<DmaBuffer> got = co_await file.read(100, 5'000);
  require(!got && got.error() == system_error(error),
          "{}: after some attempts that is its error, and this gave {}", asked, error_of(got));
  const AlignedMemory memory(1);
  const Result<std::size_t> into = co_await file.read_into(memory.bytes(), 0);
  require(!into && into.error() == system_error(error),
          "{}: after some attempts that is its error, and a read_into() gave {}", asked,
          error_of(into));
  co_await closed(file);
}

/// Some bytes come, and then the device says that the next ones are lost.
Task<> reads_up_to_an_error(DmaArena& arena, Run* run, const std::string* text) {
  DmaFile file = co_await opened(arena, DmaOpen::read_only);
  const auto is_told = [](const char* what, std::error_code got) {
    require(got == system_error(EIO),
            "{}: a part of it is lost, the device gave EIO, and the read gave {}: an error is not "
            "the end of the file",
            what, got ? got.message() : std::string("fewer bytes, and no error"));
  };
  const auto of = [](const auto& result) { return result ? std::error_code() : result.error(); };
  const std::int64_t late = 5'000 + static_cast<std::int64_t>(run->random(6'000));
  sim::script({.opcode = IORING_OP_READ, .byte = 100, .bytes_max = 4'096});
  sim::script({.opcode = IORING_OP_READ, .byte = late, .result = -EIO});
  const Result<DmaBuffer> got = co_await file.read(100, 12'000);
  is_told("a read of 12,000 bytes at 100", of(got));
  std::vector<std::byte> out(50'000);
  const auto lost = static_cast<std::int64_t>(101 + run->random(out.size()));
  sim::script({.opcode = IORING_OP_READ, .byte = lost, .result = -EIO});
  const Result<std::size_t> into = co_await file.read_into(out, 101);
  is_told("a read_into() of 50,000 bytes at 101", of(into));
  const Result<DmaBuffer> again = co_await file.read(100, 12'000);
  if (!again) explain(again.error(), "a read after one that had failed");
  compare(*text, 100, 12'000, text_of(*again));
  co_await closed(file);
}

Task<> reads_beside_a_write(DmaArena& arena, bool& ended) {
  const DmaFileOptions options{.in_flight_max = 1};
  DmaFile file = co_await opened(arena, DmaOpen::update, options);
  std::optional<DmaBuffer> all = arena.try_allocate(arena.size_bytes());
  require(all.has_value(), "opening a file has left blocks of the arena taken");
  std::memset(all->data(), 'w', all->size());
  auto read = spawn(reads_one(file, 0));
  while (arena.waiting() == 0) co_await yield();
  const Result<void> written = co_await file.write(all->bytes().first(dma_granule_bytes), 0);
  require(written.has_value(), "a write gave {}", error_of(written));
  all.reset();
  co_await read;
  ended = true;
  co_await closed(file);
}

/// A disk with one file, and an arena of its own.
template <typename Root, typename... Arguments>
void on_a_disk(Run& run, const sim::Options& options, const std::string& text, std::size_t arena,
               Root root, Arguments... arguments) {
  run.restart(options);
  sim::make_file(the_path, text);
  run_on_executor(with_arena(arena, root, arguments...));
}

}  // namespace

PERCORE_CHECK("read", the_range_is_widened, "A1", "the kernel is asked for aligned ranges alone",
              aligned_ranges, .ring = false) {
  for (unsigned i = 0; i < 50; ++i) {
    const std::size_t alignment = std::size_t{512} << run.random(4);
    const DmaRange range{.offset = run.random(run.chance(50) ? 20'000 : std::uint64_t{1} << 62),
                         .size = run.random(run.chance(70) ? 20'000 : std::size_t{1} << 40)};
    const WidenedRange wide = widened(range, alignment);
    const std::string what = percore::check::say("[{}, {}) widened to multiples of {} is [{}, {})",
                                                 range.offset, range.offset + range.size, alignment,
                                                 wide.begin, wide.begin + wide.size);
    require(wide.begin % alignment == 0 && wide.size % alignment == 0, "{}: not aligned", what);
    require(wide.begin <= range.offset && wide.begin + wide.size >= range.offset + range.size,
            "{}, which does not hold it", what);
    require(range.offset - wide.begin < alignment &&
                wide.begin + wide.size - (range.offset + range.size) < alignment,
            "{}: there is a smaller one", what);
    require(wide.lead == range.offset - wide.begin,
            "{}: {} bytes lie before what was asked for, and lead says {}", what,
            range.offset - wide.begin, wide.lead);
  }
}

PERCORE_CHECK("read", a_read_gives_its_range, "A2",
              "a read gives the bytes of the range that was asked for, fewer only at the end",
              aligned_ranges) {
  sim::Options options = disk_options(run);
  options.disk_sector_bytes = some_sector(run);
  const std::string text = noise(run.size(0, 60'000), run.seed() + 1);
  run.waits_for("a read of a file on a disk that gives less than it is asked for");
  on_a_disk(run, options, text, 1 << 18, reads_ranges, &run, &text, run.size(1, 20));
}

PERCORE_CHECK("read", into_memory_of_the_callers, "A2",
              "a read gives the bytes of the range, into memory of the caller's too",
              aligned_ranges) {
  sim::Options options = disk_options(run);
  options.disk_sector_bytes = some_sector(run);
  const std::string text = noise(run.size(0, 200'000), run.seed() + 1);
  run.waits_for("a read into memory of the caller's");
  on_a_disk(run, options, text, 1 << 16, reads_into, &run, &text, run.size(1, 8));
}

PERCORE_CHECK("read", aligned_memory_needs_no_copy, "A2",
              "a read gives the bytes of its range, straight into memory that is aligned",
              aligned_ranges) {
  sim::Options options = disk_options(run);
  options.disk_sector_bytes = some_sector(run);
  const std::string text = noise(100'000, run.seed() + 1);
  on_a_disk(run, options, text, 1 << 16, reads_straight, &run, &text);
}

PERCORE_CHECK("read", memory_that_no_ring_knows, "A2",
              "a read gives the bytes of the range, into memory of the caller's too",
              aligned_ranges, .seeds = 50) {
  const std::string text = noise(100'000, run.seed() + 1);
  run.waits_for("a read into aligned memory that is not the arena's");
  on_a_disk(run, disk_options(run), text, 1 << 16, reads_past_the_arena, &run, &text);
}

PERCORE_CHECK("read", what_no_read_can_give, "A2",
              "none beyond the end; ENOBUFS and EINVAL where there is no such range",
              aligned_ranges, .seeds = 20) {
  const std::string text = noise(run.size(0, 10'000));
  run.waits_for("reads beyond the end, and of more than the arena holds");
  on_a_disk(run, disk_options(run), text, 1 << 16, reads_beyond);
}

PERCORE_CHECK("read", what_never_passes_is_told, "A2",
              "what passes is asked for again, and not for ever", aligned_ranges, .seeds = 2,
              .faults = false) {
  sim::Options options = disk_options(run);
  const bool interrupted = run.seed() % 2 == 1;
  (interrupted ? options.interrupted_results_percent : options.again_results_percent) = 100;
  on_a_disk(run, options, noise(20'000), 1 << 16, reads_what_never_passes, &run,
            interrupted ? EINTR : EAGAIN);
}

PERCORE_CHECK("read", so_many_in_flight, "A7",
              "at most in_flight_max reads and writes of a file are with the kernel at once",
              under_way, .faults = false) {
  sim::Options options = disk_options(run);
  options.inline_percent = 0;  // each takes its time
  const std::string text = noise(100'000);
  on_a_disk(run, options, text, 1 << 20, reads_at_once, &run,
            1 + static_cast<unsigned>(run.random(6)), run.size(1, 20));
}

PERCORE_CHECK("read", an_error_is_no_end, "A2",
              "a read gives the bytes of its range, fewer only at the end of the file",
              aligned_ranges, .seeds = 60, .faults = false) {
  const std::string text = noise(60'000, run.seed() + 1);
  run.waits_for("reads of which one part fails");
  on_a_disk(run, disk_options(run), text, 1 << 16, reads_up_to_an_error, &run, &text);
}

PERCORE_CHECK("read", a_place_is_for_the_kernel, "A7",
              "a place is taken for what is with the kernel: who waits for memory holds none",
              under_way, .seeds = 5, .faults = false) {
  run.waits_for(
      "a write, from memory that a read waits for: the read waits for memory first, and for its "
      "place among in_flight_max then, or each waits for the other");
  bool ended = false;
  const auto root = [&ended](DmaArena& arena) { return reads_beside_a_write(arena, ended); };
  on_a_disk(run, disk_options(run), noise(60'000), 4 * dma_granule_bytes, root);
  require(ended, "the executor has ended, and a task still waits");
}
