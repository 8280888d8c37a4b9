// What a power failure leaves of files that were written through DmaFile and ImmutableFile: every
// workload of up to three operations, the power failing at each of its changes, each failure
// survived in several ways. What was reported as synced is there, and nothing is torn.
#include "dma_content.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <ostream>
#include <percore/dma_file.hpp>
#include <percore/dma_stream.hpp>
#include <percore/immutable_file.hpp>
#include <percore/sim.hpp>
#include <percore/sim_crash.hpp>
#include <string>
#include <utility>
#include <vector>

using namespace percore;
using test::block_of;

namespace {

constexpr std::size_t sector = 512;
constexpr std::size_t block_bytes = dma_granule_bytes;
constexpr std::uint64_t survivals = 8;

// What the program was told, and what it had asked for when the power failed.
struct Known {
  // The file's contents since its last sync, that one first: a sector may be of any.
  std::vector<std::string> contents{""};
  // The names it may have: the last durable one, and what was asked for since.
  std::vector<std::string> names;
  bool exists = false;        // reported: its directory was synced since it was made
  bool other_made = false;    // the second file
  bool other_exists = false;  // and its directory was synced since
  std::string other_synced;   // what it holds, where a sync of it has been reported

  void now_holds(std::string content) {
    if (!sim::crashed()) contents.push_back(std::move(content));
  }
};

// One letter an operation: w write a block at the end, o overwrite the first, s sync, t truncate,
// r rename, d sync the directory, c make another file, or empty it, write to it and sync it.
Task<> work(std::string operations, Known& known) {
  DmaArena arena({.bytes = 64 << 10});
  std::string name = "/sim/a";
  known.names = {name};
  Result<DmaFile> file = co_await DmaFile::open(arena, name, DmaOpen::create_new);
  if (!file) co_return;
  const Result<void> made = co_await sync_directory("/sim");
  if (made && !sim::crashed()) known.exists = true;
  std::string content;
  char letter = 'A';
  for (const char operation : operations) {
    const std::string fill(block_bytes, letter++);
    const DmaBuffer memory = block_of(arena, fill);
    Result<void> done;
    switch (operation) {
      case 'w': {
        const std::size_t begin = content.size() / block_bytes * block_bytes;
        content.resize(begin);
        content += fill;
        known.now_holds(content);
        done = co_await file->write(memory.bytes(), begin);
        break;
      }
      case 'o':
        content.replace(0, std::min(block_bytes, content.size()), fill);
        known.now_holds(content);
        done = co_await file->write(memory.bytes(), 0);
        break;
      case 's':
        done = co_await file->fdatasync();
        if (done && !sim::crashed()) known.contents = {content};
        break;
      case 't':
        content.resize(content.size() / 2);
        known.now_holds(content);
        done = co_await file->truncate(content.size());
        break;
      case 'r': {
        const std::string next = name + "r";
        if (!sim::crashed()) known.names.push_back(next);
        done = co_await rename_file(name, next);
        name = next;
        break;
      }
      case 'd':
        done = co_await sync_directory("/sim");
        if (done && !sim::crashed()) {
          known.names = {name};
          known.other_exists = known.other_made;
        }
        break;
      default: {
        if (!sim::crashed()) known.other_synced.clear();
        Result<DmaFile> other = co_await DmaFile::open(arena, "/sim/other", DmaOpen::create);
        if (!other) break;
        known.other_made = known.other_made || !sim::crashed();
        done = co_await other->write(memory.bytes(), 0);
        if (done) done = co_await other->fdatasync();
        if (done && !sim::crashed()) known.other_synced = fill;
        co_await other->close();
      }
    }
  }
  co_await file->close();
}

bool of_some_version(const Known& known, const std::string& content, std::size_t at) {
  const std::string found = content.substr(at, sector);
  return std::ranges::any_of(known.contents, [&](const std::string& version) {
    std::string part(test::part_of(version, at, found.size()));
    part.resize(found.size(), '\0');  // a hole, where another version's size reaches further
    return part == found;
  });
}

void examine(const Known& known) {
  std::vector<std::string> found;
  for (const std::string& name : known.names)
    if (sim::file_content(name)) found.push_back(name);
  REQUIRE(found.size() <= 1);
  if (known.exists) REQUIRE(found.size() == 1);
  const std::optional<std::string> other = sim::file_content("/sim/other");
  if (known.other_exists) REQUIRE(other.has_value());
  // Its content was synced, and its name may or may not be there.
  if (other && !known.other_synced.empty()) REQUIRE(*other == known.other_synced);
  if (found.empty()) return;
  const std::string content = *sim::file_content(found.front());
  REQUIRE(std::ranges::any_of(known.contents, [&](const std::string& version) {
    return version.size() == content.size();
  }));
  for (std::size_t at = 0; at < content.size(); at += sector)
    REQUIRE(of_some_version(known, content, at));
}

sim::Options disk(std::uint64_t seed) {
  sim::Options options = sim::gentle(seed);
  options.files_in_memory = "/sim";
  options.disk_sector_bytes = sector;
  return options;
}

std::uint64_t crash_everywhere(const std::string& operations) {
  CAPTURE(operations);
  Known known;
  return sim::for_each_crash(
      disk(1), survivals,
      [&] {
        known = {};
        Executor executor;
        executor.run(work(operations, known));
      },
      [&](std::uint64_t step, std::uint64_t seed) {
        CAPTURE(step);
        CAPTURE(seed);
        examine(known);
      });
}

}  // namespace

