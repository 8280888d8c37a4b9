#pragma once

#include <cstdint>
#include <deque>
#include <percore/contract/dma_stream.hpp>
#include <percore/executor.hpp>
#include <vector>

namespace percore {

/// A part of a file, from its beginning to its end, read ahead. See contract/dma_stream.hpp.
/// Memory   its window: (read_ahead + 1) buffers of the file's arena, the one that was taken
///          included.
/// Thread   the executor's.
class DmaStreamReader {
 public:
  explicit DmaStreamReader(DmaFile& file, DmaReaderOptions options = {});
  ~DmaStreamReader();
  DmaStreamReader(const DmaStreamReader&) = delete;
  DmaStreamReader& operator=(const DmaStreamReader&) = delete;

  Task<Result<DmaBuffer>> next();
  Task<Result<std::size_t>> read(std::span<std::byte> out);
  std::uint64_t position() const noexcept { return position_; }
  std::size_t ahead() const noexcept { return ahead_.size(); }
  Task<> close();

 private:
  Task<Result<void>> find_end();
  std::size_t size_at(std::uint64_t offset) const noexcept;
  void begin_reads();
  Task<> drop_ahead();

  DmaFile& file_;
  DmaReaderOptions options_;
  bool end_known_ = false;
  std::uint64_t position_;   // what is given next
  std::uint64_t next_read_;  // where the next read begins
  std::deque<JoinHandle<Result<DmaBuffer>>> ahead_;
  DmaBuffer rest_;  // of what was taken last, what read() has not given yet
  std::error_code error_;
};

/// A file, written from its beginning in large pieces, behind the back of who writes.
/// Memory   its window: (write_behind + 1) buffers of the file's arena.
/// Thread   the executor's.
class DmaStreamWriter {
 public:
  explicit DmaStreamWriter(DmaFile& file, DmaWriterOptions options = {});
  ~DmaStreamWriter();
  DmaStreamWriter(const DmaStreamWriter&) = delete;
  DmaStreamWriter& operator=(const DmaStreamWriter&) = delete;

  Task<Result<void>> write(std::span<const std::byte> in) { return write_bytes(in, false); }
  Task<Result<void>> write(DmaBuffer in);
  Task<Result<void>> flush() { return flush_all(false); }
  Task<Result<void>> sync();
  Task<Result<std::uint64_t>> close();
  std::uint64_t position() const noexcept { return block_begin_ + filled_; }

 private:
  class Use;

  static Task<Result<void>> write_behind(DmaFile& file, DmaBuffer block, std::uint64_t offset);
  Task<Result<void>> write_bytes(std::span<const std::byte> in, bool within);
  Task<Result<void>> flush_all(bool within);
  Task<Result<void>> prepare();
  Task<Result<void>> begin_write(DmaBuffer block);
  Task<Result<void>> wait_for_writes(std::size_t left);
  Task<Result<void>> trim();
  Result<void> note(const Result<void>& result);

  DmaFile& file_;
  DmaWriterOptions options_;
  bool prepared_ = false;
  bool in_use_ = false;            // a call is under way
  DmaBuffer block_;                // being filled
  std::uint64_t block_begin_ = 0;  // its place in the file
  std::size_t filled_ = 0;
  std::size_t flushed_ = 0;  // of what is filled, what the device has
  // Its room is made at the beginning: a write that has begun and is not noted would outlive us.
  std::vector<JoinHandle<Result<void>>> behind_;
  std::error_code error_;
};

}  // namespace percore
