// 06.8 dma_stream, once on the kernel: this program's own file, as a stream.

#include <percore/check.hpp>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <percore/dma_stream.hpp>
#include <string>
#include <vector>

using namespace percore;
using percore::check::require;

namespace {

std::vector<char> content_of(const char* path) {
  std::FILE* const file = std::fopen(path, "rb");
  require(file != nullptr, "on the kernel {} could not be opened", path);
  std::vector<char> content(1 << 20);
  content.resize(std::fread(content.data(), 1, content.size(), file));
  std::fclose(file);
  return content;
}

Task<> streams(const char* path, const std::vector<char>& content) {
  DmaArena arena({.bytes = 1 << 20});
  Result<DmaFile> file = co_await DmaFile::open(arena, path, DmaOpen::read_only);
  require(file.has_value(), "on the kernel a file could not be opened");
  {
    DmaStreamReader reader(
        *file, {.begin = 100, .end = content.size(), .buffer_bytes = 32'768, .read_ahead = 3});
    std::size_t at = 100;
    for (;;) {
      const Result<DmaBuffer> buffer = co_await reader.next();
      require(buffer.has_value(), "on the kernel a buffer of a stream could not be read");
      if (buffer->empty()) break;
      require(at + buffer->size() <= content.size() &&
                  std::memcmp(buffer->data(), content.data() + at, buffer->size()) == 0,
              "on the kernel a stream gave other bytes than the file has at {}", at);
      at += buffer->size();
    }
    require(at == content.size(), "on the kernel a stream of {} bytes ended at {}", content.size(),
            at);
    co_await reader.close();
  }
  const Result<void> closed = co_await file->close();
  require(closed.has_value(), "on the kernel a file could not be closed");
}

}  // namespace

PERCORE_CHECK("copies", on_the_kernel_a_file_is_streamed, "M1",
              "a reader gives the bytes of its range in their order", "Lesson 06, *The reader*") {
  run.waits_for("a stream of a file, on the kernel");
  const char* const path = "/proc/self/exe";
  const std::vector<char> content = content_of(path);
  Executor executor({.ring = {.entries = 8}});
  executor.run(streams(path, content));
}
