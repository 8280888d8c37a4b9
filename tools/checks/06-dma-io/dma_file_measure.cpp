// What the learner's file costs, beside ours. Shown after a pass.

#include "file_support.hpp"

using namespace checks;

namespace {

Task<> reads(DmaArena& arena, Run* run, unsigned times, std::uint64_t offset, std::size_t size) {
  DmaFile file = co_await opened(arena, DmaOpen::read_only);
  run->count_from_here();
  for (unsigned i = 0; i < times; ++i) {
    const Result<DmaBuffer> got = co_await file.read(offset + i * 4096, size);
    if (!got) break;
  }
  run->count_to_here();
  co_await closed(file);
}
Task<> reads_together(DmaArena& arena, Run* run, unsigned count) {
  DmaFile file = co_await opened(arena, DmaOpen::read_only);
  std::vector<DmaRange> ranges;
  for (unsigned i = 0; i < count; ++i) ranges.push_back({.offset = i * 900, .size = 300});
  run->count_from_here();
  {
    const std::vector<Result<DmaBuffer>> got = co_await file.read_many(ranges);
    if (got.empty()) co_return;
  }
  run->count_to_here();
  co_await closed(file);
}
Task<> writes(DmaArena& arena, Run* run, unsigned times) {
  DmaFile file = co_await opened(arena, DmaOpen::update);
  const DmaBuffer block = block_of(arena, noise(4096));
  run->count_from_here();
  for (unsigned i = 0; i < times; ++i) {
    const Result<void> done = co_await file.write(block.bytes(), i * 4096);
    if (!done) break;
  }
  run->count_to_here();
  co_await closed(file);
}

template <typename Root, typename... Arguments>
void measure(Run& run, Root root, Arguments... arguments) {
  sim::Options options = run.options();
  options.files_in_memory = "/sim";
  run.restart(options);
  sim::make_file(the_path, noise(1 << 20));
  run_on_executor(with_arena(2 << 20, root, &run, arguments...));
}

}  // namespace

PERCORE_MEASURE(an_aligned_read, "a read of 4 KiB, aligned", 20) {
  measure(run, reads, 20U, std::uint64_t{0}, std::size_t{4096});
}
PERCORE_MEASURE(any_read, "a read of 300 bytes somewhere", 20) {
  measure(run, reads, 20U, std::uint64_t{777}, std::size_t{300});
}
PERCORE_MEASURE(one_of_many_reads, "one of 100 ranges of read_many()", 100) {
  measure(run, reads_together, 100U);
}
PERCORE_MEASURE(a_write, "a write of 4 KiB", 20) {
  measure(run, writes, 20U);
}
