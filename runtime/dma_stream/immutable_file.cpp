#include <percore/immutable_file.hpp>

#include <utility>

namespace percore {
namespace {

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Task<Result<ImmutableFile>> ImmutableFile::open(DmaArena& arena, std::string path,
                                                DmaFileOptions options) {
  Result<DmaFile> file =
      co_await DmaFile::open(arena, std::move(path), DmaOpen::read_only, options);
  if (!file) co_return std::unexpected(file.error());
  const Result<std::uint64_t> size = co_await file->size();
  if (!size) co_return std::unexpected(size.error());
  co_return ImmutableFile(std::move(*file), *size);
}

Task<std::vector<Result<DmaBuffer>>> ImmutableFile::read_many(std::vector<DmaRange> ranges,
                                                              DmaMergeOptions merge) {
  for (DmaRange& range : ranges) range.size = there(range.offset, range.size);
  return file_.read_many(std::move(ranges), merge);
}

Task<Result<ImmutableFileWriter>> ImmutableFileWriter::create(DmaArena& arena, std::string path,
                                                              DmaWriterOptions options) {
  Result<DmaFile> file = co_await DmaFile::open(arena, path + ".part", DmaOpen::create);
  if (!file) co_return std::unexpected(file.error());
  co_return ImmutableFileWriter(
      std::make_unique<Inside>(std::move(*file), std::move(path), options));
}

Task<Result<void>> ImmutableFileWriter::seal() {
  return seal_file(*inside_);
}

Task<Result<void>> ImmutableFileWriter::discard() {
  return discard_file(*inside_);
}

// Once: a seal that failed later is followed by a discard.
Task<Result<void>> ImmutableFileWriter::close_file(Inside& writer) {
  if (std::exchange(writer.closed, true)) co_return Result<void>();
  co_return co_await writer.file.close();
}

// The order is the point: content, then size and data on the device, then the name, then the
// directory that holds it. A power failure between any two leaves the old file or the whole new
// one.
Task<Result<void>> ImmutableFileWriter::seal_file(Inside& writer) {
  const Result<std::uint64_t> written = co_await writer.stream.close();
  Result<void> done = without_value(written);
  if (done) done = co_await writer.file.fdatasync();
  const Result<void> closed = co_await close_file(writer);
  if (done) done = closed;
  if (done) done = co_await rename_file(writer.part(), writer.path);
  if (done) done = co_await sync_directory(directory_of(writer.path));
  co_return done;
}

Task<Result<void>> ImmutableFileWriter::discard_file(Inside& writer) {
  static_cast<void>(co_await writer.stream.close());
  const Result<void> closed = co_await close_file(writer);
  const Result<void> removed = co_await remove_file(writer.part());
  co_return removed ? closed : removed;
}

}  // namespace percore
