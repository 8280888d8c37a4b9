#include <algorithm>
#include <cstdint>
#include <cstring>
#include <percore/dma_file.hpp>
#include <string>
#include <utility>
#include <vector>

namespace {

using percore::DmaBuffer;
using percore::DmaFile;
using percore::Result;
using percore::Task;

/// What those who copy share.
struct Copy {
  DmaFile& from;
  DmaFile& to;
  std::uint64_t size = 0;
  std::uint64_t next = 0;  // where the next piece begins
  std::error_code error;   // the first

  void note(const std::error_code& what) {
    if (!error) error = what;
  }
};

/// Copies one piece after the other, through one block, until none is left.
Task<> copies(Copy& copy, DmaBuffer block) {
  while (copy.next < copy.size && !copy.error) {
    const std::uint64_t offset = std::exchange(copy.next, copy.next + block.size());
    const Result<std::size_t> got = co_await copy.from.read_into(block.bytes(), offset);
    if (!got) {
      copy.note(got.error());
      co_return;
    }
    // Whole sectors: the padding of the last piece is cut off at the end.
    const std::size_t mask = copy.to.alignment_bytes() - 1;
    const std::size_t padded = (*got + mask) & ~mask;
    std::memset(block.data() + *got, 0, padded - *got);
    const Result<void> written = co_await copy.to.write(block.bytes().first(padded), offset);
    if (!written) copy.note(written.error());
  }
}

/// Both files are open.
Task<> copy_all(Copy& copy, percore::DmaArena& arena, std::size_t piece_bytes, unsigned at_once) {
  std::vector<percore::JoinHandle<void>> handles;
  for (unsigned i = 0; i < at_once && i * piece_bytes < copy.size; ++i) {
    Result<DmaBuffer> block = co_await arena.allocate(piece_bytes);
    if (!block) {
      copy.note(block.error());
      break;
    }
    handles.push_back(percore::spawn(copies(copy, std::move(*block))));
  }
  for (auto& handle : handles) co_await handle;
  if (copy.error) co_return;
  const Result<void> cut = co_await copy.to.truncate(copy.size);
  if (!cut) copy.note(cut.error());
  const Result<void> synced = co_await copy.to.fdatasync();
  if (!synced) copy.note(synced.error());
}

}  // namespace

/// Copies the file `from` to `to`, which is made, or emptied if it is there.
percore::Task<percore::Result<std::uint64_t>> copy_file(percore::DmaArena& arena, std::string from,
                                                        std::string to, std::string directory,
                                                        std::size_t piece_bytes, unsigned at_once) {
  Result<DmaFile> source =
      co_await DmaFile::open(arena, std::move(from), percore::DmaOpen::read_only);
  if (!source) co_return std::unexpected(source.error());
  Result<DmaFile> target = co_await DmaFile::open(arena, std::move(to), percore::DmaOpen::create);
  if (!target) {
    static_cast<void>(co_await source->close());
    co_return std::unexpected(target.error());
  }
  Copy copy{.from = *source, .to = *target};
  const Result<std::uint64_t> size = co_await source->size();
  if (size) {
    copy.size = *size;
    co_await copy_all(copy, arena, piece_bytes, at_once);
  } else {
    copy.note(size.error());
  }
  const Result<void> closed = co_await target->close();
  if (!closed) copy.note(closed.error());
  const Result<void> source_closed = co_await source->close();
  if (!source_closed) copy.note(source_closed.error());
  if (!copy.error) {
    const Result<void> named = co_await percore::sync_directory(std::move(directory));
    if (!named) copy.note(named.error());
  }
  if (copy.error) co_return std::unexpected(copy.error);
  co_return copy.size;
}
