// 06.6 copy_file: copies on a disk in memory, in an arena that holds no more than they need.

#include "file_support.hpp"

percore::Task<percore::Result<std::uint64_t>> copy_file(percore::DmaArena& arena, std::string from,
                                                        std::string to, std::string directory,
                                                        std::size_t piece_bytes, unsigned at_once);

using namespace checks;

namespace {

constexpr const char* the_copy = "/sim/copy";

struct Story {
  Run* run = nullptr;
  std::size_t piece = 0;
  unsigned at_once = 0;
  std::optional<Result<std::uint64_t>> result;
  bool had_power = false;
  std::size_t tasks_most = 0;
};

/// Looks again and again how many tasks there are, while the copy runs.
Task<> counts_tasks(Story& story) {
  while (!story.result && !Executor::current().ending()) {
    story.tasks_most = std::max(story.tasks_most, Executor::current().tasks_alive());
    io_uring_sqe entry{};
    io_uring_prep_nop(&entry);
    const auto done = co_await perform(entry);
    static_cast<void>(done);
  }
}
Task<> copies(Story& story) {
  DmaArena arena({.bytes = story.at_once * story.piece});
  story.run->waits_for("a copy, in an arena that holds as many pieces as it may copy at once");
  Result<std::uint64_t> result =
      co_await copy_file(arena, the_path, the_copy, "/sim", story.piece, story.at_once);
  story.had_power = !sim::crashed();
  story.result = result;
  require(arena.free_bytes() == arena.size_bytes(),
          "copy_file() has ended, and {} bytes of the arena are taken",
          arena.size_bytes() - arena.free_bytes());
}
Task<> copies_and_counts(Story& story) {
  JoinHandle<void> counting = spawn(counts_tasks(story));
  co_await copies(story);
  co_await counting;
}

Story some_story(Run& run) {
  return {.run = &run, .piece = dma_granule_bytes * (1 + run.random(4)), .at_once = run.size(1, 6)};
}

bool a_sync_failed() {
  std::vector<std::uint64_t> syncs;
  for (const sim::Event& event : sim::record()) {
    if (event.kind == sim::Event::Kind::submitted && event.opcode == IORING_OP_FSYNC)
      syncs.push_back(event.operation);
    if (event.kind == sim::Event::Kind::finished && event.result < 0 &&
        std::ranges::find(syncs, event.operation) != syncs.end())
      return true;
  }
  return false;
}

/// How many pieces an operation moves: writes that lie one behind the other may be made one.
std::size_t pieces_of(const sim::Event& event) {
  switch (event.opcode) {
    case IORING_OP_WRITEV:
      return event.length;
    case IORING_OP_READ:
    case IORING_OP_READ_FIXED:
    case IORING_OP_WRITE:
    case IORING_OP_WRITE_FIXED:
      return 1;
    default:
      return 0;
  }
}

/// Whenever the program slept, so many pieces were under way as may be, unless all had begun.
void keeps_the_device_busy(const Story& story, unsigned pieces) {
  std::map<std::uint64_t, std::size_t> moved_by;  // operations under way
  std::size_t moving = 0;
  unsigned begun = 0;
  for (const sim::Event& event : sim::record()) {
    if (event.kind == sim::Event::Kind::submitted) {
      moving += moved_by[event.operation] = pieces_of(event);
      if (event.opcode == IORING_OP_READ || event.opcode == IORING_OP_READ_FIXED) ++begun;
    }
    if (event.kind == sim::Event::Kind::finished)
      moving -= std::exchange(moved_by[event.operation], 0);
    if (event.kind == sim::Event::Kind::slept && begun >= story.at_once && begun < pieces)
      require(moving >= story.at_once,
              "{} pieces may be copied at once, {} of {} had begun, and the program slept with {} "
              "under way: the next begins as soon as one is done, not when all are",
              story.at_once, begun, pieces, moving);
  }
}

void compare_copy(const std::string& text) {
  const std::string copy = sim::file_content(the_copy).value_or("");
  require(copy.size() >= text.size(), "a file of {} bytes was copied, and the copy has {}",
          text.size(), copy.size());
  require(copy.size() == text.size(),
          "a file of {} bytes was copied, and the copy has {}: whoever pads the tail cuts it off",
          text.size(), copy.size());
  const std::size_t at = first_difference(copy, text);
  require(copy == text, "byte {} of {} of the copy is another one than the file has", at,
          text.size());
}

}  // namespace

