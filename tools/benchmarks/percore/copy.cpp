// file_copy on percore: a DmaStreamReader and a DmaStreamWriter, as a program would use them.
#include <copy.hpp>

#include <algorithm>
#include <optional>
#include <percore/dma_stream.hpp>
#include <string>

#include "files.hpp"

using namespace percore;
using bench::must;
using bench::open_file;

namespace {

static_assert(bench::CopyWindow().piece_bytes == DmaReaderOptions().buffer_bytes &&
                  bench::CopyWindow().piece_bytes == DmaWriterOptions().buffer_bytes &&
                  bench::CopyWindow().pieces == DmaReaderOptions().read_ahead &&
                  bench::CopyWindow().pieces == DmaWriterOptions().write_behind,
              "the others have what percore's streams have by themselves");

Task<> read_all(DmaFile& from, DmaReaderOptions options) {
  DmaStreamReader reader(from, options);
  for (;;) {
    Result<DmaBuffer> got = co_await reader.next();
    const DmaBuffer piece = must(std::move(got), "percore_bench.copy_from", "it cannot be read");
    if (piece.empty()) break;
  }
  co_await reader.close();
}

// Without a reader it writes what its buffers happen to hold.
Task<> write_all(DmaFile* from, DmaFile& to, DmaReaderOptions reading, DmaWriterOptions writing) {
  std::optional<DmaStreamReader> reader;
  if (from != nullptr) reader.emplace(*from, reading);
  DmaStreamWriter writer(to, writing);
  while (writer.position() < bench::copied_bytes) {
    Result<DmaBuffer> got;
    if (reader)
      got = co_await reader->next();
    else
      got = co_await to.arena().allocate(writing.buffer_bytes);
    DmaBuffer piece = must(std::move(got), "percore_bench.copy_from", "it cannot be read");
    const Result<void> taken = co_await writer.write(std::move(piece));
    must(taken, "percore_bench.copy_to", "it cannot be written");
  }
  if (reader) co_await reader->close();
  const Result<void> synced = co_await writer.sync();
  must(synced, "percore_bench.copy_to", "it cannot be synced");
  const Result<std::uint64_t> written = co_await writer.close();
  must(written, "percore_bench.copy_to", "it cannot be closed");
}

Task<std::int64_t> copy(bench::CopyPaths paths, bench::CopyWindow window) {
  const std::size_t of_a_stream = (window.pieces + std::size_t{1}) * window.piece_bytes;
  DmaArena arena({.bytes = std::max(DmaArenaOptions().bytes, 4 * of_a_stream)});
  DmaReaderOptions reading;
  reading.buffer_bytes = window.piece_bytes;
  reading.read_ahead = window.pieces;
  DmaWriterOptions writing;
  writing.buffer_bytes = window.piece_bytes;
  writing.write_behind = window.pieces;
  std::optional<DmaFile> from, to;
  const std::int64_t begin = bench::now_ns();
  if (!paths.from.empty()) {
    DmaFile opened = co_await open_file(arena, paths.from, DmaOpen::read_only);
    from.emplace(std::move(opened));
  }
  if (!paths.to.empty()) {
    const DmaOpen how = paths.is_new ? DmaOpen::create_new : DmaOpen::update;
    DmaFile opened = co_await open_file(arena, paths.to, how);
    to.emplace(std::move(opened));
  }
  DmaFile* const source = from ? &*from : nullptr;
  if (to)
    co_await write_all(source, *to, reading, writing);
  else
    co_await read_all(*from, reading);
  const std::int64_t took = bench::now_ns() - begin;
  if (from) static_cast<void>(co_await from->close());
  if (to) static_cast<void>(co_await to->close());
  co_return took;
}

}  // namespace

int main(int argument_count, char** arguments) {
  return bench::copy_main(argument_count, arguments,
                          [](const bench::CopyPaths& paths, bench::CopyWindow window) {
                            return Executor().run(copy(paths, window));
                          });
}
