// Many writes made few: those of one turn that lie one behind the other go to the kernel as one.
//
// A device takes one long write in a fraction of the time of many short ones, and the kernel puts
// short ones together only where they reach the device in one go: those that must allocate blocks
// are handed to worker threads first, each by itself.

#include <percore/dma_file.hpp>

#include <sys/uio.h>

#include <algorithm>
#include <new>
#include <utility>

namespace percore {

void DmaFile::join_runs(std::vector<Write*>& asked) noexcept {
  std::ranges::sort(asked, {}, &Write::offset);
  Write* last = nullptr;
  std::size_t bytes = 0;
  for (Write* const write : asked) {
    const bool fits = bytes + write->in.size() <= run_bytes_max;
    if (last != nullptr && fits && write->offset == last->offset + last->in.size()) {
      last->behind = write;
      write->leads = false;
    } else {
      write->settled.set();
      bytes = 0;
    }
    bytes += write->in.size();
    last = write;
  }
  asked.clear();
}

DmaFile::Turn DmaFile::ask(Inside& file, Write& write) {
  RunQueue* const queue = &Executor::current().running_queue();
  // Those of one task queue only: nobody waits for a task that has fewer shares.
  if (!file.asked.empty() && file.asking != queue) return Turn::alone;
  file.asked.push_back(&write);
  if (file.asked.size() != 1) return Turn::later;
  file.asking = queue;
  return Turn::first;
}

// The first one looks after its yield, when all that were ready stand in `asked`. A write that it
// finds there by itself needs no run, and what is left of it, all, is its own task's to write.
bool DmaFile::has_company(Inside& file, Turn turn) noexcept {
  if (turn != Turn::first || file.asked.size() != 1) return turn != Turn::alone;
  file.asked.clear();
  return false;
}

void DmaFile::answer_behind(Write& leads) noexcept {
  for (Write* behind = leads.behind; behind != nullptr; behind = behind->behind)
    behind->settled.set();
}

// What fails or ends short is gone on with by each write itself: an error is then of the one that
// it belongs to.
Task<> DmaFile::write_run(Inside& file, Write& first) {
  static_assert(run_bytes_max / 512 <= 1024, "UIO_MAXIOV parts, of a sector or more each");
  std::vector<iovec> parts;
  try {
    for (Write* write = &first; write != nullptr; write = write->behind)
      parts.push_back(
          {.iov_base = const_cast<std::byte*>(write->in.data()), .iov_len = write->in.size()});
  } catch (const std::bad_alloc&) {
    parts.clear();
  }
  std::size_t moved = 0;
  if (!parts.empty()) {
    const SemaphoreUnits place = co_await file.places.hold();
    const Result<std::uint32_t> got =
        co_await io_detail::IoAwaiter(IORING_OP_WRITEV, file.fd, parts.data(),
                                      static_cast<std::uint32_t>(parts.size()), first.offset);
    if (got) {
      file.count_write(*got);
      moved = *got;
    }
  }
  for (Write* write = &first; write != nullptr;) {
    Write& now = *std::exchange(write, write->behind);
    const std::size_t whole = std::min(moved, now.in.size()) & ~(file.alignment - 1);
    moved -= std::min(moved, now.in.size());
    now.in = now.in.subspan(whole);
    now.offset += whole;
    now.settled.set();
  }
}

}  // namespace percore
