// What survives a crash: each sentence of the model in memory_disk.hpp, the mistakes that it is to
// show, and small workloads crashed at each of their steps.

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include <percore/sim_crash.hpp>
#include "memory_fixture.hpp"

namespace percore::sim::test {

namespace {

constexpr std::uint64_t survivals = 40;

using Outcomes = std::set<std::string>;

/// What `show` says after each of many survivals of one crash at the end of `work`.
template <typename Work, typename Show>
Outcomes outcomes(Work work, Show show) {
  Outcomes all;
  for (std::uint64_t seed = 0; seed != survivals; ++seed) {
    Run run(in_memory());
    {
      FileRing ring;
      work(ring);
    }
    CHECK(run.broken.empty());
    crash(seed);
    all.insert(show());
  }
  return all;
}

std::string content_of_a() {
  return file_content("/sim/a").value_or("missing");
}

std::string names_in_root() {
  std::string all;
  const auto names = folder_names("/sim");
  for (const std::string& name : *names) all += name + " ";
  return all;
}

/// As a string of one letter a sector; '0' for a hole.
std::string sectors_of_a() {
  const std::string bytes = content_of_a();
  std::string letters;
  for (std::size_t at = 0; at < bytes.size(); at += 512)
    letters += bytes[at] == 0 ? '0' : bytes[at];
  return letters;
}

std::string sectors(char letter, unsigned count) {
  return std::string(std::size_t{512} * count, letter);
}

}  // namespace

TEST_CASE("what was synced survives, content and size; fdatasync is enough for both") {
  for (const unsigned flags : {0u, unsigned{IORING_FSYNC_DATASYNC}}) {
    const auto all = outcomes(
        [&](FileRing& ring) {
          const int fd = ring.open_at("/sim/a", O_CREAT | O_RDWR);
          CHECK(ring.put(fd, sectors('x', 3) + "tail") == 3 * 512 + 4);
          CHECK(ring.sync(fd, flags) == 0);
          CHECK(ring.sync_folder("/sim") == 0);
          ring.shut(fd);
        },
        content_of_a);
    CHECK(all == Outcomes{sectors('x', 3) + "tail"});
  }
}

TEST_CASE("writes that were not synced are lost, torn and reordered, sector by sector") {
  const auto all = outcomes(
      [](FileRing& ring) {
        make_file("/sim/a", sectors('a', 2));
        const int fd = ring.open_at("/sim/a", O_RDWR);
        CHECK(ring.put(fd, sectors('b', 2)) == 1024);
        CHECK(ring.put(fd, sectors('c', 1), 512) == 512);
        ring.shut(fd);
      },
      sectors_of_a);
  CHECK(all == Outcomes{"aa", "ab", "ac", "ba", "bb", "bc"});
}

TEST_CASE("a file that grew has any size it had, and holes for what was lost") {
  const auto all = outcomes(
      [](FileRing& ring) {
        make_file("/sim/a", "");
        const int fd = ring.open_at("/sim/a", O_RDWR);
        CHECK(ring.put(fd, sectors('a', 1)) == 512);
        CHECK(ring.put(fd, sectors('b', 1), 512) == 512);
        ring.shut(fd);
      },
      sectors_of_a);
  CHECK(all == Outcomes{"", "0", "a", "00", "0b", "a0", "ab"});
}

TEST_CASE("a name is not durable because the file was synced, but with its folder") {
  const auto create = [](FileRing& ring) {
    const int fd = ring.open_at("/sim/a", O_CREAT | O_RDWR);
    CHECK(ring.put(fd, "text") == 4);
    CHECK(ring.sync(fd) == 0);
    ring.shut(fd);
  };
  CHECK(outcomes(create, content_of_a) == Outcomes{"missing", "text"});
  const auto create_and_sync = [&](FileRing& ring) {
    create(ring);
    CHECK(ring.sync_folder("/sim") == 0);
  };
  CHECK(outcomes(create_and_sync, content_of_a) == Outcomes{"text"});
}

TEST_CASE("a rename survives whole or not at all, over folders too") {
  const auto all = outcomes(
      [](FileRing& ring) {
        make_file("/sim/d/old", "text");
        CHECK(ring.move("/sim/d/old", "/sim/new") == 0);
      },
      [] {
        return file_content("/sim/d/old").value_or("-") + " " +
               file_content("/sim/new").value_or("-");
      });
  CHECK(all == Outcomes{"text -", "- text"});
}

TEST_CASE("changes of one name survive in their order; removals like others") {
  const auto all = outcomes(
      [](FileRing& ring) {
        make_file("/sim/a", "first");
        CHECK(ring.remove("/sim/a") == 0);
        CHECK(ring.shut(ring.open_at("/sim/b", O_CREAT | O_RDWR)) == 0);
        CHECK(ring.move("/sim/b", "/sim/c") == 0);
      },
      names_in_root);
  CHECK(all == Outcomes{"", "a ", "b ", "a b ", "c ", "a c "});
}

TEST_CASE("a name that is taken again does not survive without the rename that gave it up") {
  const auto all = outcomes(
      [](FileRing& ring) {
        make_file("/sim/a", "first");
        CHECK(ring.move("/sim/a", "/sim/b") == 0);
        const int fd = ring.open_at("/sim/a", O_CREAT | O_RDWR | O_DSYNC);
        CHECK(ring.put(fd, "second") == 6);
        ring.shut(fd);
      },
      [] {
        return file_content("/sim/a").value_or("-") + " " + file_content("/sim/b").value_or("-");
      });
  CHECK(all == Outcomes{"first -", "- first", "second first"});
}

TEST_CASE("folders that were moved about do not come to lie in one another") {
  const auto all = outcomes(
      [](FileRing& ring) {
        make_file("/sim/x/in-x", "");
        make_file("/sim/y/in-y", "");
        CHECK(ring.move("/sim/x", "/sim/y/x") == 0);
        CHECK(ring.move("/sim/y/x", "/sim/z") == 0);
        CHECK(ring.move("/sim/y", "/sim/z/y") == 0);
      },
      names_in_root);
  CHECK(all == Outcomes{"x y ", "y ", "y z ", "z "});
}

TEST_CASE("content written after a cut is never mixed with what was cut off") {
  const auto all = outcomes(
      [](FileRing& ring) {
        make_file("/sim/a", sectors('o', 3));
        const int fd = ring.open_at("/sim/a", O_RDWR | O_TRUNC);
        CHECK(ring.put(fd, sectors('n', 2)) == 1024);
        ring.shut(fd);
      },
      sectors_of_a);
  CHECK(all.contains("ooo"));
  CHECK(all.contains(""));
  CHECK(all.contains("nn"));
  for (const std::string& one : all) {
    const bool mixed = one.contains('o') && one.contains('n');
    CHECK_FALSE(mixed);
  }
}

TEST_CASE("what lay beyond a cut is zero when the file grows again") {
  const auto all = outcomes(
      [](FileRing& ring) {
        make_file("/sim/a", "0123456789");
        const int fd = ring.open_at("/sim/a", O_RDWR);
        CHECK(ring.cut(fd, 4) == 0);
        CHECK(ring.cut(fd, 8) == 0);
        CHECK(file_content("/sim/a") == std::string("0123\0\0\0\0", 8));
        ring.shut(fd);
      },
      content_of_a);
  CHECK(all == Outcomes{"0123456789", "0123", std::string("0123\0\0\0\0", 8)});
}

TEST_CASE("a write with O_DSYNC or RWF_DSYNC is durable by itself") {
  for (const bool by_flag : {false, true}) {
    const auto all = outcomes(
        [&](FileRing& ring) {
          make_file("/sim/a", sectors('a', 2));
          const int fd = ring.open_at("/sim/a", O_RDWR | (by_flag ? 0 : O_DSYNC));
          CHECK(ring.put(fd, sectors('b', 2), 0, by_flag ? RWF_DSYNC : 0) == 1024);
          ring.shut(fd);
        },
        sectors_of_a);
    CHECK(all == Outcomes{"bb"});
  }
}

TEST_CASE("sync_file_range makes nothing durable, a sync of a range only that range") {
  const auto work = [](bool hint) {
    return [hint](FileRing& ring) {
      make_file("/sim/a", sectors('a', 2));
      const int fd = ring.open_at("/sim/a", O_RDWR);
      CHECK(ring.put(fd, sectors('b', 2)) == 1024);
      io_uring_sqe* const sqe = ring.entry(7);
      if (hint) {
        io_uring_prep_sync_file_range(sqe, fd, 512, 0, SYNC_FILE_RANGE_WRITE);
      } else {
        io_uring_prep_fsync(sqe, fd, 0);
        sqe->len = 512;
      }
      CHECK(ring.one(sqe) == 0);
      ring.shut(fd);
    };
  };
  CHECK(outcomes(work(true), sectors_of_a) == Outcomes{"aa", "ab", "ba", "bb"});
  CHECK(outcomes(work(false), sectors_of_a) == Outcomes{"ba", "bb"});
}

TEST_CASE("after a sync that failed the next one succeeds, and saves nothing of what was before") {
  Outcomes all;
  for (std::uint64_t seed = 0; seed != survivals; ++seed) {
    const Run run(in_memory());
    FileRing ring;
    make_file("/sim/a", sectors('a', 2));
    const int fd = ring.open_at("/sim/a", O_RDWR);
    CHECK(ring.put(fd, sectors('b', 2)) == 1024);
    script({.opcode = IORING_OP_FSYNC, .result = -EIO});
    CHECK(ring.sync(fd) == -EIO);
    CHECK(ring.put(fd, sectors('c', 1), 512) == 512);
    CHECK(ring.sync(fd) == 0);
    CHECK(sectors_of_a() == "bc");  // as long as the system runs
    ring.shut(fd);
    ring.close();
    crash(seed);
    all.insert(sectors_of_a());
  }
  CHECK(all == Outcomes{"ac", "bc"});
}

TEST_CASE("a crash in the middle: the run goes on, and nothing of it counts any more") {
  Options options = in_memory();
  options.crash_at_step = 2;
  Outcomes all;
  for (std::uint64_t seed = 0; seed != survivals; ++seed) {
    const Run run(options);
    make_file("/sim/a", sectors('a', 1));
    FileRing ring;
    const int fd = ring.open_at("/sim/a", O_RDWR);
    CHECK(ring.put(fd, sectors('b', 1)) == 512);
    CHECK_FALSE(crashed());
    CHECK(ring.put(fd, sectors('c', 1)) == 512);
    CHECK(crashed());
    CHECK(ring.sync(fd) == 0);
    CHECK(sectors_of_a() == "c");
    CHECK(counts().disk_steps == 3);
    ring.close();
    crash(seed);
    CHECK_FALSE(crashed());
    all.insert(sectors_of_a());
    ::close(fd);
  }
  CHECK(all == Outcomes{"a", "b", "c"});  // the write under way may have come through
}

TEST_CASE("descriptors from before the crash are dead, a new run opens what is left") {
  int fd = -1;
  {
    const Run run(in_memory());
    make_file("/sim/a", "text");
    FileRing ring;
    fd = ring.open_at("/sim/a", O_RDWR);
  }
  crash(0);
  Options options = in_memory();
  options.keep_files = true;
  const Run run(options);
  FileRing ring;
  CHECK(ring.put(fd, "late") == -EBADF);
  ::close(fd);
  const int again = ring.open_at("/sim/a", O_RDWR);
  CHECK(ring.put(again, "TE") == 2);
  CHECK(file_content("/sim/a") == "TExt");
  ring.shut(again);
}

namespace {

// Replaces a file's content by way of a second one. Each leaving out is a classic mistake.
struct Replacement {
  bool syncs_file = true, syncs_folder = true;
  bool told = false;  // that it is done

