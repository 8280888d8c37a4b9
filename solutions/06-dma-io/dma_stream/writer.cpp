#include <percore/dma_stream.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <new>
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
  behind_.reserve(options.write_behind);
}

DmaStreamWriter::~DmaStreamWriter() {
  PERCORE_ASSERT(behind_.empty(), "a stream was destroyed while it writes: co_await close()");
  // Who is told of an exception knows that the file is not whole; nobody else would.
  PERCORE_ASSERT(error_ || filled_ == flushed_ || std::uncaught_exceptions() != 0,
                 "a stream was destroyed with bytes that it has not written: co_await close()");
}

// Of a call, while it is under way.
class DmaStreamWriter::Use {
 public:
  // within   the call is a part of one that is under way.
  Use(bool& in_use, bool within) noexcept : in_use_(within ? nullptr : &in_use) {
    PERCORE_ASSERT(within || !in_use,
                   "two tasks use one DmaStreamWriter at a time: a call begins when the one before "
                   "has ended, and each task has a stream of its own");
    in_use = true;
  }
  ~Use() {
    if (in_use_ != nullptr) *in_use_ = false;
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

 private:
  bool* in_use_;
};

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
  try {
    co_return co_await file.write(block.bytes(), offset);
  } catch (const std::bad_alloc&) {  // told as any other failure is: a hole must not be forgotten
  }
  co_return failure(ENOMEM);
}

Task<Result<void>> DmaStreamWriter::wait_for_writes(std::size_t left) {
  while (behind_.size() > left) {
    JoinHandle<Result<void>> first = std::move(behind_.front());
    behind_.erase(behind_.begin());
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

// Where there is no memory for what a write needs, what was taken is lost, and the stream stays
// with that.
Task<Result<void>> DmaStreamWriter::write_bytes(std::span<const std::byte> in, bool within) {
  const Use use(in_use_, within);
  const Result<void> prepared = co_await prepare();
  if (!prepared) co_return prepared;
  try {
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
        DmaBuffer full = std::exchange(block_, {});
        const Result<void> begun = co_await begin_write(std::move(full));
        if (!begun) co_return begun;
      }
    }
    co_return Result<void>();
  } catch (const std::bad_alloc&) {
  }
  co_return note(failure(ENOMEM));
}

Task<Result<void>> DmaStreamWriter::write(DmaBuffer in) {
  const Use use(in_use_, false);
  const std::size_t mask = file_.alignment_bytes() - 1;
  const bool whole = filled_ == 0 && !in.empty() && file_.arena().contains(in.bytes()) &&
                     ((reinterpret_cast<std::uintptr_t>(in.data()) | in.size()) & mask) == 0;
  if (!whole) co_return co_await write_bytes(in.bytes(), true);
  const Result<void> prepared = co_await prepare();
  if (!prepared) co_return prepared;
  try {
    co_return co_await begin_write(std::move(in));
  } catch (const std::bad_alloc&) {
  }
  co_return note(failure(ENOMEM));
}

Task<Result<void>> DmaStreamWriter::flush_all(bool within) {
  const Use use(in_use_, within);
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
  const Use use(in_use_, false);
  const Result<void> flushed = co_await flush_all(true);
  if (!flushed) co_return flushed;
  if (options_.expected_bytes == 0) {
    const Result<void> trimmed = co_await trim();
    if (!trimmed) co_return trimmed;
  }
  const Result<void> synced = co_await file_.fdatasync();
  co_return note(synced);
}

Task<Result<std::uint64_t>> DmaStreamWriter::close() {
  const Use use(in_use_, false);
  Result<void> done;
  try {
    done = co_await flush_all(true);
  } catch (const std::bad_alloc&) {
    done = failure(ENOMEM);
  }
  // Also where one of them has failed, and where there is no memory for a coroutine more.
  while (!behind_.empty()) {
    JoinHandle<Result<void>> first = std::move(behind_.front());
    behind_.erase(behind_.begin());
    const Result<void> written = co_await first;
    if (done && !written) done = written;
  }
  try {
    if (done) done = co_await trim();
  } catch (const std::bad_alloc&) {
    done = failure(ENOMEM);
  }
  block_ = {};
  const std::uint64_t written = position();
  if (!error_) error_ = done ? std::error_code(ECANCELED, std::system_category()) : done.error();
  if (!done) co_return std::unexpected(done.error());
  co_return written;
}

}  // namespace percore
