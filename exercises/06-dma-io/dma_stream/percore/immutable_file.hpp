#pragma once

#include <memory>
#include <percore/dma_stream.hpp>
#include <string>
#include <vector>

namespace percore {

/// A file that never changes again, and whose size is therefore known. See
/// contract/dma_stream.hpp.
/// Thread   the executor's that opened it.
class ImmutableFile {
 public:
  /// The arena outlives it. Errors: those of DmaFile::open().
  static Task<Result<ImmutableFile>> open(DmaArena& arena, std::string path,
                                          DmaFileOptions options = {});

  std::uint64_t size() const noexcept { return size_; }
  bool direct() const noexcept { return file_.direct(); }
  /// Of a range beyond the end no more is given, or asked for, than there is.
  Task<Result<DmaBuffer>> read(std::uint64_t offset, std::size_t size) {
    return file_.read(offset, there(offset, size));
  }
  Task<std::vector<Result<DmaBuffer>>> read_many(std::vector<DmaRange> ranges,
                                                 DmaMergeOptions merge = {});
  /// The file outlives it, and stays where it is.
  DmaStreamReader reader(DmaReaderOptions options = {}) { return DmaStreamReader(file_, options); }
  Task<Result<void>> close() { return file_.close(); }

 private:
  ImmutableFile(DmaFile file, std::uint64_t size) noexcept : file_(std::move(file)), size_(size) {}
  std::size_t there(std::uint64_t offset, std::size_t size) const noexcept {
    if (offset >= size_) return 0;
    return size < size_ - offset ? size : static_cast<std::size_t>(size_ - offset);
  }

  DmaFile file_;
  std::uint64_t size_;
};

/// Writes a file that is there whole, or not at all. See contract/dma_stream.hpp.
/// Thread   the executor's.
class ImmutableFileWriter {
 public:
  static Task<Result<ImmutableFileWriter>> create(DmaArena& arena, std::string path,
                                                  DmaWriterOptions options = {});

  Task<Result<void>> write(std::span<const std::byte> in) { return inside_->stream.write(in); }
  std::uint64_t position() const noexcept { return inside_->stream.position(); }
  Task<Result<void>> seal();
  Task<Result<void>> discard();

 private:
  struct Inside {
    Inside(DmaFile its_file, std::string its_path, DmaWriterOptions options)
        : file(std::move(its_file)), path(std::move(its_path)), stream(file, options) {}
    std::string part() const { return path + ".part"; }

    DmaFile file;
    std::string path;
    DmaStreamWriter stream;
    bool closed = false;
  };
  explicit ImmutableFileWriter(std::unique_ptr<Inside> inside) noexcept
      : inside_(std::move(inside)) {}
  static Task<Result<void>> close_file(Inside& writer);
  static Task<Result<void>> seal_file(Inside& writer);
  static Task<Result<void>> discard_file(Inside& writer);

  std::unique_ptr<Inside> inside_;
};

}  // namespace percore
