#include "dma_content.hpp"
#include "folder.hpp"

#include <doctest/doctest.h>

#include <array>
#include <optional>
#include <ostream>
#include <percore/dma_file.hpp>
#include <percore/io.hpp>
#include <percore/stats.hpp>
#include <percore/timer.hpp>
#include <string>
#include <thread>

using namespace percore;

namespace {

Task<void> nops(unsigned times) {
  for (unsigned i = 0; i < times; ++i) static_cast<void>(co_await nop());
}

Task<void> sleep_twice() {
  static_cast<void>(co_await sleep_for(Time{2'000'000}));
  static_cast<void>(co_await sleep_for(Time{3'000'000}));
}

Task<void> nops_in(TaskQueue& queue, unsigned times) {
  co_await move_to(queue);
  co_await nops(times);
}

}  // namespace

TEST_CASE("K2: a snapshot is the time since the Stats was made, a difference that between two") {
  Executor executor;
  executor.run(nops(5));
  const Stats stats(executor);
  const StatsSnapshot first = stats.snapshot();
  CHECK(first.ring.completions == 0);
  CHECK(first.executor.turns == 0);
  executor.run(nops(10));
  const StatsSnapshot second = stats.snapshot();
  CHECK(second.ring.completions == 10);
  CHECK(second.ring.submitted == 10);
  CHECK(second.ring.enters >= 1);
  CHECK(second.executor.turns >= 10);
  executor.run(nops(7));
  const StatsSnapshot between = difference(stats.snapshot(), second);
  CHECK(between.ring.completions == 7);
  CHECK(between.executor.turns >= 7);
  CHECK(between.executor.turns < second.executor.turns);
  CHECK(between.elapsed > Time{0});
  CHECK(between.elapsed < stats.snapshot().elapsed);
}

TEST_CASE("K3: a sleep is asleep, and what is not asleep is busy") {
  Executor executor;
  Stats stats(executor);
  executor.run(sleep_twice());
  const StatsSnapshot all = stats.snapshot();
  CHECK(all.executor.sleeps >= 2);
  CHECK(all.executor.asleep >= Time{4'000'000});
  CHECK(all.executor.asleep <= all.elapsed);
  CHECK((all.busy() + all.executor.asleep) == all.elapsed);
}

TEST_CASE("tasks that are alive are those of now, in a difference too") {
  Executor executor;
  Stats stats(executor);
  std::size_t seen = 0;
  const auto root = [](Stats& watched, std::size_t& alive) -> Task<void> {
    const StatsSnapshot before = watched.snapshot();
    auto one = spawn(nops(1));
    auto two = spawn(nops(1));
    alive = difference(watched.snapshot(), before).executor.tasks_alive;
    co_await one;
    co_await two;
  };
  executor.run(root(stats, seen));
  CHECK(seen == 3);
  CHECK(stats.snapshot().executor.tasks_alive == 0);
}

TEST_CASE("queues, doorbell and files are in the snapshots from when they are watched") {
  Executor executor;
  TaskQueues queues(executor);
  TaskQueue& one = queues.add({.name = "one", .shares = 300});
  TaskQueue& two = queues.add({.name = "two"});
  FileCounts disk, tape;
  Stats stats(executor);
  stats.watch(one);
  executor.run(nops_in(one, 3));
  const StatsSnapshot first = stats.snapshot();
  REQUIRE(first.queues.size() == 1);
  CHECK(first.queues[0].name == "one");
  CHECK(first.queues[0].shares == 300);
  CHECK(first.queues[0].counts.wake_ups == one.statistics().wake_ups);
  CHECK(first.queues[0].counts.quanta >= 3);

  stats.watch(two);
  stats.watch(disk);
  stats.watch(tape);
  disk = {.reads = 2, .bytes_read = 8192, .writes = 1, .bytes_written = 512, .syncs = 1};
  tape = {.reads = 3, .bytes_read = 100, .writes = 0, .bytes_written = 0, .syncs = 4};
  executor.run(nops_in(two, 2));
  const StatsSnapshot between = difference(stats.snapshot(), first);
  REQUIRE(between.queues.size() == 2);
  CHECK(between.queues[0].counts.quanta == 0);
  CHECK(between.queues[1].counts.quanta == two.statistics().quanta);
  CHECK(between.files.reads == 5);
  CHECK(between.files.bytes_read == 8292);
  CHECK(between.files.writes == 1);
  CHECK(between.files.bytes_written == 512);
  CHECK(between.files.syncs == 5);

  const std::string text = to_text(between);
  for (const char* const word : {"ring: enters", "files: bytes read", "task queue", "two", "busy"})
    CHECK(text.find(word) != std::string::npos);
  CHECK(to_text({}).find("task queue") == std::string::npos);
}

