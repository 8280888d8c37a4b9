// 06.4 dma_file, step many: many reads made few.

#include <percore/timer.hpp>

#include "file_support.hpp"

using namespace checks;

namespace {

bool reads(const sim::Event& event) {
  return event.opcode == IORING_OP_READ || event.opcode == IORING_OP_READ_FIXED;
}

struct Ask {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  std::uint64_t longest = 0;
};
/// What the kernel was asked to read since the record had `begin` events.
Ask asked_since(std::size_t begin) {
  Ask ask;
  const auto& record = sim::record();
  for (std::size_t i = begin; i < record.size(); ++i) {
    if (record[i].kind != sim::Event::Kind::submitted || !reads(record[i])) continue;
    ++ask.count;
    ask.bytes += record[i].length;
    ask.longest = std::max<std::uint64_t>(ask.longest, record[i].length);
  }
  return ask;
}

/// What it takes at most: ranges in the order of their beginnings, each joined to the one before
/// where the options allow.
Ask needed(std::vector<DmaRange> ranges, std::size_t alignment, DmaMergeOptions merge) {
  std::ranges::sort(ranges, {}, &DmaRange::offset);
  Ask ask;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  bool any = false;
  const auto finish = [&] {
    if (!any) return;
    ask.bytes += end - begin;
    ask.longest = std::max(ask.longest, end - begin);
  };
  for (const DmaRange& range : ranges) {
    if (range.size == 0) continue;
    const std::uint64_t from = range.offset / alignment * alignment;
    const std::uint64_t to = (range.offset + range.size + alignment - 1) / alignment * alignment;
    const std::uint64_t together = std::max(end, to);
    if (any && (from <= end || from - end <= merge.gap_bytes_max) &&
        (together == end || together - begin <= merge.read_bytes_max)) {
      end = together;
      continue;
    }
    finish();
    any = true;
    begin = from;
    end = to;
    ++ask.count;
  }
  finish();
  return ask;
}

std::vector<DmaRange> some_ranges(Run& run, unsigned count, std::size_t file_size) {
  std::vector<DmaRange> ranges;
  std::uint64_t near = run.random(file_size);
  for (unsigned i = 0; i < count; ++i) {
    if (run.chance(30)) near = run.random(file_size);
    const std::uint64_t offset = std::min<std::uint64_t>(near + run.random(9'000), file_size - 1);
    const std::size_t size = run.random(run.chance(20) ? 20'000 : 400);
    ranges.push_back(
        {.offset = offset, .size = static_cast<std::size_t>(std::min(size, file_size - offset))});
  }
  return ranges;
}

Task<> reads_many(DmaArena& arena, Run* run, const std::string* text, unsigned count,
                  bool demands_count) {
  DmaFile file = co_await opened(arena, DmaOpen::read_only);
  const std::vector<DmaRange> ranges = some_ranges(*run, count, text->size());
  // Any numbers: they need not be multiples of anything.
  const DmaMergeOptions merge{.gap_bytes_max = run->random(10'000),
                              .read_bytes_max = run->random(120'000)};
  const std::size_t begin = sim::record().size();
  run->waits_for("many reads");
  {
    const std::vector<Result<DmaBuffer>> got = co_await file.read_many(ranges, merge);
    require(got.size() == ranges.size(), "{} ranges gave {} results", ranges.size(), got.size());
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      run->operation(i);
      if (!got[i]) explain(got[i].error(), percore::check::say("range {} of {}", i, count));
      compare(*text, ranges[i].offset, ranges[i].size, text_of(*got[i]));
    }
  }
  if (demands_count) {
    const Ask ask = asked_since(begin);
    const Ask need = needed(ranges, file.alignment_bytes(), merge);
    require(ask.count <= need.count,
            "{} ranges can be had by {} reads (gap_bytes_max {}, read_bytes_max {}), and {} were "
            "made",
            count, need.count, merge.gap_bytes_max, merge.read_bytes_max, ask.count);
    require(ask.count >= need.count,
            "{} ranges were had by {} reads, and by the options it takes {}: gap_bytes_max is {}, "
            "read_bytes_max {}",
            count, ask.count, need.count, merge.gap_bytes_max, merge.read_bytes_max);
    require(ask.bytes <= need.bytes, "{} ranges take {} bytes, and {} were read", count, need.bytes,
            ask.bytes);
    require(ask.longest <= need.longest, "the longest read had {} bytes, and {} are needed",
            ask.longest, need.longest);
  }
  co_await closed(file);
}

Task<> reads_beyond(DmaArena& arena, const std::string* text) {
  DmaFile file = co_await opened(arena, DmaOpen::read_only);
  const std::vector<DmaRange> ranges = {{.offset = text->size() - 10, .size = 100},
                                        {.offset = text->size() + 3, .size = 5},
                                        {.offset = 0, .size = 0},
                                        {.offset = std::uint64_t{1} << 40, .size = 7},
                                        {.offset = ~std::uint64_t{0} - 3, .size = 7},
                                        {.offset = 4, .size = 8}};
  {
    const std::vector<Result<DmaBuffer>> got = co_await file.read_many(ranges);
    require(got.size() == ranges.size(), "{} ranges gave {} results", ranges.size(), got.size());
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      if (i == 4) {
        require(!got[i] && got[i].error() == system_error(EINVAL),
                "a range that ends beyond 2^63 gives EINVAL, and this gave {}", error_of(got[i]));
        continue;
      }
      if (!got[i]) explain(got[i].error(), percore::check::say("range {}", i));
      compare(*text, ranges[i].offset, ranges[i].size, text_of(*got[i]));
    }
  }
  const std::vector<DmaRange> huge = {{.offset = 0, .size = arena.size_bytes()},
                                      {.offset = 1, .size = arena.size_bytes()}};
  const DmaMergeOptions never{.gap_bytes_max = 0, .read_bytes_max = 0};
  const std::vector<Result<DmaBuffer>> refused = co_await file.read_many(huge, never);
  for (const auto& one : refused)
    require(!one && one.error() == system_error(ENOBUFS),
            "ranges that the arena could never hold give ENOBUFS, and this gave {}", error_of(one));
  co_await closed(file);
}

Task<> one_fails(DmaArena& arena, const std::string* text, unsigned which) {
  DmaFile file = co_await opened(arena, DmaOpen::read_only);
  const std::vector<DmaRange> ranges = {
      {.offset = 100, .size = 10}, {.offset = 40'000, .size = 10}, {.offset = 80'000, .size = 10}};
  sim::script({.opcode = IORING_OP_READ,
               .byte = static_cast<std::int64_t>(ranges[which].offset),
               .result = -EIO});
  {
    const std::vector<Result<DmaBuffer>> got = co_await file.read_many(ranges);
    for (unsigned i = 0; i < 3; ++i) {
      if (i == which) {
        require(!got[i] && got[i].error() == system_error(EIO),
                "the read for range {} gave EIO, and its result is {}", i, error_of(got[i]));
        continue;
      }
      require(got[i].has_value(), "the read for range {} failed, and range {} gave {}", which, i,
              error_of(got[i]));
      compare(*text, ranges[i].offset, ranges[i].size, text_of(*got[i]));
    }
  }
  co_await closed(file);
}

Task<> reads_a_lot(DmaFile& file, unsigned& done) {
  const std::vector<DmaRange> ranges = {{.offset = 0, .size = 20'000},
                                        {.offset = 40'000, .size = 20'000}};
  const std::vector<Result<DmaBuffer>> got = co_await file.read_many(ranges);
  for (const auto& one : got) require(one.has_value(), "one of many reads gave {}", error_of(one));
  ++done;
}
/// Each needs more than half of the arena.
Task<> two_at_once(DmaArena& arena, Run* run) {
  DmaFile file = co_await opened(arena, DmaOpen::read_only);
  run->waits_for("two calls that each need most of the arena");
  unsigned done = 0;
  JoinHandle<void> first = spawn(reads_a_lot(file, done));
  JoinHandle<void> second = spawn(reads_a_lot(file, done));
  while (done != 2) {
    require(arena.waiting() != 2,
            "two calls of read_many() wait for memory, and {} of {} bytes are free: each holds a "
            "part of what it needs and waits for the rest, for ever",
            arena.free_bytes(), arena.size_bytes());
    const auto slept = co_await sleep_for(Time{1'000});
    require(slept.has_value(), "a sleep was cancelled");
  }
  co_await first;
  co_await second;
  co_await closed(file);
}

Task<> so_many_at_once(DmaArena& arena, unsigned in_flight_max) {
  const DmaFileOptions options{.in_flight_max = in_flight_max};
  DmaFile file = co_await opened(arena, DmaOpen::read_only, options);
  const DmaMergeOptions never{.gap_bytes_max = 0, .read_bytes_max = 0};
  std::vector<DmaRange> ranges;
  for (unsigned i = 0; i < 10; ++i) ranges.push_back({.offset = i * 9'000, .size = 10});
  {
    const std::vector<Result<DmaBuffer>> got = co_await file.read_many(ranges, never);
    for (const auto& one : got) require(one.has_value(), "a read gave {}", error_of(one));
  }
  const std::uint64_t most = sim::counts().in_flight_max;
  require(most <= in_flight_max, "{} operations of a file were with the kernel, and {} may be",
          most, in_flight_max);
  require(
      most == in_flight_max,
      "10 reads of a file wanted to run, {} may, and {} were with the kernel: all begin at once",
      in_flight_max, most);
  co_await closed(file);
}

void prepare(Run& run, const sim::Options& options, const std::string& text) {
  run.restart(options);
  sim::make_file(the_path, text);
}

}  // namespace

PERCORE_CHECK("many", each_range_its_bytes, "A2", "one result for each range, in their order",
              many_reads) {
  sim::Options options = disk_options(run);
  options.disk_sector_bytes = some_sector(run);
  const std::string text = noise(4096 * run.size(1, 40), run.seed() + 1);
  prepare(run, options, text);
  run_on_executor(with_arena(4 << 20, reads_many, &run, &text, run.size(0, 30), false));
}

PERCORE_CHECK("many", few_reads_for_many, "A2",
              "what lies close together is read as one, as far as the options go", many_reads,
              .faults = false) {
  sim::Options options = disk_options(run);
  options.disk_sector_bytes = some_sector(run);
  const std::string text = noise(4096 * run.size(1, 40), run.seed() + 1);
  prepare(run, options, text);
  run_on_executor(with_arena(4 << 20, reads_many, &run, &text, run.size(1, 30), true));
}

PERCORE_CHECK("many", ranges_beyond_the_end, "A2",
              "fewer bytes at the end of the file, none beyond it", many_reads, .seeds = 50) {
  const std::string text = noise(run.size(2'000, 20'000));
  prepare(run, disk_options(run), text);
  run_on_executor(with_arena(1 << 17, reads_beyond, &text));
}

PERCORE_CHECK("many", one_error_is_one, "A2", "an error is that of the ranges it struck",
              many_reads, .seeds = 20, .faults = false) {
  const std::string text = noise(100'000);
  prepare(run, disk_options(run), text);
  run_on_executor(with_arena(1 << 17, one_fails, &text, static_cast<unsigned>(run.random(3))));
}

PERCORE_CHECK("many", memory_all_at_once, "A2",
              "nobody holds a part of the arena and waits for the rest", many_reads, .seeds = 50) {
  const std::string text = noise(100'000);
  prepare(run, disk_options(run), text);
  // A call needs ten granules, in two blocks.
  run_on_executor(with_arena(12 * dma_granule_bytes, two_at_once, &run));
}

PERCORE_CHECK("many", so_many_of_many_in_flight, "A7",
              "at most in_flight_max reads and writes of a file are with the kernel at once",
              under_way, .seeds = 50, .faults = false) {
  sim::Options options = disk_options(run);
  options.inline_percent = 0;
  prepare(run, options, noise(100'000));
  run_on_executor(with_arena(1 << 20, so_many_at_once, 1 + static_cast<unsigned>(run.random(5))));
}
