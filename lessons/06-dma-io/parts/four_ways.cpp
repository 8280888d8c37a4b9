#include "four_ways.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <percore/dma_stream.hpp>
#include <percore/io.hpp>
#include <vector>

#include "page_cache.hpp"

namespace lesson {
namespace {

using percore::DmaBuffer;
using percore::DmaFile;
using percore::DmaOpen;
using percore::JoinHandle;
using percore::Result;
using percore::Task;

constexpr std::size_t piece_bytes = 512u << 10;
constexpr unsigned pieces_at_once = 4;

// Both files of a copy that uses the page cache.
class Files {
 public:
  Files(const std::string& from, const std::string& to)
      : to_path_(to),
        from_(open(from.c_str(), O_RDONLY | O_CLOEXEC)),
        to_(open(to.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
    if (from_ < 0) give_up(from, "it cannot be opened", errno);
    if (to_ < 0) give_up(to, "it cannot be made", errno);
    struct stat status{};
    fstat(from_, &status);
    size_ = static_cast<std::uint64_t>(status.st_size);
  }
  ~Files() {
    close(from_);
    close(to_);
  }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;

  int from() const { return from_; }
  int to() const { return to_; }
  std::uint64_t size() const { return size_; }
  void finish() const {
    if (fdatasync(to_) != 0) give_up(to_path_, "it cannot be synced", errno);
  }
  [[noreturn]] void failed(int error) const { give_up(to_path_, "the copy failed", error); }

 private:
  std::string to_path_;
  int from_;
  int to_;
  std::uint64_t size_ = 0;
};

std::size_t moved(const Files& files, const Result<std::uint32_t>& result) {
  if (!result) files.failed(result.error().value());
  return *result;
}

// Copies every pieces_at_once-th piece: several of these run at the same time.
Task<> copies_pieces(const Files& files, std::uint64_t& next) {
  std::vector<std::byte> memory(piece_bytes);
  while (next < files.size()) {
    std::uint64_t offset = next;
    next += piece_bytes;
    const std::uint64_t end = std::min(offset + piece_bytes, files.size());
    while (offset < end) {
      const std::span<std::byte> rest = std::span(memory).first(end - offset);
      const Result<std::uint32_t> read = co_await percore::read(files.from(), rest, offset);
      const std::size_t got = moved(files, read);
      if (got == 0) co_return;  // the file was cut meanwhile
      for (std::size_t done = 0; done != got;) {
        const Result<std::uint32_t> written = co_await percore::write(
            files.to(), std::span<const std::byte>(rest).subspan(done, got - done), offset + done);
        done += moved(files, written);
      }
      offset += got;
    }
  }
}

Task<> copies_by_ring(const Files& files) {
  std::uint64_t next = 0;
  std::vector<JoinHandle<void>> handles;
  for (unsigned i = 0; i < pieces_at_once; ++i)
    handles.push_back(percore::spawn(copies_pieces(files, next)));
  for (auto& handle : handles) co_await handle;
}

template <typename T>
void must(const Result<T>& result, const std::string& path) {
  if (!result) give_up(path, "the copy failed", result.error().value());
}

// From stream to stream: no byte is touched by this processor, but for the tail.
Task<> copies_by_dma(std::string from, std::string to) {
  percore::DmaArena arena({.bytes = 16u << 20});
  Result<DmaFile> source = co_await DmaFile::open(arena, from, DmaOpen::read_only);
  must(source, from);
  Result<DmaFile> target = co_await DmaFile::open(arena, to, DmaOpen::create);
  must(target, to);
  const Result<std::uint64_t> size = co_await source->size();
  must(size, from);
  percore::DmaStreamReader reader(*source,
                                  {.buffer_bytes = piece_bytes, .read_ahead = pieces_at_once});
  percore::DmaStreamWriter writer(
      *target,
      {.buffer_bytes = piece_bytes, .write_behind = pieces_at_once, .expected_bytes = *size});
  for (;;) {
    Result<DmaBuffer> buffer = co_await reader.next();
    must(buffer, from);
    if (buffer->empty()) break;
    const Result<void> written = co_await writer.write(std::move(*buffer));
    must(written, to);
  }
  const Result<std::uint64_t> trimmed = co_await writer.close();
  must(trimmed, to);
  const Result<void> synced = co_await target->fdatasync();
  must(synced, to);
  co_await reader.close();
  co_await source->close();
  co_await target->close();
}

Task<std::string> asks_why(std::string path) {
  percore::DmaArena arena({.bytes = 16u << 20});
  Result<DmaFile> file = co_await DmaFile::open(arena, path, DmaOpen::read_only);
  must(file, path);
  std::string why = file->why_not_direct();
  co_await file->close();
  co_return why;
}

}  // namespace

void copy_by_calls(const std::string& from, const std::string& to) {
  const Files files(from, to);
  std::vector<char> memory(piece_bytes);
  for (;;) {
    const ssize_t got = read(files.from(), memory.data(), memory.size());
    if (got < 0) files.failed(errno);
    if (got == 0) break;
    for (ssize_t done = 0; done != got;) {
      const ssize_t written =
          write(files.to(), memory.data() + done, static_cast<std::size_t>(got - done));
      if (written < 0) files.failed(errno);
      done += written;
    }
  }
  files.finish();
}

void copy_by_mapping(const std::string& from, const std::string& to) {
  const Files files(from, to);
  const auto size = static_cast<std::size_t>(files.size());
  if (size == 0) return;
  if (ftruncate(files.to(), static_cast<off_t>(size)) != 0) files.failed(errno);
  void* const in = mmap(nullptr, size, PROT_READ, MAP_SHARED, files.from(), 0);
  void* const out = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, files.to(), 0);
  if (in == MAP_FAILED || out == MAP_FAILED) files.failed(errno);
  madvise(in, size, MADV_SEQUENTIAL);
  std::memcpy(out, in, size);
  munmap(in, size);
  munmap(out, size);
  files.finish();
}

void copy_by_ring(const std::string& from, const std::string& to) {
  const Files files(from, to);
  percore::Executor().run(copies_by_ring(files));
  files.finish();
}

void copy_by_dma(const std::string& from, const std::string& to) {
  percore::Executor().run(copies_by_dma(from, to));
}

std::string why_not_direct(const std::string& path) {
  return percore::Executor().run(asks_why(path));
}

}  // namespace lesson
