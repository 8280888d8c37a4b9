// 06.3 what_is_left: each question is tried on the disk in memory, and power failures in ten ways.

#include "by_hand.hpp"

using namespace checks;

namespace {

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

PERCORE_CHECK("", name, "A5", "that a file was synced does not make its name durable",
              what_a_sync_covers, .seeds = 1, .faults = false) {
  const Left left = left_of(run, "/sim/new", false, [] {
    return writes_block("/sim/new", O_WRONLY | O_CREAT | O_DIRECT, 'n', true);
  });
  static constexpr Misconception known[] = {
      {"yes",
       "its content is on the device, but the name that leads to it is in the directory, "
       "which nobody has synced"}};
  expect_answer(run, "name", yes_or_no(left.always_there), known, "answer yes or no");
}
PERCORE_CHECK("", renamed, "A5", "a rename happens whole or not at all", what_a_sync_covers,
              .seeds = 1, .faults = false) {
  const Left left = left_of(run, "/sim/a", true, [] { return replaces(); });
  static constexpr Misconception known[] = {
      {"no",
       "a rename is never half done, and what it puts there was synced before: the old file or "
       "the new one"}};
  expect_answer(run, "renamed", yes_or_no(left.always_whole), known, "answer yes or no");
}
PERCORE_CHECK("", newer, "A5", "a rename is durable when the directory was synced",
              what_a_sync_covers, .seeds = 1, .faults = false) {
  const Left left = left_of(run, "/sim/a", true, [] { return replaces(); });
  static constexpr Misconception known[] = {
      {"yes",
       "the rename is a change of the directory, and the directory was not synced: the old "
       "file may come back"}};
  expect_answer(run, "newer", yes_or_no(left.always_new), known, "answer yes or no");
}
PERCORE_CHECK("", again, "A6", "a sync that failed stays failed", what_a_sync_covers, .seeds = 1,
              .faults = false) {
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
PERCORE_CHECK("", race, "A5", "a sync covers what has completed before it began",
              what_a_sync_covers, .seeds = 1, .faults = false) {
  const Left left = left_of(run, "/sim/a", true, [] { return syncs_beside_a_write(); });
  static constexpr Misconception known[] = {
      {"yes",
       "the ring runs its operations in any order: this sync was over before the write was"}};
  expect_answer(run, "race", yes_or_no(left.always_new), known, "answer yes or no");
}
