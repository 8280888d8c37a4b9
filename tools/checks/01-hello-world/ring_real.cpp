// 01.4 ring, once on the kernel: what the simulated ring cannot promise about the real one.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <memory>
#include <percore/check.hpp>
#include <percore/ring.hpp>
#include <vector>

using percore::Operation;
using percore::Ring;
using percore::Time;
using percore::Wait;
using percore::check::require;

namespace {

struct Counted final : Operation {
  Counted() : Operation(&Counted::completed) {}
  static void completed(Operation& self, std::int32_t answer, std::uint32_t) noexcept {
    auto& counted = static_cast<Counted&>(self);
    ++counted.times;
    counted.result = answer;
  }
  int times = 0;
  std::int32_t result = 4711;
  char byte = 'x';
};

}  // namespace

PERCORE_CHECK("harvest", on_the_kernel_each_completes_once, "R3",
              "every completion reaches its operation, once", "Lesson 01, *The harvest*") {
  Ring ring({.entries = 8});
  const int file = memfd_create("real", MFD_CLOEXEC);
  std::vector<std::unique_ptr<Counted>> all;
  run.waits_for("writes to a file in memory, on the kernel");
  for (unsigned i = 0; i < 100; ++i) {
    run.operation(i);
    all.push_back(std::make_unique<Counted>());
    io_uring_prep_write(&ring.entry(*all.back()), i % 10 == 9 ? -1 : file, &all.back()->byte, 1, i);
  }
  for (int turns = 0; turns < 10'000 && ring.in_flight() != 0; ++turns)
    ring.turn(Wait::for_completion);
  require(ring.in_flight() == 0, "{} operations on the kernel are still in flight",
          ring.in_flight());
  for (unsigned i = 0; i < 100; ++i) {
    require(all[i]->times == 1, "on the kernel operation {} was completed {} times", i,
            all[i]->times);
    require(all[i]->result == (i % 10 == 9 ? -EBADF : 1),
            "on the kernel operation {} was answered with {}", i, all[i]->result);
  }
  close(file);
}

PERCORE_CHECK("harvest", on_the_kernel_the_end_cancels, "R6",
              "the ring closes only when nothing is in flight", "Lesson 01, *The end*") {
  int ends[2];
  require(pipe2(ends, O_CLOEXEC) == 0, "no pipe could be made: {}", std::strerror(errno));
  std::vector<std::unique_ptr<Counted>> all;
  run.waits_for("the cancellation of reads that nobody answers, on the kernel");
  {
    Ring ring({.entries = 8});
    for (unsigned i = 0; i < 20; ++i) {
      all.push_back(std::make_unique<Counted>());
      io_uring_prep_read(&ring.entry(*all.back()), ends[0], &all.back()->byte, 1, 0);
    }
    const Time before = percore::now();
    ring.turn(Wait::for_completion, before + Time{2'000'000});
    require((percore::now() - before).nanoseconds >= 2'000'000,
            "on the kernel a sleep of 2 ms, without a completion, ended "
            "after {} ns",
            (percore::now() - before).nanoseconds);
  }
  for (unsigned i = 0; i < 20; ++i) {
    require(all[i]->times == 1,
            "the ring was closed and on the kernel operation {} had {} completions", i,
            all[i]->times);
  }
  close(ends[0]);
  close(ends[1]);
}
