// The counts of an executor and of its files on the simulated ring, where each has one right value.
#include "dma_content.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <memory>
#include <ostream>
#include <percore/dma_file.hpp>
#include <percore/io.hpp>
#include <percore/sim.hpp>
#include <percore/stats.hpp>
#include <percore/timer.hpp>
#include <string>
#include <utility>
#include <vector>

using namespace percore;
using test::block_of;
using test::noise;

namespace {

constexpr Time microsecond{1'000};

sim::Options calm() {
  sim::Options options = sim::gentle(1);
  options.inline_percent = 0;  // a completion takes its time: one sleeps for it
  return options;
}

Task<> sleeps_for(Time time) {
  static_cast<void>(co_await sleep_for(time));
}

Task<> nops(unsigned times) {
  for (unsigned i = 0; i < times; ++i) static_cast<void>(co_await nop());
}

Task<> yields(unsigned times) {
  for (unsigned i = 0; i < times; ++i) co_await yield();
}

// What a Stats says of a sleep: one that was there before the executor's first timer, or not.
StatsSnapshot counts_of_a_sleep(Time time, bool before_first_timer) {
  sim::begin(calm());
  StatsSnapshot all;
  {
    Executor executor;
    if (!before_first_timer) executor.run(sleeps_for(microsecond));
    const Stats stats(executor);
    executor.run(sleeps_for(time));
    all = stats.snapshot();
  }
  REQUIRE(sim::end());
  return all;
}

}  // namespace

#if PERCORE_ALL_OURS  // a learner's timer need not spin

TEST_CASE("a sleep that was called off is none, whoever came first") {
  for (const bool before_first_timer : {true, false}) {
    CAPTURE(before_first_timer);
    // So near is the deadline that the timer stays awake for it.
    const StatsSnapshot spun = counts_of_a_sleep(Time{8'000}, before_first_timer);
    CHECK(spun.executor.sleeps == 0);
    CHECK(spun.executor.asleep == Time{0});
    CHECK(spun.elapsed >= Time{8'000});
    CHECK(spun.executor.turns > 1);
  }
}

#endif

TEST_CASE("a sleep is counted once, and its time is that in the ring") {
  for (const bool before_first_timer : {true, false}) {
    CAPTURE(before_first_timer);
    const StatsSnapshot slept = counts_of_a_sleep(Time{2'000'000}, before_first_timer);
    CHECK(slept.executor.sleeps == 1);
    CHECK(slept.executor.asleep > Time{1'985'000});
    CHECK(slept.executor.asleep < Time{2'001'000});
#if PERCORE_ALL_OURS
    CHECK(slept.executor.asleep < Time{1'999'000});  // it ends early, and the rest is spun
#endif
    CHECK(slept.busy() < Time{15'000});
  }
}

namespace {

// Objects to a sleep as often as it is told to. Or has something to run when it is asked before
// one, and does not object to it.
class WakesLate final : public Poller {
 public:
  bool poll() override { return false; }
  bool prepare_to_sleep() override {
    if (std::exchange(waits_, false)) sleeper_.schedule();
    if (objections == 0) return true;
    --objections;
    return false;
  }
  unsigned objections = 0;

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) noexcept {
    sleeper_ = Runnable::of(handle);
    waits_ = true;
  }
  void await_resume() const noexcept {}

 private:
  Runnable sleeper_{};
  bool waits_ = false;
};

Task<> waits_for(WakesLate& poller) {
  co_await poller;
}

}  // namespace

TEST_CASE("pollers that come after a Stats are asked before it") {
  sim::begin(calm());
  {
    Executor executor;
    const Stats stats(executor);
    WakesLate poller;
    executor.add_poller(poller);
    executor.run(waits_for(poller));
#if PERCORE_ALL_OURS  // the contract lets an executor ask what is ready after all of them
    CHECK(stats.snapshot().executor.sleeps == 0);
#endif
    const StatsSnapshot before = stats.snapshot();
    poller.objections = 3;
    executor.run(nops(1));
    const StatsSnapshot between = difference(stats.snapshot(), before);
    CHECK(poller.objections == 0);
    CHECK(between.executor.turns == 4);
    CHECK(between.executor.sleeps == 1);
    executor.remove_poller(poller);
  }
  REQUIRE(sim::end());
}

TEST_CASE("K1: a sleep costs two looks at the clock, all else none") {
  sim::begin(calm());
  {
    Executor executor;
    executor.run(nops(20));
    executor.run(yields(20));
    CHECK(sim::counts().sleeps > 0);
    CHECK(sim::counts().clock_looks == 0);

    const Stats stats(executor);
    const sim::Counts before = sim::counts();
    executor.run(yields(20));
    CHECK(sim::counts().clock_looks == before.clock_looks);
    executor.run(nops(20));
    const sim::Counts after = sim::counts();
    const StatsSnapshot all = stats.snapshot();
    CHECK(all.executor.sleeps > 0);
    CHECK(all.executor.sleeps == after.waits - before.waits);
    CHECK(after.clock_looks - before.clock_looks == 2 * all.executor.sleeps);
    CHECK(all.executor.turns >= 20);  // one for each nop
  }
  REQUIRE(sim::end());
}

#if PERCORE_ALL_OURS  // a learner's file need not count

namespace {

sim::Options with_files() {
  sim::Options options = calm();
  options.files_in_memory = "/sim";
  return options;
}

template <typename Root>
void on_simulation(Root root) {
  sim::begin(with_files());
  {
    Executor executor;
    Stats stats(executor);
    executor.run(root(stats));
  }
  REQUIRE(sim::end());
}

bool holds(const FileCounts& counts, std::uint64_t reads, std::uint64_t bytes_read,
           std::uint64_t writes, std::uint64_t bytes_written, std::uint64_t syncs) {
  CHECK(counts.reads == reads);
  CHECK(counts.bytes_read == bytes_read);
  CHECK(counts.writes == writes);
  CHECK(counts.bytes_written == bytes_written);
  CHECK(counts.syncs == syncs);
  return counts.reads == reads && counts.writes == writes && counts.syncs == syncs;
}

/// The file of the test, watched from its opening on.
Task<Result<DmaFile>> watched(DmaArena& arena, Stats& stats, DmaOpen how) {
  Result<DmaFile> file = co_await DmaFile::open(arena, "/sim/file", how);
  REQUIRE(file);
  stats.watch(*file);
  co_return file;
}

Task<> reads(Stats& stats) {
  sim::make_file("/sim/file", noise(10'000));
  DmaArena arena({.bytes = 1 << 20});
  Result<DmaFile> file = co_await watched(arena, stats, DmaOpen::update);
  CHECK(holds(stats.snapshot().files, 0, 0, 0, 0, 0));
  // From 0 to 5,120.
  const Result<DmaBuffer> inside = co_await file->read(100, 5000);
  REQUIRE(inside);
  CHECK(holds(stats.snapshot().files, 1, 5120, 0, 0, 0));
  // From 8,704 to the end, and once more from the sector in which that was.
  const Result<DmaBuffer> at_end = co_await file->read(9000, 5000);
  REQUIRE(at_end);
  CHECK(holds(stats.snapshot().files, 3, 5120 + 1296 + 272, 0, 0, 0));
  // One read for two ranges, from 0 to 2,560.
  const std::vector<DmaRange> near{{.offset = 10, .size = 100}, {.offset = 2100, .size = 300}};
  const std::vector<Result<DmaBuffer>> both = co_await file->read_many(near);
  CHECK(both.size() == 2);
  CHECK(holds(stats.snapshot().files, 4, 6688 + 2560, 0, 0, 0));
  co_await file->close();
}

Task<> writes_and_syncs(Stats& stats) {
  DmaArena arena({.bytes = 1 << 20});
  Result<DmaFile> file = co_await watched(arena, stats, DmaOpen::create);
  const DmaBuffer block = block_of(arena, std::string(4096, 'b'));
  const Result<void> alone = co_await file->write(block.bytes(), 0);
  REQUIRE(alone);
  CHECK(holds(stats.snapshot().files, 0, 0, 1, 4096, 0));
  // Three that lie one behind the other are one write.
  std::vector<JoinHandle<Result<void>>> neighbours;
  for (std::uint64_t number : {2, 1, 3})
    neighbours.push_back(spawn(file->write(block.bytes(), number * 4096)));
  for (auto& write : neighbours) {
    const Result<void> written = co_await write;
    CHECK(written);
  }
  CHECK(holds(stats.snapshot().files, 0, 0, 2, 4 * 4096, 0));
  const Result<void> synced = co_await file->fdatasync();
  REQUIRE(synced);
  CHECK(holds(stats.snapshot().files, 0, 0, 2, 4 * 4096, 1));
  co_await file->close();
}

Task<> on_a_bad_day(Stats& stats) {
  DmaArena arena({.bytes = 1 << 20});
  Result<DmaFile> file = co_await watched(arena, stats, DmaOpen::create);
  const DmaBuffer block = block_of(arena, std::string(4096, 'b'));
  const auto next = [] { return sim::counts().submitted + 1; };
  // Ends short, and is gone on with.
  sim::script({.operation = next(), .bytes_max = 1024});
  const Result<void> in_two = co_await file->write(block.bytes(), 0);
  REQUIRE(in_two);
  CHECK(holds(stats.snapshot().files, 0, 0, 2, 4096, 0));
  // Interrupted, and asked for again.
  sim::script({.operation = next(), .result = -EINTR});
  const Result<DmaBuffer> again = co_await file->read(0, 4096);
  REQUIRE(again);
  CHECK(holds(stats.snapshot().files, 1, 4096, 2, 4096, 0));
  // What failed is in no count.
  sim::script({.operation = next(), .result = -EIO});
  const Result<DmaBuffer> unreadable = co_await file->read(0, 4096);
  CHECK_FALSE(unreadable);
  sim::script({.operation = next(), .result = -EIO});
  const Result<void> unwritten = co_await file->write(block.bytes(), 0);
  CHECK_FALSE(unwritten);
  sim::script({.operation = next(), .result = -EIO});
  for (int i = 0; i < 2; ++i) {
    const Result<void> unsynced = co_await file->fdatasync();
    CHECK_FALSE(unsynced);
  }
  CHECK(holds(stats.snapshot().files, 1, 4096, 2, 4096, 0));
  co_await file->close();
}

using Counts = std::weak_ptr<const FileCounts>;

Task<Counts> reads_one_block(Stats& stats, DmaArena& arena) {
  Result<DmaFile> opened = co_await watched(arena, stats, DmaOpen::read_only);
  DmaFile moved(std::move(*opened));
  const Result<DmaBuffer> got = co_await moved.read(0, 4096);
  REQUIRE(got);
  co_await moved.close();
  co_return moved.counts();
}

Task<> file_comes_and_goes(Stats& stats) {
  sim::make_file("/sim/file", noise(10'000));
  DmaArena arena({.bytes = 1 << 20});
  const Counts first = co_await reads_one_block(stats, arena);
  CHECK(first.use_count() == 1);  // the Stats has them
  CHECK(holds(stats.snapshot().files, 1, 4096, 0, 0, 0));
  const Counts second = co_await reads_one_block(stats, arena);
  CHECK(second.use_count() == 1);
  CHECK(holds(stats.snapshot().files, 2, 8192, 0, 0, 0));
}

}  // namespace

TEST_CASE("a watched file counts what the kernel read, with what alignment adds") {
  on_simulation(reads);
}

TEST_CASE("a watched file counts its writes as the kernel saw them, and its syncs") {
  on_simulation(writes_and_syncs);
}

TEST_CASE("what ended short counts twice, what failed not at all") {
  on_simulation(on_a_bad_day);
}

TEST_CASE("the counts of a file go with it when it is moved, and stay when it has gone") {
  on_simulation(file_comes_and_goes);
}

#endif
