// 06.4 dma_file, step sync: what is on the device when a sync has said so, and what a close waits
// for.

#include <iterator>

#include "01-hello-world/assertions.hpp"
#include "file_support.hpp"

using namespace checks;

namespace {

/// What happened, for a look after the power has failed.
struct Story {
  Run* run = nullptr;
  unsigned writes = 0;
  unsigned ended = 0;
  DmaFileOptions options;
};

Task<> writes_block(Story& story, DmaFile& file, DmaBuffer block, std::uint64_t offset) {
  const Result<void> done = co_await file.write(block.bytes(), offset);
  if (!done) explain(done.error(), "a write");
  ++story.ended;
}

Task<> looks_at_the_order(DmaArena& arena, Story* story) {
  DmaFile file = co_await opened(arena, DmaOpen::update, story->options);
  std::vector<JoinHandle<void>> writes;
  for (unsigned i = 0; i < story->writes; ++i)
    writes.push_back(
        spawn(writes_block(*story, file, block_of(arena, noise(4096, 10 + i)), i * 4096)));
  co_await yield();
  story->run->waits_for("a sync behind writes that are under way");
  const Result<void> synced = co_await file.fdatasync();
  require(synced.has_value(), "a sync gave {}", error_of(synced));
  // The kernel is given the sync when the last write has come back.
  std::vector<std::uint64_t> in_flight;
  unsigned submitted = 0;
  unsigned finished = 0;
  for (const sim::Event& event : sim::record()) {
    const bool submits = event.kind == sim::Event::Kind::submitted;
    if (submits && event.opcode == IORING_OP_FSYNC) break;
    if (submits && (event.opcode == IORING_OP_WRITE || event.opcode == IORING_OP_WRITE_FIXED)) {
      ++submitted;
      in_flight.push_back(event.operation);
    }
    if (event.kind == sim::Event::Kind::posted)
      finished += static_cast<unsigned>(std::erase(in_flight, event.operation));
  }
  require(submitted == finished,
          "a sync went to the kernel while {} of {} writes that began before it were still under "
          "way: it does not cover them, and says that all is well",
          submitted - finished, submitted);
  require(story->ended == story->writes || finished >= story->writes,
          "a sync went to the kernel before {} of {} writes that began before it",
          story->writes - finished, story->writes);
  for (auto& write : writes) co_await write;
  co_await closed(file);
}

/// The power fails at the first change after all of these writes and the sync.
Task<> syncs_and_loses_power(DmaArena& arena, Story* story) {
  DmaFile file = co_await opened(arena, DmaOpen::update);
  std::vector<JoinHandle<void>> writes;
  for (unsigned i = 0; i < story->writes; ++i) {
    writes.push_back(
        spawn(writes_block(*story, file, block_of(arena, noise(4096, 10 + i)), i * 4096)));
    if (story->run->chance(30)) {
      for (auto& write : writes) co_await write;
      writes.clear();
    }
  }
  co_await yield();
  story->run->waits_for("a sync, behind which the power fails");
  const Result<void> synced = co_await file.fdatasync();
  require(synced.has_value(), "a sync gave {}", error_of(synced));
  require(!sim::crashed(), "a sync took more than one step");
  for (auto& write : writes) co_await write;
  co_await writes_block(*story, file, block_of(arena, noise(4096)), story->writes * 4096);
  co_await closed(file);
}

void look_what_survived(unsigned writes) {
  const std::string found = sim::file_content(the_path).value_or("");
  for (unsigned i = 0; i < writes; ++i)
    require(part_of(found, i * 4096, 4096) == noise(4096, 10 + i),
            "a sync said that all is well, the power failed, and the {}. of {} blocks that were "
            "being written before it is not there",
            i + 1, writes);
}

void fails_next(int opcode, int error) {
  sim::script({.opcode = opcode, .result = -error});
}

/// How many operations of a kind the kernel has been given.
std::size_t given(int opcode) {
  return static_cast<std::size_t>(std::ranges::count_if(sim::record(), [&](const auto& event) {
    return event.kind == sim::Event::Kind::submitted && event.opcode == opcode;
  }));
}

Task<> fails_to_sync(DmaArena& arena, Run* run, unsigned times) {
  DmaFile file = co_await opened(arena, DmaOpen::update);
  const DmaBuffer block = block_of(arena, noise(4096));
  const Result<void> first = co_await file.write(block.bytes(), 0);
  require(first.has_value(), "a write gave {}", error_of(first));
  const int error = run->chance(50) ? EIO : ENOSPC;
  fails_next(IORING_OP_FSYNC, error);
  const Result<void> failed = co_await file.fdatasync();
  require(!failed && failed.error() == system_error(error),
          "the kernel said that a sync failed, and fdatasync() gave {}", error_of(failed));
  for (unsigned i = 0; i < times; ++i) {
    const auto between = run->random(3);
    if (between == 0) {
      const Result<void> written = co_await file.write(block.bytes(), 4096 * run->random(4));
      require(written.has_value(), "a write after a sync that failed gave {}", error_of(written));
    }
    if (between == 1) {
      const Result<void> cut = co_await file.truncate(run->random(20'000));
      require(cut.has_value(), "a truncate after a sync that failed gave {}", error_of(cut));
    }
    const Result<void> again = co_await file.fdatasync();
    require(!again.has_value(),
            "a sync failed, and the next one says that all is well: the kernel has given up what "
            "the first was for, and it is not on the device");
    require(again.error() == system_error(error),
            "a sync failed ({}), and the next one gives {}: it stays what it was",
            system_error(error).message(), error_of(again));
  }
  co_await closed(file);
}

Task<> syncs_beside(DmaFile& file, bool& has_failed, bool& came_later_and_is_well) {
  const Result<void> synced = co_await file.fdatasync();
  if (!synced) has_failed = true;
  if (synced && has_failed) came_later_and_is_well = true;
}

/// Several syncs at the same time, of which the first fails.
Task<> fails_beside_others(DmaArena& arena, unsigned others) {
  DmaFile file = co_await opened(arena, DmaOpen::update);
  const DmaBuffer block = block_of(arena, noise(4096));
  const Result<void> written = co_await file.write(block.bytes(), 0);
  require(written.has_value(), "a write gave {}", error_of(written));
  fails_next(IORING_OP_FSYNC, EIO);
  bool has_failed = false;
  bool came_later_and_is_well = false;
  std::vector<JoinHandle<void>> syncs;
  for (unsigned i = 0; i <= others; ++i)
    syncs.push_back(spawn(syncs_beside(file, has_failed, came_later_and_is_well)));
  for (auto& sync : syncs) co_await sync;
  require(has_failed, "the kernel said that a sync failed, and no fdatasync() said so");
  require(!came_later_and_is_well,
          "two syncs were under way, one failed, and the other one then says that all is well: "
          "what the first gave up was for both");
  co_await closed(file);
}

/// One write behind the other, for as long as a sync has not come.
Task<> writes_until(DmaFile& file, std::span<const std::byte> bytes, std::uint64_t offset,
                    const bool& synced, unsigned& written) {
  while (!synced && written < 200) {
    const Result<void> done = co_await file.write(bytes, offset);
    if (!done) explain(done.error(), "a write");
    ++written;
  }
}
/// A sync is for what began before it. There is always a write under way.
Task<> syncs_beside_writes_without_end(DmaArena& arena, Run* run) {
  DmaFile file = co_await opened(arena, DmaOpen::update);
  const DmaBuffer block = block_of(arena, noise(4096));
  bool synced = false;
  unsigned written = 0;
  std::vector<JoinHandle<void>> writes;
  for (unsigned i = 0; i < 3; ++i)
    writes.push_back(spawn(writes_until(file, block.bytes(), i * 4096, synced, written)));
  co_await yield();
  run->waits_for("a sync beside writes, of which new ones begin without end");
  const Result<void> done = co_await file.fdatasync();
  require(done.has_value(), "a sync gave {}", error_of(done));
  synced = true;
  require(written < 200,
          "a sync came when 200 writes had come and gone that began after it: it waits for those "
          "that began before, and no others");
  for (auto& write : writes) co_await write;
  co_await closed(file);
}

Task<> syncs_block(DmaFile& file, bool& ended) {
  const Result<void> done = co_await file.fdatasync();
  require(done.has_value(), "a sync that was under way when the file was closed gave {}",
          error_of(done));
  ended = true;
}

/// The first sync takes long. What is written meanwhile is for the second.
Task<> syncs_while_another_does(DmaArena& arena, Run* run) {
  DmaFile file = co_await opened(arena, DmaOpen::update);
  const DmaBuffer block = block_of(arena, noise(4096));
  run->waits_for("a write and a sync beside a sync that takes long");
  const Result<void> at_first = co_await file.write(block.bytes(), 4096);
  require(at_first.has_value(), "a write gave {}", error_of(at_first));
  bool first_ended = false;
  sim::script({.opcode = IORING_OP_FSYNC, .delay_nanoseconds = 50'000'000});
  JoinHandle<void> first = spawn(syncs_block(file, first_ended));
  for (;;) {
    if (given(IORING_OP_FSYNC) != 0 || first_ended) break;
    co_await yield();
  }
  require(!first_ended, "a file was written and synced, and the kernel was given no sync");
  const Result<void> written = co_await file.write(block.bytes(), 0);
  require(written.has_value(), "a write gave {}", error_of(written));
  const std::size_t before = given(IORING_OP_FSYNC);
  const Result<void> second = co_await file.fdatasync();
  require(second.has_value(), "a sync gave {}", error_of(second));
  require(given(IORING_OP_FSYNC) > before,
          "a sync was under way, a write came, and a second sync took the first one's answer: the "
          "first does not cover the write");
  co_await first;
  co_await closed(file);
}

/// Not only a write is something to sync.
Task<> syncs_what_is_no_write(DmaArena& arena) {
  DmaFile file = co_await opened(arena, DmaOpen::update);
  const auto demands = [](std::size_t before, const char* after) {
    require(given(IORING_OP_FSYNC) > before,
            "{} was followed by fdatasync(), and the kernel was given no sync", after);
  };
  const Result<void> cut = co_await file.truncate(5'000);
  require(cut.has_value(), "a truncate gave {}", error_of(cut));
  std::size_t before = given(IORING_OP_FSYNC);
  const Result<void> behind_cut = co_await file.fdatasync();
  require(behind_cut.has_value(), "a sync gave {}", error_of(behind_cut));
  demands(before, "a truncate");
  const Result<void> reserved = co_await file.preallocate(20'000);
  require(reserved.has_value(), "a preallocate gave {}", error_of(reserved));
  before = given(IORING_OP_FSYNC);
  const Result<void> behind_room = co_await file.fdatasync();
  require(behind_room.has_value(), "a sync gave {}", error_of(behind_room));
  demands(before, "a preallocate");
  co_await closed(file);
}

Task<> reads_block(DmaFile& file, bool& ended) {
  const Result<DmaBuffer> got = co_await file.read(100, 9'000);
  require(got.has_value(), "a read that was under way when the file was closed gave {}",
          error_of(got));
  ended = true;
}
Task<> reads_into_block(DmaFile& file, bool& ended) {
  std::vector<std::byte> out(50'000);
  const Result<std::size_t> got = co_await file.read_into(out, 100);
  require(got.has_value(), "a read_into() that was under way when the file was closed gave {}",
          error_of(got));
  ended = true;
}
Task<> reads_many_blocks(DmaFile& file, bool& ended) {
  const std::vector<DmaRange> ranges = {{.offset = 0, .size = 100},
                                        {.offset = 30'000, .size = 100}};
  const std::vector<Result<DmaBuffer>> got = co_await file.read_many(ranges);
  for (const auto& one : got)
    require(one.has_value(), "a read_many() that was under way when the file was closed gave {}",
            error_of(one));
  ended = true;
}
Task<> cuts_block(DmaFile& file, bool& ended) {
  const Result<void> done = co_await file.truncate(100'000);
  require(done.has_value(), "a truncate that was under way when the file was closed gave {}",
          error_of(done));
  ended = true;
}
Task<> closes_behind(DmaArena& arena, Story* story) {
  DmaFile file = co_await opened(arena, DmaOpen::update);
  bool read_ended = false, read_into_ended = false, many_ended = false;
  bool sync_ended = false, cut_ended = false;
  JoinHandle<void> many = spawn(reads_many_blocks(file, many_ended));
  JoinHandle<void> read = spawn(reads_block(file, read_ended));
  JoinHandle<void> read_into = spawn(reads_into_block(file, read_into_ended));
  std::vector<JoinHandle<void>> writes;
  for (unsigned i = 0; i < story->writes; ++i)
    writes.push_back(
        spawn(writes_block(*story, file, block_of(arena, noise(4096, 10 + i)), i * 4096)));
  JoinHandle<void> sync = spawn(syncs_block(file, sync_ended));
  JoinHandle<void> cut = spawn(cuts_block(file, cut_ended));
  co_await yield();
  story->run->waits_for("a close behind reads and writes that are under way");
  const Result<void> done = co_await file.close();
  require(done.has_value(), "a close gave {}", error_of(done));
  const unsigned reads = (read_ended ? 0 : 1) + (read_into_ended ? 0 : 1) + (many_ended ? 0 : 1);
  require(reads == 0 && story->ended == story->writes,
          "a file was closed while {} writes and {} reads were under way: their descriptor may be "
          "another file's by now",
          story->writes - story->ended, reads);
  require(sync_ended && cut_ended,
          "a file was closed while a {} was under way: its descriptor may be another file's by now",
          sync_ended ? "truncate" : "sync");
  const auto turned_away = [](const char* what, std::error_code got) {
    require(got == system_error(ECANCELED), "a {} after close() gives ECANCELED, and this gave {}",
            what, got ? got.message() : std::string("no error"));
  };
  const auto of = [](const auto& result) { return result ? std::error_code() : result.error(); };
  const DmaBuffer block = block_of(arena, noise(4096));
  const Result<DmaBuffer> late_read = co_await file.read(0, 1);
  turned_away("read", of(late_read));
  std::vector<std::byte> out(8192);
  const Result<std::size_t> late_read_into = co_await file.read_into(out, 1);
  turned_away("read_into", of(late_read_into));
  const std::vector<DmaRange> ranges = {{.offset = 0, .size = 10}};
  const std::vector<Result<DmaBuffer>> late_many = co_await file.read_many(ranges);
  require(late_many.size() == 1, "1 range gave {} results", late_many.size());
  turned_away("read_many", of(late_many.front()));
  const Result<void> late_room = co_await file.preallocate(1 << 20);
  turned_away("preallocate", of(late_room));
  const Result<std::uint64_t> late_size = co_await file.size();
  turned_away("size()", of(late_size));
  const Result<void> late_write = co_await file.write(block.bytes(), 0);
  turned_away("write", of(late_write));
  const Result<void> late_sync = co_await file.fdatasync();
  turned_away("sync", of(late_sync));
  const Result<void> late_cut = co_await file.truncate(0);
  turned_away("truncate", of(late_cut));
  co_await read;
  co_await read_into;
  co_await many;
  co_await sync;
  co_await cut;
  for (auto& write : writes) co_await write;
}

Task<> fails_to_close(DmaArena& arena, int error) {
  DmaFile file = co_await opened(arena, DmaOpen::update);
  const std::size_t before = given(IORING_OP_CLOSE);
  fails_next(IORING_OP_CLOSE, error);
  const Result<void> done = co_await file.close();
  const std::size_t times = given(IORING_OP_CLOSE) - before;
  require(times != 0,
          "close() did not go through the ring: what it waits for at the device would hold up the "
          "executor");
  require(
      times == 1,
      "a close gave \"{}\", and the kernel was asked {} times: the descriptor is free, whatever "
      "a close gives, and may be another file's by now",
      system_error(error).message(), times);
  require(!done && done.error() == system_error(error),
          "the kernel said at the close that something was lost ({}), and close() gave {}",
          system_error(error).message(), error_of(done));
}

Task<> closes_twice() {
  DmaArena arena({.bytes = 1 << 16});
  DmaFile file = co_await opened(arena, DmaOpen::update);
  co_await closed(file);
  const Result<void> again = co_await file.close();
  static_cast<void>(again);
}

Task<> cuts_behind(DmaArena& arena, Story* story, std::uint64_t size) {
  DmaFile file = co_await opened(arena, DmaOpen::update);
  std::vector<JoinHandle<void>> writes;
  for (unsigned i = 0; i < story->writes; ++i)
    writes.push_back(
        spawn(writes_block(*story, file, block_of(arena, noise(4096, 10 + i)), i * 4096)));
  co_await yield();
  story->run->waits_for("a truncate behind writes that are under way");
  const Result<void> cut = co_await file.truncate(size);
  require(cut.has_value(), "a truncate gave {}", error_of(cut));
  for (auto& write : writes) co_await write;
  const Result<std::uint64_t> found = co_await file.size();
  require(found && *found == size,
          "a file was cut to {} bytes behind {} writes, and has {}: one that had begun before came "
          "after",
          size, story->writes, found ? *found : 0);
  co_await closed(file);
}

/// What is in a directory, and what the kernel says of it.
Task<> names_files() {
  const auto demands = [](const char* what, const Result<void>& got, int error) {
    if (error == 0)
      require(got.has_value(), "{} gave {}", what, error_of(got));
    else
      require(!got && got.error() == system_error(error), "{} gives \"{}\", and this gave {}", what,
              system_error(error).message(), error_of(got));
  };
  sim::make_file("/sim/new", noise(5'000, 2));
  const Result<void> renamed = co_await rename_file("/sim/new", the_path);
  demands("rename_file() of a file to the name of another", renamed, 0);
  require(!sim::file_content("/sim/new") && sim::file_content(the_path) == noise(5'000, 2),
          "a file was renamed to the name of another: its old name is gone then, and the other one "
          "is what it was");
  const Result<void> not_there = co_await rename_file("/sim/new", the_path);
  demands("rename_file() of a file that is not there", not_there, ENOENT);
  const std::size_t before = given(IORING_OP_FSYNC);
  const Result<void> synced = co_await sync_directory("/sim");
  demands("sync_directory()", synced, 0);
  require(given(IORING_OP_FSYNC) != before,
          "sync_directory() said that all is well, and the kernel was given no sync");
  fails_next(IORING_OP_FSYNC, EIO);
  const Result<void> failed = co_await sync_directory("/sim");
  demands("sync_directory() whose sync fails", failed, EIO);
  const Result<void> no_directory = co_await sync_directory("/sim/none");
  demands("sync_directory() of what is not there", no_directory, ENOENT);
  const Result<void> a_file = co_await sync_directory(the_path);
  require(!a_file, "sync_directory() of a file is an error, and it said that all is well");
  const Result<void> removed = co_await remove_file(the_path);
  demands("remove_file()", removed, 0);
  require(!sim::file_content(the_path),
          "remove_file() said that all is well, and the file is there");
  const Result<void> once_more = co_await remove_file(the_path);
  demands("remove_file() of a file that is not there", once_more, ENOENT);
}

/// Files that nobody closes, and opens that come to nothing once there is a descriptor.
Task<> leaves_open(DmaArena& arena) {
  {
    const DmaFile unused = co_await opened(arena, DmaOpen::read_only);
    DmaFile moved = co_await opened(arena, DmaOpen::update);
    moved = co_await opened(arena, DmaOpen::read_only);
  }
  const Result<DmaFile> folder = co_await DmaFile::open(arena, "/sim", DmaOpen::read_only);
  require(!folder && folder.error() == system_error(EISDIR),
          "a directory is EISDIR, and this gave {}", error_of(folder));
}

Task<> demands_too_much(DmaArena& arena) {
  const Result<DmaFile> file = co_await DmaFile::open(arena, the_path, DmaOpen::update);
  require(!file && file.error() == system_error(EOPNOTSUPP),
          "a file that demands multiples of 8192 bytes, more than a granule of the arena, is "
          "EOPNOTSUPP, and this gave {}",
          error_of(file));
}

void prepare(Run& run, bool at_once) {
  sim::Options options = disk_options(run);
  if (!at_once) options.inline_percent = 0;
  run.restart(options);
  sim::make_file(the_path, noise(12'000));
}

}  // namespace

PERCORE_CHECK("sync", a_sync_covers_what_began_before, "A5",
              "a sync covers every write that began before it: it waits for those under way",
              what_a_sync_covers) {
  prepare(run, run.chance(20));
  Story story{.run = &run, .writes = run.size(1, 12)};
  // A write that waits for its place has begun, too.
  if (run.chance(40)) story.options.in_flight_max = static_cast<unsigned>(1 + run.random(3));
  run_on_executor(with_arena(1 << 20, looks_at_the_order, &story));
}

PERCORE_CHECK("sync", what_was_synced_survives, "A5",
              "a sync covers every write that began before it", what_a_sync_covers,
              .faults = false) {
  Story story{.run = &run, .writes = run.size(1, 12)};
  sim::Options options = disk_options(run);
  if (run.chance(80)) options.inline_percent = 0;
  options.crash_at_step = story.writes + 2;  // each write is a change, and the sync
  run.restart(options);
  sim::make_file(the_path, noise(12'000));
  run_on_executor(with_arena(1 << 20, syncs_and_loses_power, &story));
  sim::end();
  sim::crash(0);
  look_what_survived(story.writes);
  run.restart(run.options());
}

PERCORE_CHECK("sync", a_sync_does_not_starve, "A5",
              "a sync waits for the writes that began before it, and for no others",
              what_a_sync_covers, .seeds = 20, .faults = false) {
  prepare(run, false);
  run_on_executor(with_arena(1 << 16, syncs_beside_writes_without_end, &run));
}

PERCORE_CHECK("sync", each_sync_is_its_own, "A5",
              "a sync covers every write that began before it, also while another is under way",
              what_a_sync_covers, .seeds = 10, .faults = false) {
  prepare(run, false);
  run_on_executor(with_arena(1 << 16, syncs_while_another_does, &run));
}

PERCORE_CHECK("sync", not_only_writes_are_synced, "A5",
              "what was written, and the file's size, are on the device", what_a_sync_covers,
              .seeds = 5, .faults = false) {
  prepare(run, true);
  run_on_executor(with_arena(1 << 16, syncs_what_is_no_write));
}

PERCORE_CHECK("sync", a_failed_sync_stays_failed, "A6",
              "a sync that failed stays failed: no later one may say that all is well",
              what_a_sync_covers, .faults = false) {
  prepare(run, true);
  run_on_executor(with_arena(1 << 16, fails_to_sync, &run, run.size(1, 5)));
}

PERCORE_CHECK("sync", one_of_two_syncs_fails, "A6",
              "a sync that failed stays failed: no later one may say that all is well",
              what_a_sync_covers, .faults = false) {
  prepare(run, true);
  run_on_executor(with_arena(1 << 16, fails_beside_others, run.size(1, 3)));
}

PERCORE_CHECK("sync", a_close_waits, "A8",
              "after close() nothing begins; it waits for what is under way", under_way) {
  prepare(run, run.chance(20));
  sim::make_file(the_path, noise(60'000));  // more than a piece of a read_into()
  Story story{.run = &run, .writes = run.size(0, 8)};
  run_on_executor(with_arena(1 << 17, closes_behind, &story));
}

PERCORE_CHECK("sync", a_close_reports, "A8", "it reports what the kernel says at the end",
              under_way, .seeds = 20, .faults = false) {
  sim::Options options = disk_options(run);
  options.watch_descriptors = false;  // the kernel's answer is made up, and nothing was closed
  run.restart(options);
  sim::make_file(the_path, noise(12'000));
  const int errors[] = {EIO, ENOSPC, EINTR};
  run_on_executor(with_arena(1 << 16, fails_to_close, errors[run.random(std::size(errors))]));
}

PERCORE_CHECK("sync", names, "A5",
              "rename_file(), remove_file(), and sync_directory(), which names are on the device",
              what_a_sync_covers, .seeds = 20, .faults = false) {
  prepare(run, run.chance(50));
  run_on_executor(names_files());
}

PERCORE_CHECK("sync", no_descriptor_is_left, "A8",
              "a file that is destroyed is closed; so is one whose open comes to nothing",
              under_way, .seeds = 20, .faults = false) {
  prepare(run, run.chance(50));
  run_on_executor(with_arena(1 << 16, leaves_open));
  sim::Options options = disk_options(run);
  options.disk_sector_bytes = 8192;
  run.restart(options);
  sim::make_file(the_path, noise(12'000));
  run_on_executor(with_arena(1 << 16, demands_too_much));
}

PERCORE_CHECK("sync", closed_once, "A8", "a second close is a programmer's mistake", under_way,
              .seeds = 1, .faults = false) {
  sim::Options options = disk_options(run);
  options.allow_unfinished = true;
  run.restart(options);
  sim::make_file(the_path, noise(12'000));
  require(ends_the_program([] { run_and_leave(closes_twice()); }),
          "a file was closed twice, and the program went on: its descriptor may be another file's "
          "by now");
}

PERCORE_CHECK("sync", a_cut_comes_after_the_writes, "A5",
              "a truncate waits for writes that began "
              "before",
              what_a_sync_covers) {
  prepare(run, run.chance(20));
  Story story{.run = &run, .writes = run.size(1, 10)};
  run_on_executor(with_arena(1 << 20, cuts_behind, &story, run.random(40'000)));
}
