#include <percore/dma_stream.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

// The reader of a stream, in two steps. The contract, <percore/contract/dma_stream.hpp>, has the
// invariants M1 to M9; M5 to M8 are the writer's, which is done. The header needs no change.
//
// - Step "ahead" (M1 to M4): next(), and the reads ahead of it.
// - Step "copies" (M1, M4, M9): read() into memory of the caller's, and the end.

namespace percore {

DmaStreamReader::DmaStreamReader(DmaFile& file, DmaReaderOptions options)
    : file_(file), options_(options), position_(options.begin), next_read_(options.begin) {
  PERCORE_ASSERT(options.read_ahead != 0 && options.buffer_bytes != 0 &&
                     options.buffer_bytes % dma_granule_bytes == 0,
                 "a stream reads at least one buffer ahead, of a multiple of 4,096 bytes");
  PERCORE_ASSERT(
      (options.read_ahead + std::size_t{1}) * options.buffer_bytes <= file.arena().size_bytes() / 2,
      "a stream's buffers may take at most half of the file's arena: make that larger, "
      "or the stream's window (buffer_bytes, read_ahead) smaller");
}

DmaStreamReader::~DmaStreamReader() {
  // TODO copies (M9): PERCORE_ASSERT that nothing is under way.
}

// The end of the range, once: the file's size now, or options_.end, whichever comes first.
Task<Result<void>> DmaStreamReader::find_end() {
  const Result<std::uint64_t> size = co_await file_.size();
  if (!size) co_return std::unexpected(size.error());
  options_.end = std::min(options_.end, *size);
  end_known_ = true;
  co_return Result<void>();
}

// Of the read that begins at `offset`: up to the next multiple of buffer_bytes, so that none but
// the first and the last need a part of a sector.
std::size_t DmaStreamReader::size_at(std::uint64_t offset) const noexcept {
  // TODO ahead (M3): and not beyond the end.
  return options_.buffer_bytes - static_cast<std::size_t>(offset % options_.buffer_bytes);
}

void DmaStreamReader::begin_reads() {
  // TODO ahead (M2, M3): spawn(file_.read(...)) at next_read_, to the back of ahead_, as long as
  // there may be more, and there is something left to read.
}

// Those who were begun and are not wanted any more: they are waited for, all the same.
Task<> DmaStreamReader::drop_ahead() {
  // TODO ahead: for a file that ends earlier than it was long (M1); copies: for close() (M9)
  co_return;
}

Task<Result<DmaBuffer>> DmaStreamReader::next() {
  // What read() has left of the buffer that it took last comes first.
  if (!rest_.empty()) {
    position_ += rest_.size();
    co_return std::exchange(rest_, {});
  }
  // TODO ahead (M4): an error stays.
  // TODO ahead (M1, M2): the end, if it is not known; begin reads; take the oldest one, and begin
  // the next before you wait for it. None: the end, an empty buffer.
  // TODO ahead (M1): a buffer that is shorter than what was asked for: the file has become shorter,
  // and this is its end. What was read behind it is nobody's.
  co_return DmaBuffer();
}

Task<Result<std::size_t>> DmaStreamReader::read(std::span<std::byte> out) {
  // TODO copies (M1, M4): buffer by buffer, until `out` is full. What is not taken of the last one
  // stays in rest_, and position_ says so. An error comes after the bytes that came before it.
  static_cast<void>(out);
  co_return std::size_t{0};
}

Task<> DmaStreamReader::close() {
  // TODO copies (M9): nothing is under way any more, and no memory is held; ECANCELED afterwards.
  co_return;
}

}  // namespace percore
