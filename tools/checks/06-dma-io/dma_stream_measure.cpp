// What the learner's reader costs, beside ours. Shown after a pass.

#include "stream_support.hpp"

using namespace checks;

namespace {

Task<> takes(DmaArena& arena, Run* run, unsigned times) {
  DmaFile file = co_await opened(arena, DmaOpen::read_only);
  DmaStreamReader reader(file, {.buffer_bytes = 4096, .read_ahead = 4});
  run->count_from_here();
  for (unsigned i = 0; i < times; ++i) {
    const Result<DmaBuffer> buffer = co_await reader.next();
    if (!buffer) break;
  }
  run->count_to_here();
  co_await reader.close();
  co_await closed(file);
}
Task<> copies(DmaArena& arena, Run* run, unsigned times) {
  DmaFile file = co_await opened(arena, DmaOpen::read_only);
  DmaStreamReader reader(file, {.buffer_bytes = 65'536, .read_ahead = 4});
  std::string out(64, '?');
  run->count_from_here();
  for (unsigned i = 0; i < times; ++i) {
    const Result<std::size_t> got = co_await reader.read(std::as_writable_bytes(std::span(out)));
    if (!got) break;
  }
  run->count_to_here();
  co_await reader.close();
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

PERCORE_MEASURE(a_buffer, "a buffer of 4 KiB, by next()", 40) {
  measure(run, takes, 40U);
}
PERCORE_MEASURE(a_small_read, "64 bytes by read(), of buffers of 64 KiB", 200) {
  measure(run, copies, 200U);
}
