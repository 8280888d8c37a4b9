// Real files: what the compiler has installed is copied from stream to stream, each file, and each
// copy has its file's content. On the kernel's ring and a real disk alone.
#include "folder.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <ostream>
#include <percore/dma_stream.hpp>
#include <string>
#include <vector>

using namespace percore;

namespace {

constexpr std::uint64_t bytes_max = 24u << 20;
constexpr std::uint64_t large_min = 64u << 20;  // the compiler itself, where it is a library

// Files of many sizes, below the folders where distributions put their compilers' libraries.
std::vector<std::string> some_files() {
  std::vector<std::string> files;
  std::uint64_t bytes = 0;
  for (const char* const root : {"/usr/lib/gcc", "/usr/lib/llvm-19/lib", "/usr/lib"}) {
    std::error_code error;
    using Walk = std::filesystem::recursive_directory_iterator;
    for (Walk at(root, error), end; !error && at != end; at.increment(error)) {
      if (!at->is_regular_file() || at->is_symlink() || at->file_size() > bytes_max / 4) continue;
      bytes += at->file_size();
      if (bytes > bytes_max) return files;
      files.push_back(at->path());
    }
  }
  return files;
}

// The largest one there: many times as long as any window or arena.
std::string a_large_file() {
  std::string found;
  std::uint64_t most = large_min;
  for (const char* const folder :
       {"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64"}) {
    std::error_code error;
    using Walk = std::filesystem::directory_iterator;
    for (Walk at(folder, error), end; !error && at != end; at.increment(error)) {
      const bool regular = at->is_regular_file(error) && !at->is_symlink(error);
      if (!regular || at->file_size(error) <= most) continue;
      most = at->file_size(error);
      found = at->path();
    }
  }
  return found;
}

Task<Result<std::uint64_t>> copies(DmaArena& arena, std::string from, std::string to) {
  Result<DmaFile> source = co_await DmaFile::open(arena, from, DmaOpen::read_only);
  if (!source) co_return std::unexpected(source.error());
  Result<DmaFile> target = co_await DmaFile::open(arena, to, DmaOpen::create);
  if (!target) co_return std::unexpected(target.error());
  DmaStreamReader reader(*source);
  DmaStreamWriter writer(*target);
  Result<void> written;
  while (written) {
    Result<DmaBuffer> buffer = co_await reader.next();
    if (!buffer) written = std::unexpected(buffer.error());
    if (!buffer || buffer->empty()) break;
    written = co_await writer.write(std::move(*buffer));
  }
  co_await reader.close();
  const Result<std::uint64_t> size = co_await writer.close();
  co_await source->close();
  co_await target->close();
  if (!written) co_return std::unexpected(written.error());
  co_return size;
}

Task<> copies_all(const test::Folder& folder) {
  DmaArena arena({.bytes = 4 << 20});
  std::vector<std::string> files = some_files();
  if (std::string large = a_large_file(); !large.empty()) files.push_back(std::move(large));
  std::uint64_t bytes = 0;
  for (const std::string& file : files) {
    CAPTURE(file);
    const Result<std::uint64_t> copied = co_await copies(arena, file, folder.at("copy"));
    REQUIRE(copied);
    const std::string content = test::content_of(file);
    REQUIRE(*copied == content.size());
    REQUIRE(test::content_of(folder.at("copy")) == content);
    bytes += content.size();
  }
  MESSAGE(files.size() << " files, " << bytes << " bytes");
  CHECK(files.size() > 20);
}

}  // namespace

TEST_CASE("each file of a real tree is copied as it is") {
  const test::Folder folder;
  Executor().run(copies_all(folder));
}
