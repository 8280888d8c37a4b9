#include "death.hpp"
#include "dma_content.hpp"
#include "folder.hpp"

#include <doctest/doctest.h>

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <ostream>
#include <percore/dma_file.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace percore;
using test::block_of;
using test::content_of;
using test::Folder;
using test::noise;
using test::part_of;
using test::text_of;

static_assert(widened({.offset = 0, .size = 1}, 512).size == 512);
static_assert(widened({.offset = 511, .size = 2}, 512).begin == 0);
static_assert(widened({.offset = 511, .size = 2}, 512).size == 1024);
static_assert(widened({.offset = 513, .size = 511}, 512).begin == 512);
static_assert(widened({.offset = 513, .size = 511}, 512).lead == 1);
static_assert(widened({.offset = 4096, .size = 4096}, 4096).size == 4096);
static_assert(widened({.offset = 4096, .size = 0}, 4096).size == 0);

namespace {

std::size_t descriptors() {
  const std::filesystem::directory_iterator open("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(open), end(open)));
}

Task<DmaFile> opened(DmaArena& arena, std::string path, DmaOpen how, DmaFileOptions options = {}) {
  Result<DmaFile> file = co_await DmaFile::open(arena, std::move(path), how, options);
  REQUIRE(file);
  co_return std::move(*file);
}

Task<> goes_through_the_page_cache(std::string path) {
  DmaArena arena({.bytes = 1 << 20});
  for (const DmaOpen how : {DmaOpen::create_new, DmaOpen::update}) {
    DmaFile file = co_await opened(arena, path, how);
    CHECK_FALSE(file.direct());
    CHECK_FALSE(file.why_not_direct().empty());
    co_await file.close();
    test::put(path, noise(5'000));
  }
}

Task<> reads_of_any_range(std::string path, std::string text) {
  DmaArena arena({.bytes = 1 << 20});
  DmaFile file = co_await opened(arena, path, DmaOpen::read_only);
  CHECK(file.alignment_bytes() >= 512);
  CHECK(file.direct() == file.why_not_direct().empty());
  std::mt19937 random(3);
  for (int i = 0; i < 300; ++i) {
    const std::size_t offset = random() % (text.size() + 5000);
    const std::size_t size = random() % (i % 3 == 0 ? 20'000 : 600);
    const Result<DmaBuffer> got = co_await file.read(offset, size);
    REQUIRE(got);
    REQUIRE(text_of(*got) == part_of(text, offset, size));
    std::string own(size + 1, '?');
    const Result<std::size_t> read =
        co_await file.read_into(std::as_writable_bytes(std::span(own)).subspan(1), offset);
    REQUIRE(read);
    REQUIRE(std::string_view(own).substr(1, *read) == part_of(text, offset, size));
  }
  CHECK(arena.free_bytes() == arena.size_bytes());
  const Result<DmaBuffer> aligned = co_await file.read(8192, 4096);
  REQUIRE(aligned);
  CHECK(reinterpret_cast<std::uintptr_t>(aligned->data()) % dma_granule_bytes == 0);
  const Result<DmaBuffer> far = co_await file.read(std::uint64_t{1} << 40, 100);
  REQUIRE(far);
  CHECK(far->empty());
  const Result<DmaBuffer> beyond = co_await file.read((std::uint64_t{1} << 63) - 50, 100);
  REQUIRE_FALSE(beyond);
  CHECK(beyond.error().value() == EINVAL);
  const Result<DmaBuffer> too_much = co_await file.read(0, arena.size_bytes() + 1);
  REQUIRE_FALSE(too_much);
  CHECK(too_much.error().value() == ENOBUFS);
  const Result<void> closed = co_await file.close();
  CHECK(closed);
}

Task<> straight_into_aligned_memory(std::string path, std::string text) {
  DmaArena arena({.bytes = 64 << 10});
  DmaFile file = co_await opened(arena, path, DmaOpen::read_only);
  std::optional<DmaBuffer> all = arena.try_allocate(arena.size_bytes());
  REQUIRE(all);
  // No memory is left for a copy, and none is needed.
  const Result<std::size_t> got = co_await file.read_into(all->bytes().first(8192), 4096);
  REQUIRE(got);
  CHECK(*got == 8192);
  CHECK(text_of(all->slice(0, 8192)) == part_of(text, 4096, 8192));
  all.reset();
  // Longer than the arena: by pieces.
  std::string whole(text.size() + 10, '?');
  const Result<std::size_t> read =
      co_await file.read_into(std::as_writable_bytes(std::span(whole)), 0);
  REQUIRE(read);
  CHECK(*read == text.size());
  CHECK(whole.substr(0, *read) == text);
  co_await file.close();
}

Task<> many_reads_made_few(std::string path, std::string text) {
  DmaArena arena({.bytes = 1 << 20});
  DmaFile file = co_await opened(arena, path, DmaOpen::read_only);
  Ring& ring = Executor::current().ring();
  const std::vector<DmaRange> ranges = {
      {.offset = 70'000, .size = 10}, {.offset = 100, .size = 50},
      {.offset = 90, .size = 300},    {.offset = 5'000, .size = 5'000},
      {.offset = 0, .size = 0},       {.offset = text.size() - 5, .size = 50},
      {.offset = 1 << 30, .size = 7}, {.offset = ~std::uint64_t{0} - 5, .size = 7}};
  const std::uint64_t before = ring.counts().submitted;
  const std::vector<Result<DmaBuffer>> got = co_await file.read_many(ranges);
  const std::uint64_t together = ring.counts().submitted - before;
  REQUIRE(got.size() == ranges.size());
  for (std::size_t i = 0; i + 1 < ranges.size(); ++i) {
    REQUIRE(got[i]);
    CHECK(text_of(*got[i]) ==
          part_of(text, static_cast<std::size_t>(ranges[i].offset), ranges[i].size));
  }
  REQUIRE_FALSE(got.back());
  CHECK(got.back().error().value() == EINVAL);
  // The three near 0 in one read, then 70,000, what lies beyond the end, and the end: that one
  // takes three, to see that it is the end.
  CHECK(together <= 6);
  const std::uint64_t before_apart = ring.counts().submitted;
  const std::vector<DmaRange> three(ranges.begin(), ranges.begin() + 4);
  const DmaMergeOptions never{.gap_bytes_max = 0, .read_bytes_max = 0};
  const std::vector<Result<DmaBuffer>> apart = co_await file.read_many(three, never);
  CHECK(ring.counts().submitted - before_apart >= 3);
  for (std::size_t i = 0; i < three.size(); ++i) {
    REQUIRE(apart[i]);
    CHECK(text_of(*apart[i]) ==
          part_of(text, static_cast<std::size_t>(three[i].offset), three[i].size));
  }
  const std::vector<DmaRange> too_many(300, {.offset = 0, .size = 4096});
  const std::vector<Result<DmaBuffer>> same = co_await file.read_many(too_many);
  CHECK(std::ranges::all_of(same, [](const auto& one) { return one.has_value(); }));
  const std::vector<DmaRange> huge = {{.offset = 0, .size = 2 << 20}, {.offset = 0, .size = 0}};
  const std::vector<Result<DmaBuffer>> refused = co_await file.read_many(huge);
  REQUIRE_FALSE(refused[0]);
  CHECK(refused[0].error().value() == ENOBUFS);
  CHECK(refused[1]);
  co_await file.close();
}

Task<> written_whole(const Folder& folder) {
  DmaArena arena({.bytes = 1 << 20});
  const std::string path = folder.at("written"), text = noise(10'001);
  DmaFile file = co_await opened(arena, path, DmaOpen::create_new);
  const DmaBuffer block = block_of(arena, text);
  const Result<void> written = co_await file.write(block.bytes(), 4096);
  REQUIRE(written);
  Result<std::uint64_t> size = co_await file.size();
  CHECK(size == 4096 + 12'288);
  const Result<void> cut = co_await file.truncate(4096 + text.size());
  REQUIRE(cut);
  size = co_await file.size();
  CHECK(size == 4096 + text.size());
  const Result<void> synced = co_await file.fdatasync();
  CHECK(synced);
  const Result<void> reserved = co_await file.preallocate(100'000);
  if (reserved) {
    size = co_await file.size();
    CHECK(size == 100'000);
  }
  co_await file.truncate(4096 + text.size());
  const Result<void> closed = co_await file.close();
  CHECK(closed);
  CHECK(content_of(path) == std::string(4096, '\0') + text);
  const Result<DmaFile> again = co_await DmaFile::open(arena, path, DmaOpen::create_new);
  REQUIRE_FALSE(again);
  CHECK(again.error().value() == EEXIST);
  DmaFile emptied = co_await opened(arena, path, DmaOpen::create);
  size = co_await emptied.size();
  CHECK(size == 0);
  co_await emptied.close();
}

Task<> refused_to_open(const Folder& folder) {
  DmaArena arena({.bytes = 64 << 10});
  const Result<DmaFile> none = co_await DmaFile::open(arena, folder.at("none"), DmaOpen::read_only);
  REQUIRE_FALSE(none);
  CHECK(none.error().value() == ENOENT);
  const Result<DmaFile> a_folder = co_await DmaFile::open(arena, folder.at("."), DmaOpen::update);
  REQUIRE_FALSE(a_folder);
  CHECK(a_folder.error().value() == EISDIR);
  const Result<DmaFile> to_read = co_await DmaFile::open(arena, folder.at("."), DmaOpen::read_only);
  REQUIRE_FALSE(to_read);
  CHECK(to_read.error().value() == EISDIR);
}

// The size of a block device is 0 to statx: a stream would see nothing in it, and say nothing.
Task<> refuses_pipes(std::string path) {
  DmaArena arena({.bytes = 64 << 10});
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  for (const DmaOpen how : {DmaOpen::read_only, DmaOpen::update, DmaOpen::create}) {
    const Result<DmaFile> pipe = co_await DmaFile::open(arena, path, how);
    REQUIRE_FALSE(pipe);
    CHECK(pipe.error().value() == EINVAL);
  }
}

Task<> refuses_devices() {
  DmaArena arena({.bytes = 64 << 10});
  for (const std::string path : {"/dev/zero", "/dev/loop0", "/dev/ram0"}) {
    if (access(path.c_str(), R_OK) != 0) continue;
    CAPTURE(path);
    const Result<DmaFile> device = co_await DmaFile::open(arena, path, DmaOpen::read_only);
    REQUIRE_FALSE(device);
    CHECK(device.error().value() == EINVAL);
  }
}

Task<> reads_one(DmaFile& file, std::uint64_t offset) {
  const Result<DmaBuffer> got = co_await file.read(offset, 4096);
  CHECK(got);
}

Task<> never_more_in_flight(std::string path) {
  DmaArena arena({.bytes = 1 << 20});
  const DmaFileOptions three{.in_flight_max = 3};
  DmaFile file = co_await opened(arena, path, DmaOpen::read_only, three);
  std::vector<JoinHandle<void>> handles;
  for (unsigned i = 0; i < 40; ++i)
    handles.push_back(spawn(reads_one(file, std::uint64_t{4096} * i)));
  unsigned most = 0;
  while (!std::ranges::all_of(handles, [](const auto& handle) { return handle.done(); })) {
    most = std::max(most, Executor::current().ring().in_flight());
    co_await yield();
  }
  CHECK(most == 3);
  for (auto& handle : handles) co_await handle;
  co_await file.close();
}

Task<> closes(DmaFile& file, bool& closed) {
  const Result<void> done = co_await file.close();
  CHECK(done);
  closed = true;
}

// Longer than the arena: by pieces.
Task<> reads_all_into(DmaFile& file, std::size_t size, bool& ended) {
  std::vector<std::byte> out(size);
  const Result<std::size_t> got = co_await file.read_into(out, 1);
  REQUIRE(got);
  CHECK(*got == size);
  ended = true;
}

Task<> close_waits_and_bars(std::string path) {
  const std::size_t open_before = descriptors();
  DmaArena arena({.bytes = 64 << 10});
  DmaFile file = co_await opened(arena, path, DmaOpen::update);
  bool closed = false;
  bool pieces_ended = false;
  JoinHandle<void> reading = spawn(reads_one(file, 0));
  JoinHandle<void> pieces = spawn(reads_all_into(file, 100'000, pieces_ended));
  co_await yield();
  JoinHandle<void> closing = spawn(closes(file, closed));
  co_await yield();
  CHECK((reading.done() || !closed));
  CHECK((pieces_ended || !closed));
  co_await reading;
  co_await pieces;
  co_await closing;
  CHECK(closed);
  std::vector<std::byte> out(1'000);
  const Result<std::size_t> late_into = co_await file.read_into(out, 1);
  REQUIRE_FALSE(late_into);
  CHECK(late_into.error().value() == ECANCELED);
  const Result<DmaBuffer> late = co_await file.read(0, 10);
  REQUIRE_FALSE(late);
  CHECK(late.error().value() == ECANCELED);
  const DmaBuffer block = block_of(arena, "x");
  const Result<void> late_write = co_await file.write(block.bytes(), 0);
  REQUIRE_FALSE(late_write);
  CHECK(late_write.error().value() == ECANCELED);
  const Result<void> late_sync = co_await file.fdatasync();
  CHECK_FALSE(late_sync);
  CHECK(descriptors() == open_before);
  {
    DmaFile moved = co_await opened(arena, path, DmaOpen::read_only);
    DmaFile left = std::move(moved);
    CHECK(descriptors() == open_before + 1);
  }
  CHECK(descriptors() == open_before);
}

Task<> names(const Folder& folder) {
  test::put(folder.at("a"), "new");
  test::put(folder.at("b"), "old");
  const Result<void> renamed = co_await rename_file(folder.at("a"), folder.at("b"));
  CHECK(renamed);
  const Result<void> synced = co_await sync_directory(folder.at("."));
  CHECK(synced);
  CHECK(content_of(folder.at("b")) == "new");
  CHECK_FALSE(std::filesystem::exists(folder.at("a")));
  const Result<void> removed = co_await remove_file(folder.at("b"));
  CHECK(removed);
  const Result<void> again = co_await remove_file(folder.at("b"));
  REQUIRE_FALSE(again);
  CHECK(again.error().value() == ENOENT);
  const Result<void> no_directory = co_await sync_directory(folder.at("none"));
  CHECK_FALSE(no_directory);
}

struct Written {
  std::string path, text;
};

Written written_in(const Folder& folder) {
  Written file{folder.at("file"), noise(200'003)};
  test::put(file.path, file.text);
  return file;
}

}  // namespace

TEST_CASE("reads of any range give its bytes") {
  const Folder folder;
  const Written file = written_in(folder);
  Executor().run(reads_of_any_range(file.path, file.text));
}
TEST_CASE("an aligned read goes straight into the caller's memory") {
  const Folder folder;
  const Written file = written_in(folder);
  Executor().run(straight_into_aligned_memory(file.path, file.text));
}
TEST_CASE("reads that lie close together are made one") {
  const Folder folder;
  const Written file = written_in(folder);
  Executor().run(many_reads_made_few(file.path, file.text));
}
TEST_CASE("what is written is there, and its padding can be cut off") {
  const Folder folder;
  Executor().run(written_whole(folder));
}
TEST_CASE("an open that fails says why") {
  const Folder folder;
  Executor().run(refused_to_open(folder));
}
TEST_CASE("a file on a tmpfs says that it goes through the page cache (A9)") {
  const char* const shared_memory = "/dev/shm";
  struct statfs found{};
  if (statfs(shared_memory, &found) != 0 || found.f_type != TMPFS_MAGIC) {
    MESSAGE("skipped: there is no tmpfs here");
    return;
  }
  const Folder folder(shared_memory);
  Executor().run(goes_through_the_page_cache(folder.at("new")));
}

namespace {

Task<> made_with_permissions(const Folder& folder) {
  DmaArena arena({.bytes = 1 << 20});
  for (const unsigned permissions : {0600u, 0640u}) {
    const std::string path = folder.at(std::to_string(permissions));
    const DmaFileOptions options{.permissions = permissions};
    DmaFile file = co_await opened(arena, path, DmaOpen::create, options);
    co_await file.close();
    const auto found = std::filesystem::status(path).permissions();
    const mode_t mask = umask(0);
    umask(mask);
    CHECK(static_cast<unsigned>(found) == (permissions & ~mask));
  }
}

}  // namespace

TEST_CASE("a new file has the permissions that were asked for") {
  const Folder folder;
  Executor().run(made_with_permissions(folder));
}
TEST_CASE("a device is no file") {
  Executor().run(refuses_devices());
}
TEST_CASE("a pipe is no file, and nobody waits for its other end") {
  const Folder folder;
  Executor().run(refuses_pipes(folder.at("pipe")));
}
TEST_CASE("a file's limit of operations in flight holds") {
  const Folder folder;
  const Written file = written_in(folder);
  Executor().run(never_more_in_flight(file.path));
}
TEST_CASE("close waits for what is under way, and lets nothing begin") {
  const Folder folder;
  const Written file = written_in(folder);
  Executor().run(close_waits_and_bars(file.path));
}
TEST_CASE("files are renamed and removed, and directories synced") {
  const Folder folder;
  Executor().run(names(folder));
}

namespace {

std::string path_of_mistakes;  // in the folder of the parent, who lives to remove it

Task<> misaligned(std::size_t in_memory, std::size_t offset, std::size_t size) {
  DmaArena arena({.bytes = 64 << 10});
  DmaFile file = co_await opened(arena, path_of_mistakes, DmaOpen::create);
  const std::optional<DmaBuffer> block = arena.try_allocate(16'384);
  co_await file.write(block->bytes().subspan(in_memory, size), offset);
}

[[maybe_unused]] Task<> goes_before_its_read() {
  DmaArena arena({.bytes = 64 << 10});
  DmaFile file = co_await opened(arena, path_of_mistakes, DmaOpen::read_only);
  spawn(file.read(0, 4096)).detach();  // it has not begun when the file goes
}

// close() waits for what was asked for, whether it has begun or not.
Task<> closes_at_once(std::string path) {
  DmaArena arena({.bytes = 64 << 10});
  DmaFile file = co_await opened(arena, path, DmaOpen::read_only);
  auto asked_before = spawn(file.read(0, 4096));
  const Result<void> closed = co_await file.close();
  CHECK(closed.has_value());
  const Result<DmaBuffer> got = co_await asked_before;
  // Another version of the module may count what has begun alone.
  if (PERCORE_ALL_OURS) REQUIRE(got.has_value());
  if (got)
    CHECK(got->size() == 4096);
  else
    CHECK(got.error() == std::errc::operation_canceled);
  const Result<DmaBuffer> late = co_await file.read(0, 4096);
  CHECK(late.error() == std::errc::operation_canceled);
}

}  // namespace

TEST_CASE("what was asked for before close() is done; a file that goes with it is a mistake") {
  const Folder folder;
  path_of_mistakes = folder.at("file");
  test::put(path_of_mistakes, noise(10'000));
  Executor().run(closes_at_once(path_of_mistakes));
#if PERCORE_ALL_OURS  // likewise
  CHECK(test::death_of([] {
          Executor().run(goes_before_its_read());
        }).has_a_sentence("while operations on it have not ended"));
#endif
}

TEST_CASE("misaligned writes are mistakes on every filesystem") {
  const Folder folder;
  path_of_mistakes = folder.at("file");
  CHECK(test::death_of([] {
          Executor().run(misaligned(1, 0, 4096));
        }).has_a_sentence("from memory at a multiple"));
  CHECK(test::death_of([] {
          Executor().run(misaligned(0, 100, 4096));
        }).has_a_sentence("at multiples of its alignment_bytes()"));
  CHECK(test::death_of([] {
          Executor().run(misaligned(0, 0, 100));
        }).has_a_sentence("in multiples of its alignment_bytes()"));
}