  void run() {
    told = false;
    make_file("/sim/a", sectors('o', 3));
    FileRing ring;
    const int fd = ring.open_at("/sim/a.new", O_CREAT | O_RDWR | O_TRUNC);
    CHECK(ring.put(fd, sectors('n', 3)) == 3 * 512);
    if (syncs_file) CHECK(ring.sync(fd) == 0);
    ring.shut(fd);
    CHECK(ring.move("/sim/a.new", "/sim/a") == 0);
    if (syncs_folder) CHECK(ring.sync_folder("/sim") == 0);
    told = !crashed();
  }
  Outcomes broken() {
    Outcomes found;
    for_each_crash(
        in_memory(), survivals, [&] { run(); },
        [&](std::uint64_t, std::uint64_t) {
          const std::string left = sectors_of_a();
          if (left != "nnn" && (left != "ooo" || told)) found.insert(left);
        });
    return found;
  }
};

}  // namespace

TEST_CASE("replacing a file: right, it is old or new; each sync left out is found") {
  Replacement right, no_file_sync, no_folder_sync;
  no_file_sync.syncs_file = false;
  no_folder_sync.syncs_folder = false;
  CHECK(right.broken() == Outcomes{});
  const Outcomes torn = no_file_sync.broken();
  CHECK(torn.contains(""));
  CHECK(torn.contains("n0n"));
  CHECK(no_folder_sync.broken() == Outcomes{"ooo"});
}

TEST_CASE("a log: every record that was told is there, in order, at each crash") {
  std::string told;
  const auto work = [&] {
    told.clear();
    FileRing ring;
    make_file("/sim/a", "");
    const int fd = ring.open_at("/sim/a", O_WRONLY | O_APPEND);
    for (const char* const record : {"one ", "two ", "three "}) {
      CHECK(ring.put(fd, record) == static_cast<int>(std::string(record).size()));
      CHECK(ring.sync(fd, IORING_FSYNC_DATASYNC) == 0);
      if (!crashed()) told += record;
    }
    ring.shut(fd);
  };
  std::set<std::string> promised;
  const std::uint64_t crashes =
      for_each_crash(in_memory(slow()), 20, work, [&](std::uint64_t step, std::uint64_t) {
        CAPTURE(step);
        promised.insert(told);
        CHECK(content_of_a().starts_with(told));
        if (step == 7) CHECK(content_of_a() == "one two three ");
      });
  CHECK(crashes == 7 * 20);
  CHECK(promised.size() == 4);
}

TEST_CASE("any workload of creates, writes, cuts, renames and syncs keeps what it was told") {
  for (std::uint64_t workload = 0; workload != 12; ++workload) {
    std::string durable_a;  // content of /sim/a that a sync has promised, and nothing has changed
    bool promised = false;
    const auto work = [&] {
      std::uint64_t state = workload * 77 + 1;
      const auto below = [&](std::uint64_t bound) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return (state >> 33) % bound;
      };
      make_file("/sim/a", "");
      durable_a.clear();
      promised = true;
      FileRing ring;
      const int fd = ring.open_at("/sim/a", O_RDWR);
      for (unsigned index = 0; index != 8; ++index) {
        const bool before = !crashed();
        switch (below(4)) {
          case 0:
            if (before) promised = false;
            ring.put(fd, std::string(below(1200) + 1, static_cast<char>('a' + index)), below(900));
            break;
          case 1:
            if (before) promised = false;
            ring.cut(fd, below(1500));
            break;
          case 2:
            ring.shut(ring.open_at("/sim/b", O_CREAT | O_RDWR));
            ring.move("/sim/b", "/sim/c");
            break;
          default:
            ring.sync(fd);
            if (!crashed()) durable_a = content_of_a(), promised = true;
        }
      }
      ring.shut(fd);
    };
    for_each_crash(in_memory(), 8, work, [&](std::uint64_t step, std::uint64_t seed) {
      CAPTURE(workload);
      CAPTURE(step);
      CAPTURE(seed);
      if (promised) CHECK(content_of_a() == durable_a);
      const std::string names = names_in_root();
      CHECK((names == "a " || names == "a b " || names == "a c " || names == "a b c "));
    });
  }
}

}  // namespace percore::sim::test
