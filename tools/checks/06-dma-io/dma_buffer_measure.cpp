// What the learner's arena costs, beside ours. Shown after a pass.

#include "dma_buffer_support.hpp"

using namespace checks;

namespace {

Task<> takes_and_lets_go(Run& run, unsigned times, std::size_t held) {
  DmaArena arena({.bytes = 4096 * granule});
  std::vector<DmaBuffer> others;
  others.reserve(held);
  for (std::size_t i = 0; i < held; ++i) others.push_back(std::move(*arena.try_allocate(1)));
  run.count_from_here();
  for (unsigned i = 0; i < times; ++i) {
    const Result<DmaBuffer> buffer = co_await arena.allocate(32 * granule);
    if (!buffer) break;
  }
  run.count_to_here();
}
Task<> shares(Run& run, unsigned times) {
  DmaArena arena({.bytes = 4 * granule});
  const DmaBuffer whole = std::move(*arena.try_allocate(granule));
  run.count_from_here();
  for (unsigned i = 0; i < times; ++i) {
    const DmaBuffer part = whole.slice(i, 64);
    if (part.empty()) break;
  }
  run.count_to_here();
}

}  // namespace

PERCORE_MEASURE(a_block, "a block of 128 KiB, in an empty arena of 16 MiB", 100) {
  run_on_executor(takes_and_lets_go(run, 100, 0));
}
PERCORE_MEASURE(a_late_block, "the same, behind 2000 blocks that are taken", 100) {
  run_on_executor(takes_and_lets_go(run, 100, 2000));
}
PERCORE_MEASURE(a_slice, "a slice", 100) {
  run_on_executor(shares(run, 100));
}
