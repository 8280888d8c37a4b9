// 06.1 what_is_left: each question is tried on the disk in memory, and power failures in ten ways.

#include "01-hello-world/answers.hpp"

#include <fcntl.h>

#include <array>
#include <functional>
#include <percore/io.hpp>

#include "support.hpp"

using namespace checks;

namespace {

constexpr const char* the_kernel_refuses = "Lesson 06, *What a device demands*";
constexpr const char* the_power_fails = "Lesson 06, *What a sync covers*";

struct Page {
  alignas(4096) std::array<std::byte, 3 * 4096> bytes{};
};

Task<int> opens(const char* path, int flags) {
  io_uring_sqe entry{};
  io_uring_prep_openat(&entry, AT_FDCWD, path, flags, 0644);
  const Result<std::uint32_t> fd = co_await perform(entry);
  require(fd.has_value(), "the check could not open {}", path);
  co_return static_cast<int>(*fd);
}
Task<> closes(int fd) {
  io_uring_sqe entry{};
  io_uring_prep_close(&entry, fd);
  const Result<std::uint32_t> done = co_await perform(entry);
  require(done.has_value(), "the check could not close a file");
}
Task<Result<std::uint32_t>> syncs(int fd, unsigned flags) {
  io_uring_sqe entry{};
  io_uring_prep_fsync(&entry, fd, flags);
  co_return co_await perform(entry);
}

void on_a_disk(Run& run, std::uint64_t crash_at_step = 0) {
  sim::Options options = run.options();
  options.files_in_memory = "/sim";
  options.crash_at_step = crash_at_step;
  run.restart(options);
}

Task<> reads_at(std::size_t place, std::size_t size, std::uint64_t offset,
                Result<std::uint32_t>& got) {
  const auto page = std::make_unique<Page>();
  const int fd = co_await opens("/sim/file", O_RDONLY | O_DIRECT);
  got = co_await percore::read(fd, std::span(page->bytes).subspan(place, size), offset);
  co_await closes(fd);
}
Result<std::uint32_t> read_of(Run& run, std::size_t place, std::size_t size, std::uint64_t offset) {
  on_a_disk(run);
  sim::make_file("/sim/file", std::string(10'000, 'x'));
  Result<std::uint32_t> got = std::uint32_t{0};
  run_on_executor(reads_at(place, size, offset, got));
  return got;
}
std::string is_refused(const Result<std::uint32_t>& got) {
  return yes_or_no(!got && got.error() == system_error(EINVAL));
}

Task<> writes_block(const char* path, int flags, char byte, bool syncs_it) {
  const auto page = std::make_unique<Page>();
  page->bytes.fill(static_cast<std::byte>(byte));
  const int fd = co_await opens(path, flags);
  const auto wrote = co_await percore::write(fd, std::span(page->bytes).first(512), 0);
  require(wrote && *wrote == 512, "the check could not write");
  if (syncs_it) {
    const auto synced = co_await syncs(fd, IORING_FSYNC_DATASYNC);
    require(synced.has_value(), "the check could not sync");
  }
  co_await closes(fd);
}
Task<> replaces() {
  co_await writes_block("/sim/a.part", O_WRONLY | O_CREAT | O_DIRECT, 'n', true);
  io_uring_sqe entry{};
  io_uring_prep_renameat(&entry, AT_FDCWD, "/sim/a.part", AT_FDCWD, "/sim/a", 0);
  const auto renamed = co_await perform(entry);
  require(renamed.has_value(), "the check could not rename");
}
Task<> syncs_twice(bool& second) {
  const auto page = std::make_unique<Page>();
  page->bytes.fill(std::byte{'n'});
  const int fd = co_await opens("/sim/a", O_RDWR | O_DIRECT);
  const auto wrote = co_await percore::write(fd, std::span(page->bytes).first(512), 0);
  require(wrote.has_value(), "the check could not write");
  sim::script({.operation = sim::counts().submitted + 1, .result = -EIO});
  const auto first = co_await syncs(fd, 0);
  require(!first, "the check's sync was to fail");
  const auto again = co_await syncs(fd, 0);
  second = again.has_value();
  co_await closes(fd);
}
Task<> writes_late(int fd, Page& page) {
  const auto wrote = co_await percore::write(fd, std::span(page.bytes).first(512), 0);
  require(wrote.has_value(), "the check could not write");
}
Task<> syncs_beside_a_write() {
  const auto page = std::make_unique<Page>();
  page->bytes.fill(std::byte{'n'});
  const int fd = co_await opens("/sim/a", O_RDWR | O_DIRECT);
  sim::script({.operation = sim::counts().submitted + 1, .delay_nanoseconds = 1'000'000});
  JoinHandle<void> writing = spawn(writes_late(fd, *page));
  co_await yield();
  const auto synced = co_await syncs(fd, 0);
  require(synced.has_value(), "the check could not sync");
  co_await writing;
  co_await closes(fd);
}

struct Left {
  bool always_there = true;
  bool always_whole = true;
  bool always_new = true;
};
/// What is left of a file of 512 bytes after ten ways to survive.
template <typename Root>
Left left_of(Run& run, const char* path, bool old, Root root) {
  Left left;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    on_a_disk(run);
    if (old) sim::make_file("/sim/a", std::string(512, 'o'));
    run_on_executor(root());
    sim::end();
    sim::crash(seed);
    const auto found = sim::file_content(path);
    left.always_there = left.always_there && found.has_value();
    const bool is_new = found && *found == std::string(512, 'n');
    left.always_new = left.always_new && is_new;
    left.always_whole =
        left.always_whole && (is_new || (old && found && *found == std::string(512, 'o')));
  }
  run.restart(run.options());
  return left;
}

}  // namespace

#define ALONE .seeds = 1, .faults = false

PERCORE_CHECK("", offset, "A1", "memory, offset and length are multiples of what the file demands",
              the_kernel_refuses, ALONE) {
  static constexpr Misconception known[] = {
      {"no", "the device moves whole sectors: a read that begins within one is EINVAL"}};
  expect_answer(run, "offset", is_refused(read_of(run, 0, 512, 100)), known, "answer yes or no");
}
PERCORE_CHECK("", length, "A1", "memory, offset and length are multiples of what the file demands",
              the_kernel_refuses, ALONE) {
  static constexpr Misconception known[] = {
      {"no", "the device moves whole sectors: a length that ends within one is EINVAL"}};
  expect_answer(run, "length", is_refused(read_of(run, 0, 700, 0)), known, "answer yes or no");
}
PERCORE_CHECK("", memory, "A1", "memory, offset and length are multiples of what the file demands",
              the_kernel_refuses, ALONE) {
  static constexpr Misconception known[] = {
      {"no", "the device writes into your memory by itself, and wants it aligned too: EINVAL"}};
  expect_answer(run, "memory", is_refused(read_of(run, 8, 512, 0)), known, "answer yes or no");
}
PERCORE_CHECK("", tail, "A2", "fewer bytes at the end of the file alone", the_kernel_refuses,
              ALONE) {
  static constexpr Misconception known[] = {
      {"4096", "the file ends after 10000 bytes, and no read gives what is not there"},
      {"2048", "the last sector is read whole, but the kernel counts only what is in the file"},
      {"0", "there are bytes at 8192: an aligned read may reach beyond the end"}};
  expect_answer(run, "tail", std::to_string(read_of(run, 0, 4096, 8192).value_or(0)), known,
                "10000 bytes, of which the read begins at 8192");
}
PERCORE_CHECK("", beyond, "A2", "no bytes beyond the end of the file", the_kernel_refuses, ALONE) {
  static constexpr Misconception known[] = {
      {"4096", "the file has 10000 bytes, and there is nothing at 12288"}};
  expect_answer(run, "beyond", std::to_string(read_of(run, 0, 4096, 12288).value_or(1)), known,
                "beyond the end a read gives 0, which is no error");
}
PERCORE_CHECK("", padded, "A3", "a padded tail is cut off by truncate()", the_kernel_refuses,
              ALONE) {
  on_a_disk(run);
  run_on_executor(writes_block("/sim/new", O_WRONLY | O_CREAT | O_DIRECT, 'n', false));
  static constexpr Misconception known[] = {
      {"300",
       "300 bytes cannot be written: an aligned write has whole sectors, and the file is as "
       "long as what was written. Somebody must cut the padding off"},
      {"4096", "the device's sectors have 512 bytes, and one is enough for 300"}};
  expect_answer(run, "padded", std::to_string(sim::file_content("/sim/new").value_or("").size()),
                known, "a whole number of sectors of 512 bytes");
}
PERCORE_CHECK("", name, "A5", "that a file was synced does not make its name durable",
              the_power_fails, ALONE) {
  const Left left = left_of(run, "/sim/new", false, [] {
    return writes_block("/sim/new", O_WRONLY | O_CREAT | O_DIRECT, 'n', true);
  });
  static constexpr Misconception known[] = {
      {"yes",
       "its content is on the device, but the name that leads to it is in the directory, "
       "which nobody has synced"}};
  expect_answer(run, "name", yes_or_no(left.always_there), known, "answer yes or no");
}
PERCORE_CHECK("", renamed, "A5", "a rename happens whole or not at all", the_power_fails, ALONE) {
  const Left left = left_of(run, "/sim/a", true, [] { return replaces(); });
  static constexpr Misconception known[] = {
      {"no",
       "a rename is never half done, and what it puts there was synced before: the old file or "
       "the new one"}};
  expect_answer(run, "renamed", yes_or_no(left.always_whole), known, "answer yes or no");
}
PERCORE_CHECK("", newer, "A5", "a rename is durable when the directory was synced", the_power_fails,
              ALONE) {
  const Left left = left_of(run, "/sim/a", true, [] { return replaces(); });
  static constexpr Misconception known[] = {
      {"yes",
       "the rename is a change of the directory, and the directory was not synced: the old "
       "file may come back"}};
  expect_answer(run, "newer", yes_or_no(left.always_new), known, "answer yes or no");
}
PERCORE_CHECK("", again, "A6", "a sync that failed stays failed", the_power_fails, ALONE) {
  bool second = true;
  sim::Options options = run.options();
  const Left left = left_of(run, "/sim/a", true, [&] { return syncs_twice(second); });
  require(second, "the second sync was to succeed");
  static_cast<void>(left);
  static constexpr Misconception known[] = {
      {"yes",
       "the first sync has told of the error, and the kernel holds the pages for clean since: "
       "the second has nothing to write, and succeeds"}};
  expect_answer(run, "again", yes_or_no(left.always_new), known, "answer yes or no");
}
PERCORE_CHECK("", race, "A5", "a sync covers what has completed before it began", the_power_fails,
              ALONE) {
  const Left left = left_of(run, "/sim/a", true, [] { return syncs_beside_a_write(); });
  static constexpr Misconception known[] = {
      {"yes",
       "the ring runs its operations in any order: this sync was over before the write was"}};
  expect_answer(run, "race", yes_or_no(left.always_new), known, "answer yes or no");
}
