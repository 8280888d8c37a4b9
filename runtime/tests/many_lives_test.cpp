// 10,000 executors, one after the other, each with work of every kind: what one leaves behind would
// be there 10,000 times. Linked with liburing and with the simulated ring.
#include <doctest/doctest.h>

#include <dirent.h>
#include <unistd.h>

#include <array>
#include <barrier>
#include <cstdio>
#include <memory>
#include <percore/io.hpp>
#include <span>
#include <thread>
#include <vector>

#include "failing_new.hpp"

using namespace percore;

namespace {

constexpr unsigned lives = 10'000;
constexpr unsigned lives_to_warm_up = 500;  // pools and tables have grown to their size

// What this process holds.
struct Holdings {
  std::int64_t blocks = 0;  // from operator new
  std::size_t descriptors = 0;
  std::size_t mapped_bytes = 0;
};

std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* const folder = opendir("/proc/self/fd");
  REQUIRE(folder != nullptr);
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

std::size_t mapped_bytes() {
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  REQUIRE(file != nullptr);
  std::size_t pages = 0;
  REQUIRE(std::fscanf(file, "%zu", &pages) == 1);
  std::fclose(file);
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

Holdings holdings() {
  return {test::live_blocks(), open_descriptors(), mapped_bytes()};
}

// A life that kept one page would have taken 37 MiB by now. malloc may keep up to 128 KiB that it
// has not given back yet, so the mapped bytes are compared with a margin.
constexpr std::size_t mapped_margin_bytes = 1 << 20;

void check_no_drift(const Holdings& before, const Holdings& after) {
  CHECK(after.blocks == before.blocks);
  CHECK(after.descriptors == before.descriptors);
  CHECK(after.mapped_bytes <= before.mapped_bytes + mapped_margin_bytes);
}

Task<unsigned> counts_nops(unsigned count) {
  unsigned done = 0;
  for (unsigned i = 0; i != count; ++i) {
    const auto result = co_await nop();
    done += result.has_value() ? 1 : 0;
    co_await yield();
  }
  co_return done;
}

Task<> reads_for_ever(int fd) {
  std::byte byte{};
  static_cast<void>(co_await read(fd, std::span(&byte, 1)));
}

Task<unsigned> a_life(int quiet) {
  std::array<std::unique_ptr<JoinHandle<unsigned>>, 6> handles;
  for (auto& handle : handles)
    handle = std::make_unique<JoinHandle<unsigned>>(spawn(counts_nops(2)));
  spawn(counts_nops(1)).detach();
  spawn(reads_for_ever(quiet)).detach();  // the end of the executor cancels it
  unsigned done = 0;
  for (auto& handle : handles) {
    const unsigned some = co_await *handle;
    done += some;
  }
  co_return done;
}

void live_once(int quiet) {
  Executor executor(ExecutorOptions{.ring = {.entries = 16}});
  REQUIRE(executor.run(a_life(quiet)) == 12);
}

}  // namespace

TEST_CASE("10,000 executors leave no memory, no mapping and no descriptor behind") {
  std::array<int, 2> pipe_ends{};
  REQUIRE(pipe(pipe_ends.data()) == 0);
  for (unsigned life = 0; life != lives_to_warm_up; ++life) live_once(pipe_ends[0]);
  const Holdings before = holdings();
  for (unsigned life = lives_to_warm_up; life != lives; ++life) live_once(pipe_ends[0]);
  check_no_drift(before, holdings());
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

TEST_CASE("frames of threads that come and go in pairs are used again by those that follow") {
  constexpr unsigned pairs = 1'000;
  constexpr unsigned pairs_to_warm_up = 100;
  const auto pair = [] {
    std::barrier both_have_frames(2);
    const auto thread = [&both_have_frames] {
      std::vector<Task<unsigned>> tasks;
      for (unsigned i = 0; i != 20; ++i) tasks.push_back(counts_nops(i));
      both_have_frames.arrive_and_wait();
    };
    std::thread first(thread);
    std::thread second(thread);
    first.join();
    second.join();
  };
  for (unsigned i = 0; i != pairs_to_warm_up; ++i) pair();
  const std::int64_t before = test::live_blocks();
  for (unsigned i = pairs_to_warm_up; i != pairs; ++i) pair();
  CHECK(test::live_blocks() <= before + 2);
}
