// The smallest stream: counts the lines of a file while the device reads some buffers ahead.
#include <fmt/core.h>

#include <algorithm>
#include <percore/clock.hpp>
#include <percore/dma_stream.hpp>

percore::Task<> counts(std::string path, unsigned read_ahead) {
  percore::DmaArena arena({.bytes = 4 << 20});
  auto file = co_await percore::DmaFile::open(arena, path, percore::DmaOpen::read_only);
  if (!file) {
    fmt::print("{}: {}\n", path, file.error().message());
    co_return;
  }
  percore::DmaStreamReader reader(*file, {.buffer_bytes = 128 << 10, .read_ahead = read_ahead});
  const percore::Time began = percore::now();
  std::size_t buffers = 0;
  std::ptrdiff_t lines = 0;
  for (;;) {
    const auto buffer = co_await reader.next();
    if (!buffer || buffer->empty()) break;
    ++buffers;
    lines += std::ranges::count(buffer->bytes(), std::byte{'\n'});
  }
  const double us = static_cast<double>((percore::now() - began).nanoseconds) / 1000;
  fmt::print("read_ahead {}: {} lines in {} buffers, {:.0f} MB/s\n", read_ahead, lines, buffers,
             static_cast<double>(reader.position()) / us);
  co_await reader.close();
  co_await file->close();
}

int main(int argument_count, char** arguments) {
  for (const unsigned read_ahead : {1u, 2u, 4u, 8u})
    percore::Executor().run(counts(arguments[argument_count > 1 ? 1 : 0], read_ahead));
}
