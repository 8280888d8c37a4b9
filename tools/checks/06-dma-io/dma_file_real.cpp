// 06.4 dma_file, once on the kernel: a file in the folder where the check runs.

#include <percore/check.hpp>

#include <cstdio>
#include <cstring>
#include <optional>
#include <percore/dma_file.hpp>
#include <string>

using namespace percore;
using percore::check::require;

namespace {

template <typename T>
void succeeded(const char* what, const Result<T>& result) {
  require(result.has_value(), "on the kernel {} gave: {}", what,
          result ? std::string() : result.error().message());
}

Task<> writes_and_reads(const std::string& path) {
  DmaArena arena({.bytes = 1 << 20});
  Result<DmaFile> file = co_await DmaFile::open(arena, path, DmaOpen::create);
  succeeded("an open", file);
  const Result<DmaBuffer> out = co_await arena.allocate(40'960);
  succeeded("an empty arena", out);
  for (std::size_t i = 0; i < out->size(); ++i)
    out->data()[i] = static_cast<std::byte>('a' + i % 23);
  const Result<void> written = co_await file->write(out->bytes(), 0);
  succeeded("a write of 40,960 bytes", written);
  const Result<void> cut = co_await file->truncate(40'000);
  succeeded("a truncate", cut);
  const Result<void> synced = co_await file->fdatasync();
  succeeded("a sync", synced);
  for (const std::uint64_t offset : {0, 1, 511, 4'096, 35'000, 39'999, 40'000, 50'000}) {
    const Result<DmaBuffer> got = co_await file->read(offset, 6'000);
    succeeded("a read", got);
    const std::size_t there = offset >= 40'000 ? 0 : std::min<std::size_t>(6'000, 40'000 - offset);
    require(got->size() == there, "on the kernel a read of 6,000 bytes at {} of 40,000 gave {}",
            offset, got->size());
    require(there == 0 || std::memcmp(got->data(), out->data() + offset, there) == 0,
            "on the kernel a read at {} gave other bytes than were written", offset);
  }
  const std::vector<DmaRange> ranges = {{.offset = 30'000, .size = 5},
                                        {.offset = 17, .size = 4'100}};
  const std::vector<Result<DmaBuffer>> many = co_await file->read_many(ranges);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    succeeded("one of two reads", many[i]);
    require(many[i]->size() == ranges[i].size &&
                std::memcmp(many[i]->data(), out->data() + ranges[i].offset, ranges[i].size) == 0,
            "on the kernel range {} of read_many() gave other bytes than were written", i);
  }
  const Result<void> closed = co_await file->close();
  succeeded("a close", closed);
}

}  // namespace

PERCORE_CHECK("many", on_the_kernel_a_file_is_written_and_read, "A2",
              "a read gives the bytes of the range that was asked for",
              "Lesson 06, *Aligned ranges*") {
  run.waits_for("writes and reads of a file, on the kernel");
  const char* const folder = std::getenv("TMPDIR");
  const std::string path = std::string(folder != nullptr ? folder : ".") + "/dma_file_real";
  {
    Executor executor({.ring = {.entries = 8}});
    executor.run(writes_and_reads(path));
  }
  std::remove(path.c_str());
}
