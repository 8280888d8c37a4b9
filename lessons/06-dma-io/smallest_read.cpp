// The smallest read past the page cache: 100 bytes from the middle of this program's own file.
#include <fmt/core.h>

#include <percore/dma_file.hpp>

percore::Task<> reads(std::string path) {
  percore::DmaArena arena({.bytes = 64 << 10});  // memory for devices, registered with the ring
  auto file = co_await percore::DmaFile::open(arena, path, percore::DmaOpen::read_only);
  if (!file) {
    fmt::print("{}: {}\n", path, file.error().message());
    co_return;
  }
  fmt::print("direct: {}, aligned to {} bytes\n", file->direct(), file->alignment_bytes());

  const auto got = co_await file->read(1'000, 100);  // the device knows no byte 1,000
  if (got)
    fmt::print("asked for 100 bytes at 1000, got {}; they lie {} bytes into a block\n", got->size(),
               reinterpret_cast<std::uintptr_t>(got->data()) % percore::dma_granule_bytes);

  const auto end = co_await file->read(std::uint64_t{1} << 40, 100);
  if (end) fmt::print("asked for 100 bytes at 2^40, got {}: the file ends before\n", end->size());
  co_await file->close();
}

int main(int, char** arguments) {
  percore::Executor().run(reads(arguments[0]));
}
