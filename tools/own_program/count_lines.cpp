// Counts the lines of a file, read past the page cache.
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <percore/dma_stream.hpp>
#include <percore/executor.hpp>
#include <string>

namespace {

using namespace percore;

Task<Result<std::size_t>> lines_in(DmaFile& file) {
  std::size_t lines = 0;
  DmaStreamReader reader(file);
  for (;;) {
    const Result<DmaBuffer> buffer = co_await reader.next();
    if (!buffer) {
      co_await reader.close();
      co_return std::unexpected(buffer.error());
    }
    if (buffer->empty()) break;
    lines += static_cast<std::size_t>(std::ranges::count(buffer->bytes(), std::byte{'\n'}));
  }
  co_await reader.close();
  co_return lines;
}

Task<int> count_lines(std::string path) {
  DmaArena arena;
  Result<DmaFile> file = co_await DmaFile::open(arena, path, DmaOpen::read_only);
  if (!file) {
    std::fprintf(stderr, "%s cannot be opened: %s\n", path.c_str(), file.error().message().c_str());
    co_return 1;
  }
  const Result<std::size_t> lines = co_await lines_in(*file);
  const Result<void> closed = co_await file->close();
  if (!lines || !closed) {
    const std::error_code error = lines ? closed.error() : lines.error();
    std::fprintf(stderr, "%s cannot be read: %s\n", path.c_str(), error.message().c_str());
    co_return 1;
  }
  std::printf("%zu\n", *lines);
  co_return 0;
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 2) {
    std::fputs("count_lines FILE: one file, please\n", stderr);
    return 2;
  }
  return Executor().run(count_lines(arguments[1]));
}
