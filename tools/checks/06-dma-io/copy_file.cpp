// 06.6 copy_file: copies on a disk in memory, in an arena that holds no more than they need.

#include <initializer_list>
#include <map>

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
  const char* copy = the_copy;
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
      co_await copy_file(arena, the_path, story.copy, "/sim", story.piece, story.at_once);
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

/// The reads of the file that had been given to the device before one of them was done.
std::vector<std::uint64_t> reads_before_one_ended() {
  std::vector<std::uint64_t> reads;
  for (const sim::Event& event : sim::record()) {
    const bool reading = event.opcode == IORING_OP_READ || event.opcode == IORING_OP_READ_FIXED;
    if (event.kind == sim::Event::Kind::submitted && reading) reads.push_back(event.operation);
    if (event.kind == sim::Event::Kind::finished &&
        std::ranges::find(reads, event.operation) != reads.end())
      break;
  }
  return reads;
}

/// What the first of these operations that failed ended with; 0 if none did.
int first_error(const std::vector<std::uint64_t>& operations) {
  for (const sim::Event& event : sim::record())
    if (event.kind == sim::Event::Kind::finished && event.result < 0 &&
        std::ranges::find(operations, event.operation) != operations.end())
      return -event.result;
  return 0;
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

/// How many pieces were under way at most.
std::size_t most_pieces() {
  std::map<std::uint64_t, std::size_t> moved_by;
  std::size_t moving = 0, most = 0;
  for (const sim::Event& event : sim::record()) {
    if (event.kind == sim::Event::Kind::submitted)
      moving += moved_by[event.operation] = pieces_of(event);
    if (event.kind == sim::Event::Kind::finished)
      moving -= std::exchange(moved_by[event.operation], 0);
    most = std::max(most, moving);
  }
  return most;
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

/// The operations of these kinds that the kernel was given; `fd` -1 = of any file.
std::vector<std::uint64_t> operations_of(std::initializer_list<int> opcodes, int fd = -1) {
  std::vector<std::uint64_t> found;
  for (const sim::Event& event : sim::record())
    if (event.kind == sim::Event::Kind::submitted && (fd == -1 || event.fd == fd) &&
        std::ranges::find(opcodes, static_cast<int>(event.opcode)) != opcodes.end())
      found.push_back(event.operation);
  return found;
}

/// The descriptor that the copy was written through; -1 where nothing was.
int descriptor_of_the_copy() {
  for (const sim::Event& event : sim::record())
    if (event.kind == sim::Event::Kind::submitted &&
        (event.opcode == IORING_OP_WRITE || event.opcode == IORING_OP_WRITE_FIXED ||
         event.opcode == IORING_OP_WRITEV))
      return event.fd;
  return -1;
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
  const std::size_t most = most_pieces();
  const std::size_t wanted = std::min(story.at_once, pieces);
  require(most <= story.at_once, "{} pieces may be copied at once, and {} were", story.at_once,
          most);
  require(most >= wanted,
          "{} pieces may be copied at once, there are {}, and at most {} were: "
          "the device waits for the program",
          story.at_once, pieces, most);
  keeps_the_device_busy(story, pieces);
  require(story.tasks_most <= 2 * story.at_once + 6,
          "a file of {} pieces was copied, {} at once, and {} tasks were alive: their number grows "
          "with the file",
          pieces, story.at_once, story.tasks_most);
  // The last piece is not whole: whoever asks whether more comes behind it reads once more.
  const std::size_t reads = operations_of({IORING_OP_READ, IORING_OP_READ_FIXED}).size();
  require(reads <= pieces + 1,
          "a file of {} pieces of {} bytes was read by {} reads: each is to be of a piece, so that "
          "the device is asked as seldom as may be",
          pieces, story.piece, reads);
}

PERCORE_CHECK("", an_error_is_told, "A3", "an error is told, when all has ended", aligned_ranges) {
  Story story = some_story(run);
  const std::string text = noise(run.size(20'000, 150'000), 5);
  sim::Options options = disk_options(run);
  const unsigned kind = static_cast<unsigned>(run.random(4));
  if (kind == 0) options.disk_bytes_max = text.size() + 8'192 + 4'096;
  if (kind == 1) options.sync_error_percent = 50;
  run.restart(options);
  if (kind != 2) sim::make_file(the_path, text);
  if (kind == 3) story.copy = "/sim/nowhere/copy";
  run_on_executor(copies(story));
  const int error = kind == 0 ? ENOSPC : kind == 1 ? EIO : ENOENT;
  const char* const words[] = {"the disk was full", "a sync failed", "there is no such file",
                               "there is no folder for the copy"};
  if (kind == 1 && !a_sync_failed()) return;
  require(!story.result->has_value(), "{}, and copy_file() says that {} bytes were copied",
          words[kind], story.result->value_or(0));
  require(story.result->error() == system_error(error), "{}, and copy_file() gave {}", words[kind],
          error_of(*story.result));
}

PERCORE_CHECK("", the_first_error_is_told, "A3", "of several errors the first is told",
              aligned_ranges, .seeds = 60, .faults = false) {
  Story story = some_story(run);
  story.at_once = run.size(2, 6);
  const std::string text = noise(story.at_once * story.piece, 11);
  sim::Options options = disk_options(run);
  options.inline_percent = 0;
  // The first run shows which reads are with the device at the same time, the second fails two of
  // them.
  run.restart(options);
  sim::make_file(the_path, text);
  run_on_executor(copies(story));
  require(story.result->has_value(), "a copy gave {}, and nothing had failed",
          error_of(*story.result));
  const auto reads = reads_before_one_ended();
  if (reads.size() < 2) return;  // another check speaks of that
  const std::uint64_t one = run.random(reads.size());
  const std::uint64_t other = (one + 1 + run.random(reads.size() - 1)) % reads.size();
  story.result.reset();
  run.restart(options);
  sim::make_file(the_path, text);
  sim::script({.operation = reads[one], .result = -EIO});
  sim::script({.operation = reads[other], .result = -EREMOTEIO});
  run_on_executor(copies(story));
  const int first = first_error(reads);
  require(!story.result->has_value() && story.result->error() == system_error(first),
          "two reads that were under way at once failed, first with \"{}\", then with \"{}\", and "
          "copy_file() gave: {}",
          system_error(first).message(), system_error(first == EIO ? EREMOTEIO : EIO).message(),
          error_of(*story.result));
}

PERCORE_CHECK("", no_error_is_dropped, "A3", "an error is told, whatever it came from",
              aligned_ranges, .seeds = 60, .faults = false) {
  constexpr int op_ftruncate = 55;  // IORING_OP_FTRUNCATE (Linux 6.9)
  Story story = some_story(run);
  const std::string text = noise(run.size(1'000, 60'000), 13);
  sim::Options options = disk_options(run);
  options.watch_descriptors = false;  // a close that gives an error is made up: nothing is closed
  // The first run shows what there is to fail, the second fails one of them.
  run.restart(options);
  sim::make_file(the_path, text);
  run_on_executor(copies(story));
  require(story.result->has_value(), "a copy gave {}, and nothing had failed",
          error_of(*story.result));
  const int copy = descriptor_of_the_copy();
  const auto sizes = operations_of({IORING_OP_STATX});
  const auto cuts = operations_of({op_ftruncate});
  const auto closes = operations_of({IORING_OP_CLOSE}, copy);
  const auto& kind = run.chance(40) ? sizes : run.chance(50) ? cuts : closes;
  if (kind.empty()) return;  // done by a system call: nothing here can fail it
  story.result.reset();
  run.restart(options);
  sim::make_file(the_path, text);
  sim::script({.operation = kind[run.random(kind.size())], .result = -EIO});
  run_on_executor(copies(story));
  if (&kind != &sizes)
    require(!story.result->has_value(),
            "the kernel gave EIO to {}, and copy_file() says that {} bytes were copied",
            &kind == &cuts ? "the truncate that cuts off the padding"
                           : "the close of the copy, by which it says that something was lost",
            story.result->value_or(0));
  if (!story.result->has_value()) {
    require(story.result->error() == system_error(EIO),
            "the kernel gave EIO, and copy_file() gave: {}", error_of(*story.result));
    return;
  }
  // What a file demands may be found out without statx; how long it is may not.
  compare_copy(text);
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
