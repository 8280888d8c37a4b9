// 06.5 append_log: what was reported as saved is there after a power failure.

#include <append_log.hpp>

#include "file_support.hpp"

using namespace checks;

namespace {

constexpr const char* the_log = "/sim/log";

struct Story {
  Run* run = nullptr;
  unsigned records = 0;
  bool made = false;      // create() said so while there was power
  unsigned told = 0;      // records that append() has said are saved, while there was power
  unsigned appended = 0;  // records that append() took
  bool failed = false;    // an append() has failed
  std::optional<unsigned> after_error;  // the first record said to be saved after that
  std::string first_error;
  bool may_fail = false;  // the disk has bad moments
};

std::string record_of(unsigned number, std::uint64_t seed) {
  return percore::check::say("{}:", number) +
         noise(1 + (number * 37 + seed * 11) % 700, number + 1);
}

Task<> keeps_a_log(DmaArena& arena, Story* story) {
  Result<AppendLog> log = co_await AppendLog::create(arena, "/sim", "log");
  if (!log) {
    story->failed = true;
    require(story->may_fail, "create() gave {}, and nothing had failed", error_of(log));
    co_return;
  }
  story->made = !sim::crashed();
  for (unsigned i = 0; i < story->records; ++i) {
    story->run->operation(i);
    const Result<void> saved = co_await log->append(record_of(i, story->run->seed()));
    if (!saved) {
      if (!story->failed) story->first_error = error_of(saved);
      story->failed = true;
      continue;
    }
    if (story->failed) {
      // Told in look(), after what was lost before the error: that says more.
      if (!story->after_error) story->after_error = i;
      continue;
    }
    ++story->appended;
    if (!sim::crashed()) story->told = i + 1;
  }
  const Result<void> closed = co_await log->close();
  static_cast<void>(closed);
}

/// The log after the power failure: of the records that were told, the first that is missing.
void look(const Story& story, const char* when) {
  const std::optional<std::string> content = sim::file_content(the_log);
  if (!content) {
    require(!story.made,
            "create() said that the log is there, the power failed, and the file has no name: its "
            "content was synced, and not the directory that leads to it");
    return;
  }
  std::vector<std::string> lines;
  std::string line;
  for (const char byte : *content) {
    if (byte == '\n') {
      lines.push_back(std::exchange(line, {}));
    } else if (byte != '\0') {
      line += byte;
    }
  }
  for (unsigned i = 0; i < story.told; ++i)
    require(i < lines.size() && lines[i] == record_of(i, story.run->seed()),
            "append() said that record {} is saved, {}, and it is not in the log ({} of {} records "
            "told are)",
            i, when, std::min<std::size_t>(i, lines.size()), story.told);
  require(!story.after_error,
          "append() gave an error for one record ({}) and says that record {} is saved, with all "
          "before it",
          story.first_error, story.after_error.value_or(0));
}

/// Runs until the power fails at `step`, and looks at what `survival` left.
void run_and_crash(Run& run, sim::Options options, std::uint64_t step, std::uint64_t survival,
                   Story& story, const char* when) {
  options.crash_at_step = step;
  run.restart(options);
  run_on_executor(with_arena(1 << 16, keeps_a_log, &story));
  sim::end();
  sim::crash(survival);
  look(story, when);
  run.restart(run.options());
}

}  // namespace

PERCORE_CHECK("", the_log_has_a_name, "A5",
              "that a file was synced does not make its name durable: sync the directory",
              what_a_sync_covers, .seeds = 20, .faults = false) {
  Story story{.run = &run, .records = run.size(0, 3)};
  // Each change that comes after the name: its own sync, or the directory's, and each write.
  run_and_crash(run, disk_options(run), 3 + run.random(2), 0, story, "the power failed");
}

PERCORE_CHECK("", what_was_told_is_there, "A5",
              "a sync covers every write that began before it, and no other", what_a_sync_covers,
              .faults = false) {
  Story story{.run = &run, .records = run.size(1, 20)};
  sim::Options options = disk_options(run);
  options.inline_percent = 0;
  const std::uint64_t step = run.chance(30) ? 0 : 3 + run.random(2 * story.records + 2);
  run_and_crash(run, options, step, run.random(4), story, "the power failed");
}

PERCORE_CHECK("", a_failed_sync_is_told, "A6",
              "a sync that failed stays failed, on a new descriptor too", what_a_sync_covers) {
  Story story{.run = &run, .records = run.size(1, 20), .may_fail = true};
  sim::Options options = disk_options(run);
  options.sync_error_percent = 5;  // seldom two in a row: one that is tried again is no error
  run_and_crash(run, options, 0, 0, story, "the disk had a bad moment at a sync");
}

PERCORE_CHECK("", a_full_disk_is_told, "A3", "a write is whole, or an error", aligned_ranges) {
  Story story{.run = &run, .records = run.size(1, 30), .may_fail = true};
  sim::Options options = disk_options(run);
  options.no_space_percent = 15;  // now and then: a record may find room after one that did not
  run_and_crash(run, options, 0, run.random(4), story, "the disk was full");
}

PERCORE_CHECK("", on_a_good_day_all_are_there, "A5", "nothing fails, and all is saved",
              what_a_sync_covers, .seeds = 50, .faults = false) {
  Story story{.run = &run, .records = run.size(1, 30)};
  run_and_crash(run, disk_options(run), 0, 0, story, "the power failed after the close");
  require(story.appended == story.records, "{} of {} records were appended, and nothing had failed",
          story.appended, story.records);
}
