// file_rand and file_write on percore: DmaFile, as a program would use it.
#include <file_work.hpp>

#include <percore/dma_file.hpp>
#include <string>
#include <vector>

#include "files.hpp"

using namespace percore;
using bench::must;
using bench::open_file;

namespace {

Task<> read_blocks(DmaFile& file, bench::Offsets& offsets, bench::Reads& reads) {
  Result<DmaBuffer> memory = co_await file.arena().allocate(bench::block_bytes);
  const DmaBuffer block = must(std::move(memory), "", "the arena is too small");
  while (reads.more()) {
    const Result<std::size_t> got = co_await file.read_into(block.bytes(), offsets.next());
    must(got, "percore_bench.data", "it cannot be read");
  }
}

Task<double> random_reads(std::string path, unsigned depth) {
  DmaArena arena({.bytes = 1u << 20});
  DmaFile file = co_await open_file(arena, path, DmaOpen::read_only);
  bench::Offsets offsets;
  bench::Reads reads;
  std::vector<JoinHandle<void>> readers;
  for (unsigned i = 0; i < depth; ++i) readers.push_back(spawn(read_blocks(file, offsets, reads)));
  for (auto& reader : readers) co_await reader;
  const double us_each = reads.us_each();
  static_cast<void>(co_await file.close());
  co_return us_each;
}

Task<> write_blocks(DmaFile& file, std::size_t& next) {
  Result<DmaBuffer> memory = co_await file.arena().allocate(bench::block_bytes);
  const DmaBuffer block = must(std::move(memory), "", "the arena is too small");
  while (next < bench::writes) {
    const std::uint64_t offset = bench::block_bytes * next++;
    const Result<void> written = co_await file.write(block.bytes(), offset);
    must(written, "percore_bench.written", "it cannot be written");
  }
}

// What is to be at once and lies one behind the other DmaFile merges by itself.
Task<double> sequential_writes(std::string path, unsigned depth, bench::WriteForm form) {
  DmaArena arena({.bytes = 1u << 20});
  const std::int64_t begin = bench::now_ns();
  DmaFile file = co_await open_file(arena, path, DmaOpen::create_new);
  if (form.preallocates) {
    const Result<void> reserved = co_await file.preallocate(bench::writes * bench::block_bytes);
    must(reserved, path, "it cannot be preallocated");
  }
  std::size_t next = 0;
  std::vector<JoinHandle<void>> writers;
  for (unsigned i = 0; i < depth; ++i) writers.push_back(spawn(write_blocks(file, next)));
  for (auto& writer : writers) co_await writer;
  const Result<void> synced = co_await file.fdatasync();
  must(synced, path, "it cannot be synced");
  const std::int64_t end = bench::now_ns();
  static_cast<void>(co_await file.close());
  co_return static_cast<double>(end - begin) / 1000 / bench::writes;
}

}  // namespace

int main(int argument_count, char** arguments) {
  return bench::file_main(
      argument_count, arguments,
      [](const std::string& path, unsigned depth) {
        return Executor().run(random_reads(path, depth));
      },
      [](const std::string& path, unsigned depth, bench::WriteForm form) {
        return Executor().run(sequential_writes(path, depth, form));
      });
}
