#pragma once

#include <cstring>
#include <percore/dma_file.hpp>
#include <string>
#include <utility>

// Exercise 06.5, kind: fix. The log works on a good day. After a power failure, or a bad moment of
// the disk, it lacks records that append() had reported as saved. There are three mistakes.

/// A log: lines of text, one record each, which survive a power failure once append() has said so.
class AppendLog {
 public:
  /// Makes the file directory/name, which must not be there yet.
  static percore::Task<percore::Result<AppendLog>> create(percore::DmaArena& arena,
                                                          std::string directory, std::string name) {
    std::string path = directory + "/" + name;
    percore::Result<percore::DmaFile> file =
        co_await percore::DmaFile::open(arena, path, percore::DmaOpen::create_new);
    if (!file) co_return std::unexpected(file.error());
    percore::Result<void> done = co_await file->fdatasync();
    percore::Result<percore::DmaBuffer> block = co_await arena.allocate(block_bytes);
    if (done && !block) done = std::unexpected(block.error());
    if (!done) {
      static_cast<void>(co_await file->close());
      co_return std::unexpected(done.error());
    }
    std::memset(block->data(), 0, block->size());
    co_return AppendLog(std::move(path), std::move(*file), std::move(*block));
  }

  /// Adds a record: 1 to 1000 bytes, without a line's end. One call after the other.
  /// Returns  when the record, and all before it, would be there after a power failure. After an
  ///          error nothing more is said to be saved.
  percore::Task<percore::Result<void>> append(std::string record) {
    record += '\n';
    if (filled_ + record.size() > block_.size()) {  // the rest of the block stays zero
      block_begin_ += block_.size();
      filled_ = 0;
      std::memset(block_.data(), 0, block_.size());
    }
    std::memcpy(block_.data() + filled_, record.data(), record.size());
    filled_ += record.size();
    // The block of the tail is written again and again: each sector then has what it had, and more.
    percore::JoinHandle<percore::Result<void>> writing =
        percore::spawn(file_.write(block_.bytes(), block_begin_));
    percore::Result<void> synced = co_await file_.fdatasync();
    const percore::Result<void> written = co_await writing;
    if (!written) co_return written;
    if (!synced) synced = co_await syncs_again();
    co_return synced;
  }

  percore::Task<percore::Result<void>> close() { return file_.close(); }

 private:
  static constexpr std::size_t block_bytes = percore::dma_granule_bytes;

  AppendLog(std::string path, percore::DmaFile file, percore::DmaBuffer block) noexcept
      : path_(std::move(path)), file_(std::move(file)), block_(std::move(block)) {}

  /// The disk had a bad moment: a fresh descriptor has no error yet.
  percore::Task<percore::Result<void>> syncs_again() {
    percore::DmaArena& arena = file_.arena();
    static_cast<void>(co_await file_.close());
    percore::Result<percore::DmaFile> file =
        co_await percore::DmaFile::open(arena, path_, percore::DmaOpen::update);
    if (!file) co_return std::unexpected(file.error());
    file_ = std::move(*file);
    co_return co_await file_.fdatasync();
  }

  std::string path_;
  percore::DmaFile file_;
  percore::DmaBuffer block_;       // the tail, padded with zeros
  std::uint64_t block_begin_ = 0;  // its place in the file
  std::size_t filled_ = 0;
};