namespace {

Task<void> works_on_file(Stats& stats, std::string path) {
  DmaArena arena({.bytes = 1 << 20});
  Result<DmaFile> file = co_await DmaFile::open(arena, path, DmaOpen::create);
  REQUIRE(file);
  stats.watch(*file);
  const DmaBuffer block = test::block_of(arena, std::string(8192, 'b'));
  const Result<void> written = co_await file->write(block.bytes(), 0);
  CHECK(written);
  const Result<DmaBuffer> got = co_await file->read(4096, 4096);
  CHECK(got);
  const Result<void> synced = co_await file->fdatasync();
  CHECK(synced);
  co_await file->close();
}

}  // namespace

TEST_CASE("a file that is watched counts what it reads and writes, and the counts outlive it") {
  const test::Folder folder;
  Executor executor;
  Stats stats(executor);
  executor.run(works_on_file(stats, folder.at("file")));
  const FileCounts files = stats.snapshot().files;
#if PERCORE_ALL_OURS  // a learner's file need not count
  CHECK(files.reads == 1);
  CHECK(files.bytes_read == 4096);
  CHECK(files.writes == 1);
  CHECK(files.bytes_written == 8192);
  CHECK(files.syncs == 1);
#else
  CHECK(files.reads <= 1);
#endif
}

#if PERCORE_ALL_OURS  // a learner's doorbell need not count

namespace {

struct NobodysInbox final : Inbox {
  void look() noexcept override {}
};

// On a busy machine a millisecond may have gone before the thread can sleep through it.
Task<void> sleep_until(const Doorbell& bell, std::uint64_t sleeps) {
  while (bell.counts().sleeps < sleeps) static_cast<void>(co_await sleep_for(Time{1'000'000}));
}

Task<void> sleeps_beside_a_doorbell(Stats& stats) {
  NobodysInbox inbox;
  Doorbell& bell = doorbell();
  bell.attach(inbox);  // a doorbell that nobody knows neither spins nor sleeps
  stats.watch(bell);
  const Doorbell::Counts before = bell.counts();
  co_await sleep_until(bell, before.sleeps + 1);
  const StatsSnapshot first = stats.snapshot();
  CHECK(first.doorbell.sleeps == bell.counts().sleeps);
  CHECK(first.doorbell.spins == bell.counts().spins);
  CHECK(first.doorbell.spins_paid == bell.counts().spins_paid);
  CHECK(first.doorbell.sleeps > before.sleeps);
  CHECK(first.doorbell.spins > before.spins);
  const Doorbell::Counts then = bell.counts();
  co_await sleep_until(bell, then.sleeps + 2);
  const DoorbellCounts between = difference(stats.snapshot(), first).doorbell;
  CHECK(between.sleeps == bell.counts().sleeps - then.sleeps);
  CHECK(between.sleeps >= 2);
  CHECK(between.spins == bell.counts().spins - then.spins);
  CHECK(between.spins_paid == bell.counts().spins_paid - then.spins_paid);
  bell.detach(inbox);
}

}  // namespace

TEST_CASE("a doorbell that is watched is in the snapshots, and in their difference") {
  // A doorbell is its thread's, and what earlier tests have taught it may be not to spin.
  std::thread([] {
    Executor executor;
    Stats stats(executor);
    executor.run(sleeps_beside_a_doorbell(stats));
    CHECK(to_text(stats.snapshot()).find("doorbell: sleeps") != std::string::npos);
  }).join();
}

#endif

TEST_CASE("a Stats that outlives its executor keeps what it last knew") {
  std::optional<Executor> executor(std::in_place);
  Stats stats(*executor);
  executor->run(nops(4));
  executor.reset();
  const StatsSnapshot last = stats.snapshot();
  CHECK(last.ring.completions == 4);
  CHECK(stats.snapshot().elapsed == last.elapsed);
}

TEST_CASE("a Stats that ends first is asked no more") {
  Executor executor;
  {
    const Stats stats(executor);
  }
  executor.run(nops(4));
}
