#include "mistakes.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <percore/dma_file.hpp>
#include <string_view>

#include <fmt/core.h>

#include "page_cache.hpp"

namespace lesson {
namespace {

using percore::DmaFile;
using percore::DmaOpen;
using percore::Result;
using percore::Task;

struct Free {
  void operator()(char* memory) const { std::free(memory); }
};

Task<> writes_padded(std::string path, std::string_view text, bool cut) {
  percore::DmaArena arena({.bytes = 64 << 10});
  Result<DmaFile> file = co_await DmaFile::open(arena, path, DmaOpen::create);
  if (!file) give_up(path, "it cannot be made", file.error().value());
  const Result<percore::DmaBuffer> block = co_await arena.allocate(percore::dma_granule_bytes);
  std::memset(block->data(), 0, block->size());
  std::memcpy(block->data(), text.data(), text.size());
  co_await file->write(block->bytes(), 0);
  if (cut) co_await file->truncate(text.size());
  co_await file->close();
}

}  // namespace

void misaligned(const std::string& folder) {
  const std::string path = folder + "/percore_sample.tmp";
  make_sample(path, 1 << 20);
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC);
  if (fd < 0) give_up(path, "direct I/O is refused here: choose another folder with --to", errno);
  const std::unique_ptr<char, Free> memory(static_cast<char*>(aligned_alloc(4096, 8192)));
  struct Try {
    const char* what;
    std::size_t memory, offset, length;
  };
  constexpr Try tries[] = {{"all three a multiple of 4096", 0, 4096, 4096},
                           {"the length is 100", 0, 4096, 100},
                           {"the offset is 1000", 0, 1000, 4096},
                           {"the memory is off by 1", 1, 4096, 4096},
                           {"all three a multiple of 512", 512, 512, 512}};
  fmt::print("pread() of a file that was opened with O_DIRECT\n\n");
  for (const Try& one : tries) {
    const ssize_t got =
        pread(fd, memory.get() + one.memory, one.length, static_cast<off_t>(one.offset));
    fmt::print("  {:<32}{}\n", one.what,
               got < 0 ? std::string(std::strerror(errno)) : fmt::format("{} bytes", got));
  }
  close(fd);
  unlink(path.c_str());
  fmt::print(
      "\nWhat happened: a device moves whole sectors, to memory that begins where it can address\n"
      "it. Nobody copies the bytes into place any more, so the kernel refuses. Whether 512 is\n"
      "enough is the device's and the filesystem's affair. This is invariant A1.\n");
}

void padded_tail(const std::string& folder) {
  const std::string path = folder + "/percore_sample.tmp";
  constexpr std::string_view text = "twenty-nine bytes of content\n";
  fmt::print("{} bytes of text, written as one block of 4096\n\n", text.size());
  for (const bool cut : {false, true}) {
    percore::Executor().run(writes_padded(path, text, cut));
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) give_up(path, "it cannot be opened", errno);
    fmt::print("  {:<26}the file has {:>4} bytes\n",
               cut ? "with truncate() after it" : "no truncate()", lseek(fd, 0, SEEK_END));
    close(fd);
  }
  unlink(path.c_str());
  fmt::print(
      "\nWhat happened: direct I/O writes whole sectors, so the file grew by zeros that nobody\n"
      "meant. Whoever reads it next takes them for content. This is invariant M8.\n");
}

}  // namespace lesson
