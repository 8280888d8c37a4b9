#include <percore/dma_stream.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

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
  PERCORE_ASSERT(ahead_.empty(), "a stream was destroyed while it reads ahead: co_await close()");
}

Task<Result<void>> DmaStreamReader::find_end() {
  const Result<std::uint64_t> size = co_await file_.size();
  if (!size) co_return std::unexpected(size.error());
  options_.end = std::min(options_.end, *size);
  end_known_ = true;
  co_return Result<void>();
}

// Each read but the first begins at a multiple of the buffer's size, so that none needs more than
// its own bytes.
std::size_t DmaStreamReader::size_at(std::uint64_t offset) const noexcept {
  const std::uint64_t to_boundary = options_.buffer_bytes - offset % options_.buffer_bytes;
  return static_cast<std::size_t>(std::min(to_boundary, options_.end - offset));
}

void DmaStreamReader::begin_reads() {
  while (ahead_.size() < options_.read_ahead && next_read_ < options_.end) {
    const std::size_t size = size_at(next_read_);
    ahead_.push_back(spawn(file_.read(next_read_, size)));
    next_read_ += size;
  }
}

Task<> DmaStreamReader::drop_ahead() {
  while (!ahead_.empty()) {
    JoinHandle<Result<DmaBuffer>> first = std::move(ahead_.front());
    ahead_.pop_front();
    static_cast<void>(co_await first);
  }
}

Task<Result<DmaBuffer>> DmaStreamReader::next() {
  if (!rest_.empty()) {
    position_ += rest_.size();
    co_return std::exchange(rest_, {});
  }
  if (error_) co_return std::unexpected(error_);
  if (!end_known_) {
    const Result<void> found = co_await find_end();
    if (!found) co_return std::unexpected(error_ = found.error());
  }
  begin_reads();
  if (ahead_.empty()) co_return DmaBuffer();
  JoinHandle<Result<DmaBuffer>> first = std::move(ahead_.front());
  ahead_.pop_front();
  begin_reads();
  Result<DmaBuffer> got = co_await first;
  if (!got) {
    error_ = got.error();
    co_return got;
  }
  const bool cut_short = got->size() != size_at(position_);
  position_ += got->size();
  if (cut_short) {  // the file is shorter than it was: what was read behind this is not its own
    options_.end = next_read_ = position_;
    co_await drop_ahead();
  }
  co_return got;
}

Task<Result<std::size_t>> DmaStreamReader::read(std::span<std::byte> out) {
  std::size_t done = 0;
  while (done != out.size()) {
    Result<DmaBuffer> got = co_await next();
    if (!got) {
      if (done != 0) break;  // M4: first what came before it
      co_return std::unexpected(got.error());
    }
    if (got->empty()) break;
    const std::size_t taken = std::min(got->size(), out.size() - done);
    std::memcpy(out.data() + done, got->data(), taken);
    done += taken;
    position_ -= got->size() - taken;
    rest_ = got->slice(taken, got->size() - taken);
  }
  co_return done;
}

Task<> DmaStreamReader::close() {
  co_await drop_ahead();
  rest_ = {};
  if (!error_) error_ = std::error_code(ECANCELED, std::system_category());
}

}  // namespace percore
