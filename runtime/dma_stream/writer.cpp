#include <percore/dma_stream.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace percore {

DmaStreamWriter::DmaStreamWriter(DmaFile& file, DmaWriterOptions options)
    : file_(file), options_(options) {
  PERCORE_ASSERT(options.write_behind != 0 && options.buffer_bytes != 0 &&
                     options.buffer_bytes % dma_granule_bytes == 0,
                 "a stream writes at least one buffer behind, of a multiple of 4,096 bytes");
  PERCORE_ASSERT((options.write_behind + std::size_t{1}) * options.buffer_bytes <=
                     file.arena().size_bytes() / 2,
                 "a stream's buffers may take at most half of the file's arena: make that larger, "
                 "or the stream's window (buffer_bytes, write_behind) smaller");
}

DmaStreamWriter::~DmaStreamWriter() {
  PERCORE_ASSERT(behind_.empty(), "a stream was destroyed while it writes: co_await close()");
}

Result<void> DmaStreamWriter::note(const Result<void>& result) {
  if (!result && !error_) error_ = result.error();
  if (error_) return std::unexpected(error_);
  return {};
}

Task<Result<void>> DmaStreamWriter::prepare() {
  if (error_) co_return std::unexpected(error_);
  if (!prepared_ && options_.expected_bytes != 0) {
    const Result<void> made = co_await file_.preallocate(options_.expected_bytes);
    // A filesystem that cannot do it extends the file as it is written.
    if (!made && made.error().value() == EOPNOTSUPP)
      options_.expected_bytes = 0;
    else if (!made)
      co_return note(made);
  }
  prepared_ = true;
  co_return Result<void>();
}

// It holds the block for as long as the device reads from it.
Task<Result<void>> DmaStreamWriter::write_behind(DmaFile& file, DmaBuffer block,
                                                 std::uint64_t offset) {
  co_return co_await file.write(block.bytes(), offset);
}

Task<Result<void>> DmaStreamWriter::wait_for_writes(std::size_t left) {
  while (behind_.size() > left) {
    JoinHandle<Result<void>> first = std::move(behind_.front());
    behind_.pop_front();
    const Result<void> done = co_await first;
    static_cast<void>(note(done));
  }
  co_return note({});
}

Task<Result<void>> DmaStreamWriter::begin_write(DmaBuffer block) {
  const Result<void> room = co_await wait_for_writes(options_.write_behind - std::size_t{1});
  if (!room) co_return room;
  const std::size_t size = block.size();
  behind_.push_back(spawn(write_behind(file_, std::move(block), block_begin_)));
  block_begin_ += size;
  filled_ = flushed_ = 0;
  co_return Result<void>();
}

Task<Result<void>> DmaStreamWriter::write(std::span<const std::byte> in) {
  const Result<void> prepared = co_await prepare();
  if (!prepared) co_return prepared;
  while (!in.empty()) {
    if (block_.empty()) {
      Result<DmaBuffer> block = co_await file_.arena().allocate(options_.buffer_bytes);
      if (!block) co_return note(std::unexpected(block.error()));
      block_ = std::move(*block);
    }
    const std::size_t taken = std::min(in.size(), block_.size() - filled_);
    std::memcpy(block_.data() + filled_, in.data(), taken);
    filled_ += taken;
    in = in.subspan(taken);
    if (filled_ == block_.size()) {
      const Result<void> begun = co_await begin_write(std::exchange(block_, DmaBuffer()));
      if (!begun) co_return begun;
    }
  }
  co_return Result<void>();
}

Task<Result<void>> DmaStreamWriter::write(DmaBuffer in) {
  const std::size_t mask = file_.alignment_bytes() - 1;
  const bool whole = filled_ == 0 && !in.empty() && file_.arena().contains(in.bytes()) &&
                     ((reinterpret_cast<std::uintptr_t>(in.data()) | in.size()) & mask) == 0;
  if (!whole) co_return co_await write(std::span<const std::byte>(in.bytes()));
  const Result<void> prepared = co_await prepare();
  if (!prepared) co_return prepared;
  co_return co_await begin_write(std::move(in));
}

Task<Result<void>> DmaStreamWriter::flush() {
  const Result<void> prepared = co_await prepare();
  if (!prepared) co_return prepared;
  const Result<void> all = co_await wait_for_writes(0);
  if (!all || filled_ == flushed_) co_return all;
  // The tail goes padded to whole sectors, and again when more has come.
  const std::size_t mask = file_.alignment_bytes() - 1;
  const std::size_t padded = (filled_ + mask) & ~mask;
  std::memset(block_.data() + filled_, 0, padded - filled_);
  const std::size_t filled = filled_;
  const Result<void> written = co_await file_.write(block_.bytes().first(padded), block_begin_);
  if (written) flushed_ = filled;
  co_return note(written);
}

Task<Result<void>> DmaStreamWriter::trim() {
  const Result<void> cut = co_await file_.truncate(position());
  co_return note(cut);
}

Task<Result<void>> DmaStreamWriter::sync() {
  const Result<void> flushed = co_await flush();
  if (!flushed) co_return flushed;
  if (options_.expected_bytes == 0) {
    const Result<void> trimmed = co_await trim();
    if (!trimmed) co_return trimmed;
  }
  const Result<void> synced = co_await file_.fdatasync();
  co_return note(synced);
}

Task<Result<std::uint64_t>> DmaStreamWriter::close() {
  Result<void> done = co_await flush();
  static_cast<void>(co_await wait_for_writes(0));  // also where one of them has failed
  if (done) done = co_await trim();
  block_ = {};
  if (!done) co_return std::unexpected(done.error());
  const std::uint64_t written = position();
  error_ = std::error_code(ECANCELED, std::system_category());
  co_return written;
}

}  // namespace percore
