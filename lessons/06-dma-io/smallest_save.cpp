// The smallest save that survives a power failure: the whole new file, or the old one.
#include <fmt/core.h>

#include <cstdio>
#include <percore/immutable_file.hpp>
#include <string>

percore::Task<> saves(std::string path) {
  percore::DmaArena arena({.bytes = 2 << 20});
  auto writer = co_await percore::ImmutableFileWriter::create(arena, path);
  if (!writer) co_return;
  for (int line = 1; line <= 1'000; ++line) {
    const std::string text = fmt::format("line {}\n", line);
    const auto written = co_await writer->write(std::as_bytes(std::span(text)));
    if (!written) fmt::print("line {}: {}\n", line, written.error().message());
  }
  const auto sealed = co_await writer->seal();  // written, trimmed, synced, named, and that synced
  fmt::print("sealed: {}\n", sealed.has_value());

  auto file = co_await percore::ImmutableFile::open(arena, path);
  if (!file) co_return;
  const auto last = co_await file->read(file->size() - 10, 10);
  if (last)
    fmt::print("{} bytes, the last ten: {}", file->size(),
               std::string_view(reinterpret_cast<const char*>(last->data()), last->size()));
  co_await file->close();
}

int main() {
  percore::Executor().run(saves("smallest_save.txt"));
  std::remove("smallest_save.txt");
}
