#include "death.hpp"
#include "dma_content.hpp"
#include "folder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <ostream>
#include <percore/dma_stream.hpp>
#include <percore/immutable_file.hpp>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>

using namespace percore;
using test::bytes_of;
using test::content_of;
using test::Folder;
using test::noise;
using test::part_of;
using test::text_of;

namespace {

constexpr std::size_t small_buffer = 8192;

Task<DmaFile> opened_file(DmaArena& arena, std::string path, DmaOpen how) {
  Result<DmaFile> file = co_await DmaFile::open(arena, std::move(path), how);
  REQUIRE(file);
  co_return std::move(*file);
}

Task<std::string> all_of(DmaStreamReader& reader) {
  std::string text;
  for (;;) {
    const std::uint64_t position = reader.position();
    const Result<DmaBuffer> got = co_await reader.next();
    REQUIRE(got);
    if (got->empty()) co_return text;
    CHECK(reader.position() == position + got->size());
    text += text_of(*got);
  }
}

Task<> reads_a_part(DmaFile& file, std::string_view text, DmaReaderOptions options) {
  DmaStreamReader reader(file, options);
  CHECK(reader.position() == options.begin);
  const std::string got = co_await all_of(reader);
  const std::uint64_t end = std::min<std::uint64_t>(options.end, text.size());
  const std::size_t size =
      end > options.begin ? static_cast<std::size_t>(end - options.begin) : std::size_t{0};
  CHECK(got == part_of(text, static_cast<std::size_t>(options.begin), size));
  CHECK(reader.ahead() == 0);
  const Result<DmaBuffer> beyond = co_await reader.next();
  REQUIRE(beyond);
  CHECK(beyond->empty());
  co_await reader.close();
}

Task<> in_order(std::string path, std::string text) {
  DmaArena arena({.bytes = 2 << 20});
  DmaFile file = co_await opened_file(arena, path, DmaOpen::read_only);
  const DmaReaderOptions parts[] = {
      {}, {.begin = 100, .end = 50'001}, {.begin = 8192, .end = 16'384}};
  for (const unsigned ahead : {1u, 2u, 7u}) {
    for (DmaReaderOptions part : parts) {
      part.buffer_bytes = small_buffer;
      part.read_ahead = ahead;
      co_await reads_a_part(file, text, part);
    }
  }
  const DmaReaderOptions empty_parts[] = {
      {.begin = text.size()}, {.begin = text.size() + 100}, {.begin = 500, .end = 400}};
  for (const DmaReaderOptions& part : empty_parts) co_await reads_a_part(file, text, part);
  CHECK(arena.free_bytes() == arena.size_bytes());
  co_await file.close();
}

Task<> reads_ahead(std::string path) {
  DmaArena arena({.bytes = 1 << 20});
  DmaFile file = co_await opened_file(arena, path, DmaOpen::read_only);
  DmaStreamReader reader(file, {.buffer_bytes = small_buffer, .read_ahead = 4});
  CHECK(reader.ahead() == 0);
  const Result<DmaBuffer> first = co_await reader.next();
  REQUIRE(first);
  CHECK(reader.ahead() == 4);  // one was taken, and another one began
  co_await reader.close();
  CHECK(reader.ahead() == 0);
  const Result<DmaBuffer> late = co_await reader.next();
  REQUIRE_FALSE(late);
  CHECK(late.error().value() == ECANCELED);
  co_await file.close();
}

Task<> into_memory(std::string path, std::string text) {
  DmaArena arena({.bytes = 1 << 20});
  DmaFile file = co_await opened_file(arena, path, DmaOpen::read_only);
  DmaStreamReader reader(file, {.begin = 3, .buffer_bytes = small_buffer, .read_ahead = 2});
  std::mt19937 random(5);
  std::string got;
  for (;;) {
    std::string piece(random() % 20'000, '?');
    const Result<std::size_t> read = co_await reader.read(std::as_writable_bytes(std::span(piece)));
    REQUIRE(read);
    got += piece.substr(0, *read);
    CHECK(reader.position() == 3 + got.size());
    if (*read < piece.size()) break;
    // A buffer in between is what read() has left, or the next.
    const Result<DmaBuffer> next = co_await reader.next();
    REQUIRE(next);
    got += text_of(*next);
  }
  CHECK(got == text.substr(3));
  co_await reader.close();
  co_await file.close();
}

Task<> writes_pieces(const Folder& folder, DmaWriterOptions options) {
  DmaArena arena({.bytes = 1 << 20});
  const std::string path = folder.at("written"), text = noise(100'000);
  DmaFile file = co_await opened_file(arena, path, DmaOpen::create);
  DmaStreamWriter writer(file, options);
  std::mt19937 random(7);
  for (std::size_t done = 0; done != text.size();) {
    std::string piece(part_of(text, done, 1 + random() % 9'000));
    const Result<void> written = co_await writer.write(bytes_of(piece));
    REQUIRE(written);
    std::ranges::fill(piece, '!');  // the stream has its own copy
    done += piece.size();
    CHECK(writer.position() == done);
    if (random() % 5 != 0) continue;
    if (random() % 2 == 0) {
      const Result<void> flushed = co_await writer.flush();
      REQUIRE(flushed);
      CHECK(content_of(path).substr(0, done) == text.substr(0, done));
    } else {
      const Result<void> synced = co_await writer.sync();
      REQUIRE(synced);
      if (options.expected_bytes == 0) CHECK(content_of(path) == text.substr(0, done));
    }
  }
  const Result<std::uint64_t> closed = co_await writer.close();
  REQUIRE(closed);
  CHECK(*closed == text.size());
  CHECK(content_of(path) == text);
  const Result<void> late = co_await writer.write(bytes_of("x"));
  REQUIRE_FALSE(late);
  CHECK(late.error().value() == ECANCELED);
  CHECK(arena.free_bytes() == arena.size_bytes());
  co_await file.close();
}

// A copy in which no byte is moved by the processor, but for the tail.
Task<> hands_buffers_over(const Folder& folder, std::string from, std::string text) {
  DmaArena arena({.bytes = 1 << 20});
  DmaFile in = co_await opened_file(arena, from, DmaOpen::read_only);
  DmaFile out = co_await opened_file(arena, folder.at("copy"), DmaOpen::create);
  DmaStreamReader reader(in, {.buffer_bytes = small_buffer, .read_ahead = 3});
  DmaStreamWriter writer(out, {.buffer_bytes = small_buffer, .write_behind = 3});
  for (;;) {
    Result<DmaBuffer> got = co_await reader.next();
    REQUIRE(got);
    if (got->empty()) break;
    const Result<void> written = co_await writer.write(std::move(*got));
    REQUIRE(written);
  }
  const Result<std::uint64_t> written = co_await writer.close();
  CHECK(written == text.size());
  co_await reader.close();
  co_await in.close();
  co_await out.close();
  CHECK(content_of(folder.at("copy")) == text);
}

Task<> sealed_whole(const Folder& folder) {
  DmaArena arena({.bytes = 4 << 20});
  const std::string path = folder.at("sealed"), text = noise(30'001);
  test::put(path, "what was there before");
  {
    Result<ImmutableFileWriter> writer = co_await ImmutableFileWriter::create(arena, path);
    REQUIRE(writer);
    const Result<void> written = co_await writer->write(bytes_of("never mind"));
    CHECK(written);
    const Result<void> discarded = co_await writer->discard();
    CHECK(discarded);
  }
  CHECK(content_of(path) == "what was there before");
  Result<ImmutableFileWriter> writer = co_await ImmutableFileWriter::create(arena, path);
  REQUIRE(writer);
  const Result<void> written = co_await writer->write(bytes_of(text));
  CHECK(written);
  CHECK(writer->position() == text.size());
  CHECK(content_of(path) == "what was there before");
  const Result<void> sealed = co_await writer->seal();
  CHECK(sealed);
  CHECK(content_of(path) == text);
  CHECK_FALSE(std::filesystem::exists(path + ".part"));

  Result<ImmutableFile> file = co_await ImmutableFile::open(arena, path);
  REQUIRE(file);
  CHECK(file->size() == text.size());
  const Result<DmaBuffer> tail = co_await file->read(text.size() - 7, 100);
  REQUIRE(tail);
  CHECK(text_of(*tail) == text.substr(text.size() - 7));
  const std::uint64_t before = Executor::current().ring().counts().submitted;
  const Result<DmaBuffer> beyond = co_await file->read(text.size(), 100);
  REQUIRE(beyond);
  CHECK(beyond->empty());
  CHECK(Executor::current().ring().counts().submitted == before);
  const std::vector<DmaRange> ranges = {{.offset = 10, .size = 5}, {.offset = 1 << 20, .size = 5}};
  const std::vector<Result<DmaBuffer>> some = co_await file->read_many(ranges);
  CHECK(text_of(*some[0]) == text.substr(10, 5));
  CHECK(some[1]->empty());
  DmaStreamReader reader = file->reader();
  const std::string all = co_await all_of(reader);
  CHECK(all == text);
  co_await reader.close();
  co_await file->close();
}

}  // namespace

TEST_CASE("a stream gives the bytes of its range in order") {
  const Folder folder;
  const std::string text = noise(100'003);
  test::put(folder.at("file"), text);
  Executor().run(in_order(folder.at("file"), text));
}
TEST_CASE("a stream reads ahead as far as it was told") {
  const Folder folder;
  test::put(folder.at("file"), noise(200'000));
  Executor().run(reads_ahead(folder.at("file")));
}
TEST_CASE("a stream fills memory of any size") {
  const Folder folder;
  const std::string text = noise(150'001);
  test::put(folder.at("file"), text);
  Executor().run(into_memory(folder.at("file"), text));
}
TEST_CASE("a stream writes what it is given") {
  const Folder folder;
  Executor().run(writes_pieces(folder, {.buffer_bytes = small_buffer, .write_behind = 1}));
  Executor().run(writes_pieces(folder, {.buffer_bytes = small_buffer, .write_behind = 5}));
  Executor().run(writes_pieces(
      folder, {.buffer_bytes = small_buffer, .write_behind = 2, .expected_bytes = 100'000}));
  Executor().run(
      writes_pieces(folder, {.buffer_bytes = 4096, .write_behind = 2, .expected_bytes = 300'000}));
}
TEST_CASE("buffers go from one stream to another") {
  const Folder folder;
  const std::string text = noise(100'003);
  test::put(folder.at("file"), text);
  Executor().run(hands_buffers_over(folder, folder.at("file"), text));
}
TEST_CASE("an immutable file is there whole, or not at all") {
  const Folder folder;
  Executor().run(sealed_whole(folder));
}

namespace {

std::string path_of_the_dying;

Task<> window_too_large() {
  DmaArena arena({.bytes = 64 << 10});
  DmaFile file = co_await opened_file(arena, path_of_the_dying, DmaOpen::read_only);
  const DmaStreamReader reader(file, {.buffer_bytes = small_buffer, .read_ahead = 4});
}

Task<> writes_with(DmaWriterOptions options) {
  DmaArena arena({.bytes = 64 << 10});
  DmaFile file = co_await opened_file(arena, path_of_the_dying, DmaOpen::update);
  const DmaStreamWriter writer(file, options);
}

Task<> writer_not_closed() {
  DmaArena arena({.bytes = 1 << 20});
  DmaFile file = co_await opened_file(arena, path_of_the_dying, DmaOpen::update);
  DmaStreamWriter writer(file, {.buffer_bytes = small_buffer, .write_behind = 4});
  static_cast<void>(co_await writer.write(test::bytes_of(noise(3 * small_buffer))));
}

template <typename Stream>
Task<> used_by_two_tasks(Stream& stream, Task<> (*use)(Stream&)) {
  auto first = spawn(use(stream));
  auto second = spawn(use(stream));
  co_await first;
  co_await second;
}

Task<> writes_some_buffers(DmaStreamWriter& writer) {
  const std::vector<std::byte> text(100'000);
  static_cast<void>(co_await writer.write(std::span<const std::byte>(text)));
}

Task<> two_tasks_write() {
  DmaArena arena({.bytes = 1 << 20});
  DmaFile file = co_await opened_file(arena, path_of_the_dying, DmaOpen::update);
  DmaStreamWriter writer(file, {.buffer_bytes = 16 << 10, .write_behind = 1});
  co_await used_by_two_tasks(writer, writes_some_buffers);
}

#if PERCORE_ALL_OURS
Task<> reads_some_bytes(DmaStreamReader& reader) {
  std::vector<std::byte> out(100'000);
  static_cast<void>(co_await reader.read(out));
}

Task<> two_tasks_read() {
  DmaArena arena({.bytes = 1 << 20});
  DmaFile file = co_await opened_file(arena, path_of_the_dying, DmaOpen::update);
  DmaStreamReader reader(file, {.buffer_bytes = 16 << 10, .read_ahead = 1});
  co_await used_by_two_tasks(reader, reads_some_bytes);
}
#endif

Task<> forgets_what_it_took() {
  DmaArena arena({.bytes = 1 << 20});
  DmaFile file = co_await opened_file(arena, path_of_the_dying, DmaOpen::update);
  DmaStreamWriter writer(file, {.buffer_bytes = small_buffer, .write_behind = 4});
  static_cast<void>(co_await writer.write(test::bytes_of(noise(100))));
}

Task<> throws_with_a_stream() {
  DmaArena arena({.bytes = 1 << 20});
  DmaFile file = co_await opened_file(arena, path_of_the_dying, DmaOpen::update);
  DmaStreamWriter writer(file, {.buffer_bytes = small_buffer, .write_behind = 4});
  static_cast<void>(co_await writer.write(test::bytes_of(noise(100))));
  throw std::runtime_error("another reason");
}

Task<> not_closed() {
  DmaArena arena({.bytes = 1 << 20});
  DmaFile file = co_await opened_file(arena, path_of_the_dying, DmaOpen::read_only);
  DmaStreamReader reader(file, {.buffer_bytes = small_buffer, .read_ahead = 4});
  static_cast<void>(co_await reader.next());
}

}  // namespace

TEST_CASE("mistakes with streams end the program") {
  const Folder folder;
  path_of_the_dying = folder.at("file");
  test::put(path_of_the_dying, noise(100'000));
  CHECK(test::death_of([] {
          Executor().run(window_too_large());
        }).has_a_sentence("at most half of the file's arena"));
  CHECK(
      test::death_of([] { Executor().run(not_closed()); }).has_a_sentence("while it reads ahead"));
  CHECK(test::death_of([] {
          Executor().run(writes_with({.write_behind = 0}));
        }).has_a_sentence("at least one buffer behind"));
  CHECK(test::death_of([] {
          Executor().run(writes_with({.buffer_bytes = 5000}));
        }).has_a_sentence("at least one buffer behind"));
  CHECK(test::death_of([] {
          Executor().run(writes_with({.buffer_bytes = 16 << 10, .write_behind = 4}));
        }).has_a_sentence("at most half of the file's arena"));
  CHECK(test::death_of([] {
          Executor().run(writer_not_closed());
        }).has_a_sentence("while it writes"));
  CHECK(test::death_of([] {
          Executor().run(forgets_what_it_took());
        }).has_a_sentence("bytes that it has not written"));
  CHECK(test::death_of([] {
          Executor().run(two_tasks_write());
        }).has_a_sentence("two tasks use one DmaStreamWriter"));
#if PERCORE_ALL_OURS
  CHECK(test::death_of([] {
          Executor().run(two_tasks_read());
        }).has_a_sentence("two tasks use one DmaStreamReader"));
#endif
  CHECK_THROWS_WITH(Executor().run(throws_with_a_stream()), "another reason");
}
