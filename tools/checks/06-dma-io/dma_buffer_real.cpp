// 06.2 dma_buffer, once on the kernel: a registered read and write through the arena's memory.

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <optional>
#include <percore/check.hpp>
#include <percore/dma_buffer.hpp>
#include <percore/io.hpp>

using namespace percore;
using percore::check::require;

namespace {

Task<> writes_and_reads(int fd) {
  DmaArena arena({.bytes = 64 * dma_granule_bytes});
  const Result<DmaBuffer> out = co_await arena.allocate(5000);
  const Result<DmaBuffer> in = co_await arena.allocate(5000);
  require(out && in, "on the kernel an empty arena gave no block");
  std::memset(out->data(), 'x', out->size());
  const auto wrote = co_await percore::write(fd, out->bytes(), 0);
  require(wrote && *wrote == 5000, "on the kernel a block could not be written to a file");
  io_uring_sqe entry{};
  if (arena.registered())
    io_uring_prep_read_fixed(&entry, fd, in->data(), 5000, 0, static_cast<int>(dma_buffer_index));
  else  // the kernel may not pin memory for this user: the arena works without (B6)
    io_uring_prep_read(&entry, fd, in->data(), 5000, 0);
  const auto got = co_await perform(entry);
  require(got && *got == 5000, "on the kernel a read into a block failed: {}",
          got ? std::string("it was short") : got.error().message());
  require(std::memcmp(in->data(), out->data(), 5000) == 0,
          "on the kernel what was read is not what had been written");
}

}  // namespace

PERCORE_CHECK("waiting", on_the_kernel_blocks_are_registered, "B6",
              "the memory is registered with the executor's ring for as long as the arena lives",
              "Lesson 06, *The arena*") {
  run.waits_for("a write and a read through the arena's memory, on the kernel");
  const int fd = memfd_create("block", MFD_CLOEXEC);
  {
    Executor executor({.ring = {.entries = 8}});
    executor.run(writes_and_reads(fd));
  }
  close(fd);
}
