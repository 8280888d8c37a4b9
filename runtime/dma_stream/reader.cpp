#include <percore/dma_stream.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
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
  ahead_.reserve(options.read_ahead);
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

// Those who were begun and are not wanted any more: they are waited for, whatever became of them.
Task<> DmaStreamReader::drop_ahead() {
  while (!ahead_.empty()) {
    JoinHandle<Result<DmaBuffer>> first = std::move(ahead_.front());
    ahead_.erase(ahead_.begin());
    try {
      static_cast<void>(co_await first);
    } catch (const std::bad_alloc&) {
    }
  }
}

Task<Result<DmaBuffer>> DmaStreamReader::next_buffer(bool within) {
  PERCORE_ASSERT(within || !reading_,
                 "two tasks use one DmaStreamReader, one of them in read(): what it is given would "
                 "be torn; a call begins when the one before has ended");
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
  ahead_.erase(ahead_.begin());
  try {
    begin_reads();
  } catch (const std::bad_alloc&) {  // what has not begun now begins with the next call
  }
  // A read that finds no memory is told as one that failed: its bytes must not be skipped.
  Result<DmaBuffer> got = failure(ENOMEM);
  try {
    got = co_await first;
  } catch (const std::bad_alloc&) {
  }
  if (!got) {
    error_ = got.error();
    co_return got;
  }
  const bool cut_short = got->size() != size_at(position_);
  position_ += got->size();
  if (cut_short) {  // the file is shorter than it was: what was read behind this is not its own
    options_.end = next_read_ = position_;
    try {
      co_await drop_ahead();
    } catch (const std::bad_alloc&) {  // they are still there, and close() waits for them
      error_ = std::error_code(ENOMEM, std::system_category());
    }
  }
  co_return got;
}

Task<Result<std::size_t>> DmaStreamReader::read(std::span<std::byte> out) {
  PERCORE_ASSERT(!reading_,
                 "two tasks use one DmaStreamReader, both in read(): what they are given would be "
                 "torn; a call begins when the one before has ended");
  reading_ = true;
  // Where there is no memory for a coroutine more, too.
  struct Over {
    explicit Over(bool& reading) noexcept : reading_(reading) {}
    Over(const Over&) = delete;
    ~Over() { reading_ = false; }
    bool& reading_;
  };
  const Over over(reading_);
  std::size_t done = 0;
  while (done != out.size()) {
    Result<DmaBuffer> got = co_await next_buffer(true);
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