PERCORE_CHECK("", the_copy_is_the_same, "A3",
              "a write is whole; the padding of the tail is cut off", aligned_ranges) {
  Story story = some_story(run);
  const std::string text = noise(run.size(0, 150'000), run.seed() + 1);
  sim::Options options = disk_options(run);
  options.disk_sector_bytes = some_sector(run);
  // Then an open needs memory of the arena for a moment, to see what the file demands.
  if (story.at_once * story.piece >= 2 * dma_granule_bytes && run.chance(30))
    options.direct_io = sim::DirectIo::untold;
  run.restart(options);
  sim::make_file(the_path, text);
  if (run.chance(50)) sim::make_file(the_copy, noise(run.random(200'000), 99));
  run_on_executor(copies(story));
  require(story.result->has_value(), "a copy gave {}, and nothing had failed",
          error_of(*story.result));
  require(**story.result == text.size(), "{} bytes were copied, and copy_file() says {}",
          text.size(), **story.result);
  compare_copy(text);
}

PERCORE_CHECK("", so_many_pieces_at_once, "A7",
              "so many pieces at once as may be, and tasks do not grow with the file", under_way,
              .seeds = 60, .faults = false) {
  Story story = some_story(run);
  const unsigned pieces = run.size(1, 60);
  const std::string text = noise(pieces * story.piece - run.random(2'000), 3);
  sim::Options options = disk_options(run);
  options.inline_percent = 0;
  run.restart(options);
  sim::make_file(the_path, text);
  run_on_executor(copies_and_counts(story));
  require(story.result->has_value(), "a copy gave {}", error_of(*story.result));
  const std::uint64_t most = sim::counts().in_flight_max;  // one is the count's own
  const std::uint64_t wanted = std::min(story.at_once, pieces);
  require(most <= story.at_once + 1ULL, "{} pieces may be copied at once, and {} were",
          story.at_once, most - 1);
  require(most >= wanted + 1,
          "{} pieces may be copied at once, there are {}, and at most {} were: "
          "the device waits for the program",
          story.at_once, pieces, most - 1);
  keeps_the_device_busy(story, pieces);
  require(story.tasks_most <= 2 * story.at_once + 6,
          "a file of {} pieces was copied, {} at once, and {} tasks were alive: their number grows "
          "with the file",
          pieces, story.at_once, story.tasks_most);
}

PERCORE_CHECK("", an_error_is_told, "A3", "an error is told, when all has ended", aligned_ranges) {
  Story story = some_story(run);
  const std::string text = noise(run.size(20'000, 150'000), 5);
  sim::Options options = disk_options(run);
  const unsigned kind = static_cast<unsigned>(run.random(3));
  if (kind == 0) options.disk_bytes_max = text.size() + 8'192 + 4'096;
  if (kind == 1) options.sync_error_percent = 50;
  run.restart(options);
  if (kind != 2) sim::make_file(the_path, text);
  run_on_executor(copies(story));
  const int error = kind == 0 ? ENOSPC : kind == 1 ? EIO : ENOENT;
  const char* const words[] = {"the disk was full", "a sync failed", "there is no such file"};
  if (kind == 1 && !a_sync_failed()) return;
  require(!story.result->has_value(), "{}, and copy_file() says that {} bytes were copied",
          words[kind], story.result->value_or(0));
  require(story.result->error() == system_error(error), "{}, and copy_file() gave {}", words[kind],
          error_of(*story.result));
}

PERCORE_CHECK("", what_was_copied_survives, "A5",
              "when it says so, the copy would be there after a power failure",
              what_a_sync_covers) {
  Story story = some_story(run);
  const std::string text = noise(run.size(1, 60'000), 7);
  sim::Options options = disk_options(run);
  run.restart(options);
  sim::make_file(the_path, text);
  run_on_executor(copies(story));
  require(story.result->has_value(), "a copy gave {}", error_of(*story.result));
  sim::end();
  sim::crash(0);
  const auto found = sim::file_content(the_copy);
  require(found.has_value(),
          "copy_file() said that all is copied, the power failed, and the copy has no name: the "
          "directory was not synced");
  require(*found == text,
          "copy_file() said that {} bytes are copied, the power failed, and the copy {}",
          text.size(),
          found->size() == text.size() ? std::string("has other bytes")
                                       : percore::check::say("has {}", found->size()));
  run.restart(run.options());
}
