#include <algorithm>
#include <cstring>
#include <percore/check.hpp>
#include <percore/dma_file.hpp>
#include <percore/sim.hpp>
#include <string>
#include <utility>
#include <vector>

using namespace percore;
using percore::check::require;
using percore::check::Run;

namespace {

constexpr const char* aligned_ranges = "Lesson 06, *Aligned ranges*";
constexpr const char* what_a_sync_covers = "Lesson 06, *What a sync covers*";

std::string some_text(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * i + i / 251) % 23);
  return text;
}

std::string_view text_of(const DmaBuffer& buffer) {
  return {reinterpret_cast<const char*>(buffer.data()), buffer.size()};
}

sim::Options on_disk(Run& run) {
  sim::Options options = run.options();
  options.files_in_memory = "/sim";
  options.no_space_percent = options.sync_error_percent = options.too_many_files_percent = 0;
  return options;
}

template <typename Root, typename... Arguments>
void prepare_and_run(Run& run, const sim::Options& options, const std::string& text, Root root,
                     Arguments... arguments) {
  run.restart(options);
  sim::make_file("/sim/file", text);
  Executor executor({.ring = {.entries = 8}});
  executor.run(root(arguments...));
}

Task<DmaFile> opened(DmaArena& arena, DmaOpen how, DmaFileOptions options = {}) {
  Result<DmaFile> file = co_await DmaFile::open(arena, "/sim/file", how, options);
  require(file.has_value(), "a file could not be opened");
  co_return std::move(*file);
}
DmaBuffer block_of(DmaArena& arena, char byte) {
  std::optional<DmaBuffer> block = arena.try_allocate(4096);
  require(block.has_value(), "an arena was empty, and had no block");
  std::memset(block->data(), byte, 4096);
  return std::move(*block);
}

Task<> reads_anywhere(Run* run, const std::string* text, std::size_t alignment) {
  DmaArena arena({.bytes = 1 << 18});
  DmaFile file = co_await opened(arena, DmaOpen::read_only);
  // Where the kernel does not say it, a probe that was short may have shown nothing.
  const bool told = sim::options().direct_io == sim::DirectIo::told;
  require(told ? file.alignment_bytes() == alignment : file.alignment_bytes() >= alignment,
          "the disk demands {}, and the file says {}", alignment, file.alignment_bytes());
  for (int i = 0; i < 20; ++i) {
    const std::size_t offset = run->random(text->size());
    const std::size_t size = run->random(9'000);
    const Result<DmaBuffer> got = co_await file.read(offset, size);
    require(got.has_value(), "a read of {} bytes at {} failed", size, offset);
    require(text_of(*got) == std::string_view(*text).substr(offset, size),
            "a read of {} bytes at {} gave other bytes", size, offset);
  }
  std::vector<DmaRange> ranges;
  for (int i = 0; i < 8; ++i)
    ranges.push_back({.offset = run->random(text->size()), .size = run->random(2'000)});
  {
    const std::vector<Result<DmaBuffer>> many = co_await file.read_many(ranges);
    for (std::size_t i = 0; i < ranges.size(); ++i)
      require(many[i] && text_of(*many[i]) ==
                             std::string_view(*text).substr(
                                 static_cast<std::size_t>(ranges[i].offset), ranges[i].size),
              "range {} of read_many() gave other bytes", i);
  }
  static_cast<void>(co_await file.close());
}

Task<> writes_block(DmaFile& file, DmaBuffer block, std::uint64_t offset, unsigned& done) {
  const Result<void> written = co_await file.write(block.bytes(), offset);
  require(written.has_value(), "a write failed");
  ++done;
}

Task<> writes_and(int what, unsigned count) {
  DmaArena arena({.bytes = 1 << 20});
  const DmaFileOptions three{.in_flight_max = 3};
  DmaFile file = co_await opened(arena, DmaOpen::update, three);
  unsigned done = 0;
  std::vector<JoinHandle<void>> writes;
  for (unsigned i = 0; i < count; ++i)
    writes.push_back(spawn(writes_block(file, block_of(arena, 'x'), i * 4096, done)));
  co_await yield();
  if (what == 0) {
    const Result<void> synced = co_await file.fdatasync();
    require(synced.has_value(), "a sync failed");
    require(done == count, "{} writes were under way, a sync ended, and {} of them had", count,
            done);
  } else if (what == 1) {
    const Result<void> cut = co_await file.truncate(100);
    require(cut.has_value(), "a truncate failed");
  }
  if (what != 2) {
    for (auto& write : writes) co_await write;
  }
  const Result<void> closed = co_await file.close();
  require(closed.has_value(), "a close failed");
  require(done == count, "a file was closed, and {} writes were under way", count - done);
  if (what == 2) {
    for (auto& write : writes) co_await write;
  }
  require(sim::counts().in_flight_max <= 3, "3 operations may be in flight, and {} were",
          sim::counts().in_flight_max);
  const std::string found = sim::file_content("/sim/file").value_or("");
  if (what == 1)
    require(found.size() == 100, "a file was cut to 100 bytes, and has {}", found.size());
  else
    require(found.substr(0, count * 4096) == std::string(count * 4096, 'x'),
            "{} blocks were written, and are not all in the file", count);
}

Task<> fails_to_sync() {
  DmaArena arena({.bytes = 1 << 16});
  DmaFile file = co_await opened(arena, DmaOpen::update);
  sim::script({.operation = sim::counts().submitted + 1, .result = -EIO});
  const Result<void> first = co_await file.fdatasync();
  const Result<void> second = co_await file.fdatasync();
  require(!first && !second, "a sync failed, and the next one said that all is well");
  static_cast<void>(co_await file.close());
}

}  // namespace

PERCORE_CHECK("", any_range, "A2", "a read gives the bytes of its range", aligned_ranges) {
  sim::Options options = on_disk(run);
  options.disk_sector_bytes = 512U << run.random(4);
  if (run.chance(50)) options.direct_io = sim::DirectIo::untold;
  options.interrupted_results_percent = options.again_results_percent = 0;
  const std::string text = some_text(20'480);
  prepare_and_run(run, options, text, reads_anywhere, &run, &text,
                  std::size_t{options.disk_sector_bytes});
}

PERCORE_CHECK("", sync_behind_writes, "A5", "a sync waits for what began before it",
              what_a_sync_covers) {
  sim::Options options = on_disk(run);
  options.inline_percent = 0;
  prepare_and_run(run, options, some_text(100), writes_and, 0, run.size(1, 8));
}
PERCORE_CHECK("", cut_behind_writes, "A5", "a truncate waits for what began before it",
              what_a_sync_covers) {
  sim::Options options = on_disk(run);
  options.inline_percent = 0;
  prepare_and_run(run, options, some_text(100), writes_and, 1, run.size(1, 8));
}
PERCORE_CHECK("", close_behind_writes, "A8", "a close waits for what is under way",
              what_a_sync_covers) {
  sim::Options options = on_disk(run);
  options.inline_percent = 0;
  prepare_and_run(run, options, some_text(100), writes_and, 2, run.size(1, 8));
}
PERCORE_CHECK("", failed_stays_failed, "A6", "a sync that failed stays failed", what_a_sync_covers,
              .seeds = 1, .faults = false) {
  prepare_and_run(run, on_disk(run), some_text(100), fails_to_sync);
}
