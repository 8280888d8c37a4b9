// Every n-th allocation fails, for n = 1, 2, 3 ... until a program comes through without meeting
// the failure. Each time the exception must reach who the contract says, nothing may leak or be
// lost, and what is left must work. Each n has a process of its own: run queues, frame pools and
// tables are as empty there as in a program that has just started.
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <percore/combinators.hpp>
#include <percore/immutable_file.hpp>
#include <percore/io.hpp>
#include <percore/shards.hpp>
#include <percore/sim.hpp>
#include <string>
#include <system_error>
#include <vector>

#include "failing_new.hpp"
#include "random/program.hpp"

// Every page that a process touches first costs a fault, and there are thousands of processes. So
// frames that have returned are kept for a shorter time, and an allocation has two known callers.
extern "C" const char* __asan_default_options() {
  return "max_uar_stack_size_log=16:malloc_context_size=2";
}

using namespace percore;
using percore::test::expect;
using percore::test::Token;

namespace {

// What a process left behind: blocks beside those that stay for ever, such as the frame pool's.
struct Left {
  std::int64_t blocks = 0;
  std::uint64_t allocations = 0;
  bool failed = false;  // the allocation that was to fail was asked for
  bool whole = false;   // the process came to its end
};

// Does `work` with its n-th allocation failing, and then again with none. By fork() the sanitizer
// would lock each row of a table of four megabytes, which is then copied page by page.
Left left_by(void (*work)(), std::uint64_t n, sim::Options options) {
  auto* const left = static_cast<Left*>(
      mmap(nullptr, sizeof(Left), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  REQUIRE(left != MAP_FAILED);
  const pid_t child = _Fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    options.seed = n;
    sim::begin(options);
    const int descriptor_before = dup(0);
    const std::uint64_t allocations_before = test::allocations();
    const std::int64_t blocks_before = test::live_blocks();
    if (n != 0) test::fail_after(n - 1);
    work();
    left->failed = test::stop_failing();
    left->allocations = test::allocations() - allocations_before;
    expect(Token::alive == 0, "a frame was never freed after an allocation had failed");
    work();
    expect(Token::alive == 0, "a frame was never freed");
    left->blocks = test::live_blocks() - blocks_before;
    close(descriptor_before);
    const int descriptor_after = dup(0);
    expect(descriptor_after == descriptor_before, "a descriptor is left open");
    expect(sim::end(), "a rule of the simulated ring was broken");
    left->whole = true;
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  const Left result = *left;
  munmap(left, sizeof(Left));
  return result;
}

void with_each_allocation_failing(void (*work)(), std::uint64_t failures_min,
                                  const sim::Options& options = {}) {
  constexpr std::uint64_t allocations_max = 3'000;
  const Left clean = left_by(work, 0, options);
  REQUIRE(clean.whole);
  CHECK(clean.allocations >= failures_min);  // else there is nothing to fail
  std::uint64_t n = 1;
  for (; n != allocations_max; ++n) {
    CAPTURE(n);
    const Left left = left_by(work, n, options);
    REQUIRE_MESSAGE(left.whole, "the process ended; its words are above");
    CHECK_MESSAGE(left.blocks == clean.blocks, "memory was lost when an allocation failed");
    if (!left.failed) break;
  }
  CHECK(n < allocations_max);
  CHECK(n > failures_min);
}

struct Asked final : Operation {
  Asked()
      : Operation([](Operation& self, std::int32_t, std::uint32_t) noexcept {
          ++static_cast<Asked&>(self).completions;
        }) {}
  unsigned completions = 0;
};

void opens_and_uses_a_ring() {
  std::array<Asked, 40> asked;
  std::uint64_t allocations_in_use = 0;
  bool opened = false;
  try {
    Ring ring(RingOptions{.entries = 4, .completion_entries = 0});
    opened = true;
    const std::uint64_t before = test::allocations();
    for (Asked& one : asked) io_uring_prep_nop(&ring.entry(one));
    ring.reserve(4);
    ring.turn(Wait::for_completion);
    ring.cancel_all();
    ring.drain();
    allocations_in_use = test::allocations() - before;
  } catch (const std::bad_alloc&) {
    expect(!opened, "a ring in use threw bad_alloc");
  }
  expect(allocations_in_use == 0, "a ring in use allocated memory");
  for (const Asked& one : asked)
    expect(one.completions == (opened ? 1 : 0), "an operation did not complete once");
}

void finds_no_ring() {
  try {
    const Ring ring;
    expect(false, "a ring was opened although the kernel refuses it");
  } catch (const RingUnavailable&) {
  } catch (const std::bad_alloc&) {  // there was no memory for the words
  }
}

// A frame of about `bytes`: small ones come from the pool, large ones from operator new.
template <std::size_t bytes>
Task<unsigned> adds_up(Token, unsigned depth) {
  std::array<std::byte, bytes> room;
  test::fill(room, depth, 0);
  if (depth == 0) co_return 1;
  const unsigned below = co_await adds_up<bytes>(Token(), depth - 1);
  expect(test::holds(room, depth, 0), "a frame lost what it held");
  const std::unique_ptr<unsigned> one = std::make_unique<unsigned>(1);
  co_return below + *one;
}

// Above the task that failed: an exception of a child is an ordinary one here.
Task<unsigned> adds_up_or_none(Token, unsigned depth) {
  unsigned sum = 0;
  try {
    sum += co_await adds_up<8>(Token(), depth);
  } catch (const std::bad_alloc&) {
  }
  const unsigned rest = co_await adds_up<2'000>(Token(), depth);
  co_return sum + rest;
}

struct Finished : FinishHook {
  Finished()
      : FinishHook{[](FinishHook& self, std::coroutine_handle<>) noexcept {
          ++static_cast<Finished&>(self).times;
        }} {}
  unsigned times = 0;
};

void runs_trees_of_tasks() {
  constexpr unsigned depth = 12;
  bool failed = false;
  unsigned sum = 0;
  Finished finished;
  bool started = false;
  try {
    Task<unsigned> task = adds_up_or_none(Token(), depth);
    started = true;
    run_chain(task.start(Continuation::call(finished)));
    expect(task.done(), "T2: a task whose child found no memory never finished");
    sum = task.take_result();
  } catch (const std::bad_alloc&) {
    failed = true;
  }
  expect(finished.times == (started ? 1 : 0), "T2: the end of a task was not told once");
  expect(failed || sum == 2 * (depth + 1) || sum == depth + 1,
         "T2: a task came to another value although it did not throw");
}

constexpr unsigned tasks = 70;  // more than a run queue first has room for

struct Spawned {
  unsigned started = 0;
  unsigned ended = 0;
  unsigned failed = 0;
};

template <std::size_t bytes>
Task<unsigned> works(Token, Spawned& spawned, unsigned number) {
  std::array<std::byte, bytes> room;
  test::fill(room, number, 0);
  co_await yield();
  try {
    const unsigned depth = number < 4 ? 2 : 0;
    const unsigned sum = co_await adds_up<bytes>(Token(), depth);
    expect(sum == depth + 1, "T2: a task brought another value");
  } catch (const std::bad_alloc&) {
    ++spawned.failed;
  }
  const auto nothing = co_await nop();
  expect(nothing == 0u || Executor::current().ending(), "a nop failed");
  ++spawned.ended;
  expect(test::holds(room, number, 0), "a frame lost what it held");
  co_return number;
}

template <std::size_t bytes>
Task<> spawns(Token, Spawned& spawned, unsigned count) {
  std::vector<JoinHandle<unsigned>> handles;
  std::vector<unsigned> numbers;
  for (unsigned number = 0; number != count; ++number) {
    const std::size_t alive_before = Executor::current().tasks_alive();
    try {
      numbers.reserve(handles.size() + 1);
      handles.reserve(handles.size() + 1);
      JoinHandle<unsigned> handle = spawn(works<bytes>(Token(), spawned, number));
      ++spawned.started;
      handles.push_back(std::move(handle));
      numbers.push_back(number);
    } catch (const std::bad_alloc&) {
      ++spawned.failed;
      expect(Executor::current().tasks_alive() == alive_before,
             "a spawn that threw left a task counted");
    }
  }
  for (std::size_t i = 0; i != handles.size(); ++i) {
    const unsigned number = co_await handles[i];
    expect(number == numbers[i], "E5: a JoinHandle brought another value");
  }
}

template <std::size_t bytes>
void spawns_many() {
  Spawned spawned;
  try {
    Executor executor(ExecutorOptions{.ring = {.entries = 8}});
    try {
      executor.run(spawns<bytes>(Token(), spawned, tasks));
    } catch (const std::bad_alloc&) {
      ++spawned.failed;
    }
    expect(executor.tasks_alive() == 0, "E6: a task is alive after run() has thrown");
    expect(executor.ring().in_flight() == 0, "E6: an operation outlived a run() that has thrown");
    expect(Executor::current_or_null() == nullptr, "an executor is current after run() has thrown");
    // And it can be used again at once, now with all the memory it wants.
    test::stop_failing();
    const unsigned failed_before = spawned.failed;
    executor.run(spawns<bytes>(Token(), spawned, tasks));
    expect(spawned.failed == failed_before, "a spawn failed although no allocation did");
  } catch (const std::bad_alloc&) {
    expect(spawned.started == 0, "the executor's constructor threw after tasks had run");
  }
  expect(spawned.ended == spawned.started, "E6: a task that was spawned never ended");
}

Task<std::size_t> copies(Token, int from, int to, std::size_t size_bytes) {
  std::vector<std::byte> bytes(size_bytes);
  std::size_t done = 0;
  while (done != size_bytes) {
    const auto got = co_await read(from, std::span(bytes).subspan(done), done);
    expect(got.has_value(), "a read failed");
    const std::span<std::byte> part = std::span(bytes).subspan(done, *got);
    const auto written = co_await write(to, part, done);
    expect(written.has_value(), "a write failed");
    done += *written;
  }
  co_return done;
}

Task<unsigned> copies_often(Token, int from, int to) {
  unsigned whole = 0;
  for (unsigned i = 0; i != 8; ++i) {
    try {
      JoinHandle<std::size_t> handle = spawn(copies(Token(), from, to, 1'000 + i));
      const std::size_t copied = co_await handle;
      expect(copied == 1'000 + i, "a copy is not whole");
      ++whole;
    } catch (const std::bad_alloc&) {
    }
  }
  co_return whole;
}

void copies_files() {
  const test::MemoryFile from;
  const test::MemoryFile to;
  std::array<std::byte, 2'000> bytes;
  test::fill(bytes, 3, 0);
  expect(pwrite(from.fd(), bytes.data(), bytes.size(), 0) == 2'000, "a file took no bytes");
  unsigned whole = 7;
  try {
    Executor executor;
    whole = executor.run(copies_often(Token(), from.fd(), to.fd()));
  } catch (const std::bad_alloc&) {
  }
  expect(whole >= 7, "more copies failed than allocations");
}

sim::Options old_kernel() {
  sim::Options options;
  options.refused_setup_flags = IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER;
  return options;
}
sim::Options kernel_without_rings() {
  sim::Options options;
  options.setup_result = -EPERM;
  return options;
}

}  // namespace

TEST_CASE(
    "a ring's constructor throws without leaving a ring open; a ring in use never allocates") {
  with_each_allocation_failing(opens_and_uses_a_ring, 0);
  // What an older kernel lacks is told in words, and words need memory.
  with_each_allocation_failing(opens_and_uses_a_ring, 1, old_kernel());
  with_each_allocation_failing(finds_no_ring, 4, kernel_without_rings());
}

TEST_CASE("a task that finds no memory for a frame throws to whoever awaits it") {
  with_each_allocation_failing(runs_trees_of_tasks, 10);
}

TEST_CASE("a spawn throws with nothing changed; every other task comes to its end") {
  with_each_allocation_failing(spawns_many<8>, 5);
  with_each_allocation_failing(spawns_many<1'200>, tasks);
}

TEST_CASE("tasks that read and write lose nothing when another finds no memory") {
  with_each_allocation_failing(copies_files, 9);
}

#if PERCORE_ALL_OURS

namespace {

// Each holds a reference to the caller's number: it must not run on when the caller has gone on.
Task<int> looks_later(const int& number) {
  for (int i = 0; i < 3; ++i) co_await yield();
  co_return number;
}

Task<> waits_for_some(bool vector) {
  auto alive = std::make_unique<int>(42);
  try {
    if (vector) {
      std::vector<Task<int>> many;
      for (int i = 0; i < 70; ++i) many.push_back(looks_later(*alive));
      const auto values = co_await when_all(std::move(many));
      expect(values == std::vector<int>(70, 42), "when_all() gave other values");
    } else {
      const auto [a, b] = co_await when_all(looks_later(*alive), looks_later(*alive));
      expect(a == 42 && b == 42, "when_all() gave other values");
    }
  } catch (const std::bad_alloc&) {
  }
  *alive = 0;  // who runs on would see it, and is counted below
  expect(Executor::current().tasks_alive() == 1, "when_all() left a task running");
}

void wait_for_all() {
  try {
    Executor executor({.ring = {.entries = 8}});
    executor.run(waits_for_some(true));
    executor.run(waits_for_some(false));
  } catch (const std::bad_alloc&) {
  } catch (const RingUnavailable&) {
  }
}

}  // namespace

TEST_CASE("C1: where memory is gone when_all() still waits for what it has started") {
  with_each_allocation_failing(wait_for_all, 10);
}

namespace {

std::unique_ptr<int> asked_of_a_shard() {
  return std::make_unique<int>(42);
}

// Whether the other shard has answered.
Task<bool> asks(ShardLink& link, std::size_t other) {
  try {
    const auto answer = co_await link.submit_to(other, asked_of_a_shard);
    expect(*answer == 42, "a shard gave another answer");
    co_return true;
  } catch (const std::bad_alloc&) {
  } catch (const std::system_error& error) {
    expect(error.code() == std::errc::broken_pipe, "a call has another error");
  }
  co_return false;
}

// Who could not join says so, as Shards::join() demands of it. Who could asks all of them, twice.
Task<> joins_and_asks(Shards& shards, std::size_t number, std::size_t& answers) {
  std::optional<ShardLink> link;
  try {
    const Result<ShardLink> joined = co_await shards.join(number);
    if (joined) link = *joined;
    expect(link || joined.error() == std::errc::operation_canceled, "a join has another error");
  } catch (const std::bad_alloc&) {
    shards.fail();
  }
  if (!link) co_return;
  for (std::size_t i = 0; i < 2 * link->count(); ++i) {
    const bool answered = co_await asks(*link, i % link->count());
    if (answered) ++answers;
  }
}

Task<> yields(unsigned times) {
  for (unsigned i = 0; i < times; ++i) co_await yield();
}

// On one executor, which is told of a deadlock when one of them waits for ever.
Task<> shards_ask_one_another(std::size_t count, unsigned beside, std::size_t& answers) {
  Shards shards(count, 1);
  for (unsigned i = 0; i < beside; ++i) spawn(yields(500)).detach();
  std::vector<JoinHandle<void>> all;
  all.reserve(count);
  try {
    for (std::size_t i = 0; i < count; ++i)
      all.push_back(spawn(joins_and_asks(shards, i, answers)));
  } catch (const std::bad_alloc&) {
    shards.fail();
  }
  for (auto& one : all) {
    try {
      co_await one;
    } catch (const std::bad_alloc&) {  // of a call's frame
    }
  }
}

// beside   tasks that do nothing: room for tasks, too, is then made at another moment.
template <std::size_t count, unsigned beside = 0>
void runs_shards() {
  static unsigned runs = 0;  // of this process: in the second no allocation fails
  std::size_t answers = 0;
  try {
    Executor().run(shards_ask_one_another(count, beside, answers));
  } catch (const std::bad_alloc&) {
  } catch (const RingUnavailable&) {
  }
  expect(++runs == 1 || answers == 2 * count * count, "shards do not answer afterwards");
}

}  // namespace

TEST_CASE("N3, N5: where memory is gone in a join or a call, who asks is told, and all go on") {
  // As many as there are, another end meets the growth of what all have in common.
  with_each_allocation_failing(runs_shards<2>, 20);
  with_each_allocation_failing(runs_shards<2, 56>, 20);
  with_each_allocation_failing(runs_shards<2, 57>, 20);
  with_each_allocation_failing(runs_shards<3>, 40);
  with_each_allocation_failing(runs_shards<5>, 100);
  with_each_allocation_failing(runs_shards<6>, 150);
}

namespace {

sim::Options with_files() {
  sim::Options options;
  options.files_in_memory = "/sim";
  return options;
}

template <typename Root>
void on_files(Root root) {
  try {
    Executor executor({.ring = {.entries = 8}});
    executor.run(root());
  } catch (const std::bad_alloc&) {
  } catch (const RingUnavailable&) {
  }
}

std::string letters(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i / 7 + i / 4096) % 26);
  return text;
}

// Neighbours, which are written as one, and then a sync.
Task<> writes_neighbours() {
  constexpr std::size_t count = 8;
  DmaArena arena({.bytes = 256 << 10});
  const std::string text = letters(count * dma_granule_bytes);
  std::vector<DmaBuffer> blocks;
  std::vector<JoinHandle<Result<void>>> writes;
  std::array<bool, count> written{};
  blocks.reserve(count);
  writes.reserve(count);
  Result<DmaFile> file = co_await DmaFile::open(arena, "/sim/file", DmaOpen::create);
  expect(file.has_value(), "a file was not made");
  bool begun_all = true;
  for (std::size_t i = 0; i < count; ++i) {
    blocks.push_back(*arena.try_allocate(dma_granule_bytes));
    std::memcpy(blocks.back().data(), text.data() + i * dma_granule_bytes, dma_granule_bytes);
    try {
      writes.push_back(spawn(file->write(blocks.back().bytes(), i * dma_granule_bytes)));
    } catch (const std::bad_alloc&) {
      begun_all = false;
      break;
    }
  }
  for (std::size_t i = 0; i < writes.size(); ++i) {
    try {
      const Result<void> done = co_await writes[i];
      written[i] = done.has_value();
    } catch (const std::bad_alloc&) {
    }
  }
  try {
    const Result<void> synced = co_await file->fdatasync();
    expect(synced.has_value(), "a sync failed");
  } catch (const std::bad_alloc&) {
  }
  const std::string found = sim::file_content("/sim/file").value_or("");
  for (std::size_t i = 0; i < count; ++i)
    expect(!written[i] || found.compare(i * dma_granule_bytes, dma_granule_bytes, text,
                                        i * dma_granule_bytes, dma_granule_bytes) == 0,
           "a write was reported, and its bytes are not there");
  expect(!begun_all || writes.size() == count, "not all were begun");
  try {
    const Result<void> closed = co_await file->close();
    expect(closed.has_value(), "a close failed");
  } catch (const std::bad_alloc&) {  // then its end closes it
  }
}

// Whoever finds no memory goes on: what the stream then says is so.
Task<> writes_a_stream() {
  DmaArena arena({.bytes = 256 << 10});
  const std::string text = letters(30'000);
  std::size_t accepted = 0;
  Result<DmaFile> file = co_await DmaFile::open(arena, "/sim/file", DmaOpen::create);
  expect(file.has_value(), "a file was not made");
  DmaStreamWriter writer(*file, {.buffer_bytes = 4096, .write_behind = 2});
  const auto is_there = [&] {
    return sim::file_content("/sim/file").value_or("") ==
           std::string_view(text).substr(0, accepted);
  };
  for (std::size_t at = 0; at < text.size(); at += 3'000) {
    try {
      const auto piece = std::as_bytes(std::span(text)).subspan(accepted, 3'000);
      const Result<void> written = co_await writer.write(piece);
      if (!written) break;
      accepted += piece.size();
      if (at % 9'000 != 0) continue;
      const Result<void> synced = co_await writer.sync();
      if (!synced) break;
      expect(is_there(), "a stream said that it is synced, and the file holds something else");
    } catch (const std::bad_alloc&) {
    }
  }
  std::optional<Result<std::uint64_t>> closed;
  while (!closed) {
    try {
      closed = co_await writer.close();
    } catch (const std::bad_alloc&) {  // once: it has done nothing, and is asked for again
    }
  }
  expect(!*closed || **closed == accepted, "a stream tells another length than it took");
  expect(!*closed || is_there(), "a stream was closed, and the file holds something else");
}

Task<> reads_a_stream() {
  DmaArena arena({.bytes = 256 << 10});
  const std::string text = letters(30'000);
  sim::make_file("/sim/file", text);
  Result<DmaFile> file = co_await DmaFile::open(arena, "/sim/file", DmaOpen::read_only);
  expect(file.has_value(), "a file was not opened");
  DmaStreamReader reader(*file, {.buffer_bytes = 4096, .read_ahead = 3});
  std::size_t done = 0;
  for (;;) {
    try {
      const Result<DmaBuffer> got = co_await reader.next();
      if (!got) {
        expect(got.error() == std::errc::not_enough_memory, "a read has another error");
        break;
      }
      if (got->empty()) {
        expect(done == text.size(), "a stream ended early");
        break;
      }
      expect(text.compare(
                 done, got->size(),
                 std::string_view(reinterpret_cast<const char*>(got->data()), got->size())) == 0,
             "a stream gave other bytes than come next");
      done += got->size();
    } catch (const std::bad_alloc&) {
    }
  }
  for (bool closed = false; !closed;) {
    try {
      co_await reader.close();
      closed = true;
    } catch (const std::bad_alloc&) {
    }
  }
}

// A file that is there whole or not at all, and many reads of it.
Task<> seals_and_reads() {
  DmaArena arena({.bytes = 1 << 20});
  const std::string text = letters(20'000);
  bool sealed = false;
  {
    const DmaWriterOptions options{.buffer_bytes = 4096, .write_behind = 2};
    Result<ImmutableFileWriter> writer =
        co_await ImmutableFileWriter::create(arena, "/sim/table", options);
    expect(writer.has_value(), "a file was not made");
    std::optional<Result<void>> written;
    while (!written) {
      try {
        written = co_await writer->write(std::as_bytes(std::span(text)));
      } catch (const std::bad_alloc&) {  // once: it has done nothing, and is asked for again
      }
    }
    std::optional<Result<void>> done;
    while (!done) {
      try {
        done = co_await writer->seal();
      } catch (const std::bad_alloc&) {  // once: it has done nothing, and is asked for again
      }
    }
    sealed = done->has_value();
    expect(!sealed || *written, "a file was sealed that is not whole");
    std::optional<Result<void>> discarded;
    while (!sealed && !discarded) {
      try {
        discarded = co_await writer->discard();
      } catch (const std::bad_alloc&) {
      }
    }
  }
  if (sealed) expect(sim::file_content("/sim/table") == text, "a sealed file is not whole");
  Result<ImmutableFile> file = co_await ImmutableFile::open(arena, "/sim/table");
  if (!file) co_return;  // it was not sealed
  std::vector<DmaRange> ranges;
  for (std::uint64_t i = 0; i < 5; ++i) ranges.push_back({.offset = i * 3'999, .size = 100});
  const DmaMergeOptions none{.gap_bytes_max = 0};
  const std::vector<Result<DmaBuffer>> got = co_await file->read_many(std::move(ranges), none);
  for (std::size_t i = 0; i < got.size(); ++i)
    expect(got[i] && text.compare(i * 3'999, 100,
                                  std::string_view(reinterpret_cast<const char*>(got[i]->data()),
                                                   got[i]->size())) == 0,
           "one of many reads gave other bytes");
  static_cast<void>(co_await file->close());
}

}  // namespace

TEST_CASE(
    "A3, A5: where memory is gone a write is told, and none of its neighbours waits for ever") {
  with_each_allocation_failing([] { on_files(writes_neighbours); }, 20, with_files());
}

TEST_CASE("M6: where memory is gone a stream of writes says nothing that is not so") {
  with_each_allocation_failing([] { on_files(writes_a_stream); }, 20, with_files());
}

TEST_CASE("M1: where memory is gone a stream of reads skips nothing") {
  with_each_allocation_failing([] { on_files(reads_a_stream); }, 8, with_files());
}

TEST_CASE("where memory is gone a file is sealed whole or not at all") {
  with_each_allocation_failing([] { on_files(seals_and_reads); }, 20, with_files());
}

#endif