TEST_CASE("each workload of up to three operations survives a crash at each of its changes") {
  const std::string kinds = "wostrdc";
  std::uint64_t workloads = 0, crashes = 0;
  for (const char first : kinds) {
    ++workloads, crashes += crash_everywhere({first});
    for (const char second : kinds) {
      ++workloads, crashes += crash_everywhere({first, second});
      for (const char third : kinds)
        ++workloads, crashes += crash_everywhere({first, second, third});
    }
  }
  CHECK(workloads == 7 + 49 + 343);
  CHECK(crashes > 12'000);
}

namespace {

// Writes a file anew, in pieces; `sealed` once that was reported.
Task<> seals(std::string text, bool& sealed) {
  DmaArena arena({.bytes = 64 << 10});
  const DmaWriterOptions options{.buffer_bytes = 4096, .write_behind = 2};
  Result<ImmutableFileWriter> writer =
      co_await ImmutableFileWriter::create(arena, "/sim/file", options);
  if (!writer) co_return;
  for (std::size_t at = 0; at < text.size(); at += 3000)
    static_cast<void>(co_await writer->write(test::bytes_of(test::part_of(text, at, 3000))));
  const Result<void> done = co_await writer->seal();
  if (done && !sim::crashed()) sealed = true;
}

}  // namespace

namespace {

// What a stream said to be synced, and how many changes the disk had seen by then.
struct Synced {
  std::uint64_t steps = 0;
  std::string text;
};

// Writes a stream in pieces and syncs it now and then.
Task<> streams(std::string text, DmaWriterOptions options, std::vector<Synced>& synced) {
  DmaArena arena({.bytes = 64 << 10});
  Result<DmaFile> file = co_await DmaFile::open(arena, "/sim/file", DmaOpen::create);
  if (!file) co_return;
  static_cast<void>(co_await sync_directory("/sim"));
  DmaStreamWriter writer(*file, options);
  for (std::size_t at = 0; at < text.size(); at += 3000) {
    static_cast<void>(co_await writer.write(test::bytes_of(test::part_of(text, at, 3000))));
    if (at % 2000 != 0) continue;
    const Result<void> done = co_await writer.sync();
    if (done && !sim::crashed())
      synced.push_back({sim::counts().disk_steps, text.substr(0, at + 3000)});
  }
  static_cast<void>(co_await writer.close());
  co_await file->close();
}

}  // namespace

TEST_CASE("what a stream said to be synced is there after a power failure (M7)") {
  const std::string text = test::noise(20'001);
  for (const std::uint64_t expected_bytes : {0U, 30'000U}) {
    CAPTURE(expected_bytes);
    const DmaWriterOptions options{
        .buffer_bytes = 4096, .write_behind = 2, .expected_bytes = expected_bytes};
    std::vector<Synced> synced;
    std::uint64_t with_a_sync = 0;
    sim::for_each_crash(
        disk(3), survivals,
        [&] {
          synced.clear();
          Executor executor;
          executor.run(streams(text, options, synced));
        },
        [&](std::uint64_t step, std::uint64_t seed) {
          CAPTURE(step);
          CAPTURE(seed);
          if (synced.empty()) return;
          const bool there =
              sim::file_content("/sim/file").value_or("").starts_with(synced.back().text);
          REQUIRE(there);
          ++with_a_sync;
        });
    CHECK(with_a_sync > 0);
  }
}

TEST_CASE("right after a sync a stream's file ends where the stream does (M7, M8)") {
  const std::string text = test::noise(20'001);
  const DmaWriterOptions options{.buffer_bytes = 4096, .write_behind = 2};
  const auto run = [&](const sim::Options& on) {
    std::vector<Synced> synced;
    sim::begin(on);
    {
      Executor executor;
      executor.run(streams(text, options, synced));
    }
    REQUIRE(sim::end());
    return synced;
  };
  const std::vector<Synced> reports = run(disk(3));
  REQUIRE(reports.size() > 1);
  for (const Synced& report : reports) {
    sim::Options crashing = disk(3);
    crashing.crash_at_step = report.steps + 1;
    run(crashing);
    sim::crash(0);  // of what came after the sync nothing survives
    CAPTURE(report.steps);
    const bool same = sim::file_content("/sim/file") == report.text;
    REQUIRE(same);
  }
}

TEST_CASE("an immutable file is there whole, the old one is, or none") {
  const std::string text = test::noise(20'001), old = "the old one";
  for (const bool has_old : {false, true}) {
    bool sealed = false;
    std::uint64_t wholes = 0, olds = 0;
    sim::for_each_crash(
        disk(2), 20,
        [&] {
          sealed = false;
          if (has_old) sim::make_file("/sim/file", old);
          Executor executor;
          executor.run(seals(text, sealed));
        },
        [&](std::uint64_t step, std::uint64_t seed) {
          CAPTURE(step);
          CAPTURE(seed);
          const std::optional<std::string> found = sim::file_content("/sim/file");
          const bool whole = found == text;
          if (sealed) REQUIRE(whole);
          if (!whole) REQUIRE(found == (has_old ? std::optional(old) : std::nullopt));
          (whole ? wholes : olds) += 1;
        });
    CHECK(wholes > 0);
    CHECK(olds > 0);
  }
}
