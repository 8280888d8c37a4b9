// The floor of file_rand and file_write: liburing by hand, with registered memory, as many
// operations in flight as are asked for, and one enter for what is to be submitted and waited for.
// Writes that are to be at once may be merged: then they go as one, and the next ones follow it.
#include <liburing.h>

#include <file_work.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "open_ring.hpp"

namespace {

class Blocks {
 public:
  explicit Blocks(io_uring& ring) {
    memory_ = static_cast<char*>(aligned_alloc(4096, bench::depth_max * bench::block_bytes));
    std::memset(memory_, 1, bench::depth_max * bench::block_bytes);
    const iovec all{.iov_base = memory_, .iov_len = bench::depth_max * bench::block_bytes};
    const int error = io_uring_register_buffers(&ring, &all, 1);
    if (error < 0) bench::file_failed("the memory", "it cannot be registered", -error);
  }
  ~Blocks() { std::free(memory_); }
  Blocks(const Blocks&) = delete;
  Blocks& operator=(const Blocks&) = delete;
  char* at(std::uint64_t slot) const { return memory_ + slot * bench::block_bytes; }

 private:
  char* memory_;
};

// Keeps `depth` operations in flight: `again(sqe, slot)` prepares the next one, or says that there
// is none.
template <typename Again>
void keep_in_flight(io_uring& ring, unsigned depth, Again again) {
  unsigned in_flight = 0;
  const auto begin = [&](std::uint64_t slot) {
    io_uring_sqe* const sqe = io_uring_get_sqe(&ring);
    if (!again(*sqe, slot)) {  // the entry is taken: it goes as a nop
      io_uring_prep_nop(sqe);
      io_uring_sqe_set_data64(sqe, depth);
      ++in_flight;
      return false;
    }
    io_uring_sqe_set_data64(sqe, slot);
    ++in_flight;
    return true;
  };
  for (unsigned slot = 0; slot < depth; ++slot) begin(slot);
  while (in_flight != 0) {
    const int submitted = io_uring_submit_and_wait(&ring, 1);
    if (submitted < 0 && submitted != -EINTR) bench::file_failed("the ring", "submit", -submitted);
    unsigned head = 0, seen = 0;
    std::uint64_t slots[64];
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(&ring, head, cqe) {
      if (cqe->user_data < depth && cqe->res != static_cast<int>(bench::block_bytes))
        bench::file_failed("an operation", "it failed", cqe->res < 0 ? -cqe->res : EIO);
      slots[seen++] = cqe->user_data;
      if (seen == 64) break;
    }
    io_uring_cq_advance(&ring, seen);
    in_flight -= seen;
    for (unsigned i = 0; i < seen; ++i)
      if (slots[i] < depth) begin(slots[i]);
  }
}

double random_reads(const std::string& path, unsigned depth) {
  io_uring ring;
  open_ring(ring);
  const Blocks blocks(ring);
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC);
  if (fd < 0) bench::file_failed(path, "it cannot be opened", errno);
  bench::Offsets offsets;
  bench::Reads reads;
  keep_in_flight(ring, depth, [&](io_uring_sqe& sqe, std::uint64_t slot) {
    if (!reads.more()) return false;
    io_uring_prep_read_fixed(&sqe, fd, blocks.at(slot), bench::block_bytes, offsets.next(), 0);
    return true;
  });
  const double us_each = reads.us_each();
  close(fd);
  io_uring_queue_exit(&ring);
  return us_each;
}

void write_each(io_uring& ring, const Blocks& blocks, int fd, unsigned depth) {
  std::size_t next = 0;
  keep_in_flight(ring, depth, [&](io_uring_sqe& sqe, std::uint64_t slot) {
    if (next == bench::writes) return false;
    io_uring_prep_write_fixed(&sqe, fd, blocks.at(slot), bench::block_bytes,
                              bench::block_bytes * next++, 0);
    return true;
  });
}

void write_merged(io_uring& ring, const Blocks& blocks, int fd, unsigned depth) {
  static_assert(bench::writes % bench::depth_max == 0);
  std::vector<iovec> parts;
  for (unsigned slot = 0; slot < depth; ++slot)
    parts.push_back({.iov_base = blocks.at(slot), .iov_len = bench::block_bytes});
  for (std::size_t next = 0; next < bench::writes; next += depth) {
    io_uring_prep_writev(io_uring_get_sqe(&ring), fd, parts.data(), depth,
                         bench::block_bytes * next);
    const int submitted = io_uring_submit_and_wait(&ring, 1);
    if (submitted < 0) bench::file_failed("the ring", "submit", -submitted);
    io_uring_cqe* cqe = nullptr;
    io_uring_wait_cqe(&ring, &cqe);
    if (cqe->res != static_cast<int>(bench::block_bytes * depth))
      bench::file_failed("an operation", "it failed", cqe->res < 0 ? -cqe->res : EIO);
    io_uring_cqe_seen(&ring, cqe);
  }
}

double sequential_writes(const std::string& path, unsigned depth, bench::WriteForm form) {
  io_uring ring;
  open_ring(ring);
  const Blocks blocks(ring);
  const std::int64_t begin = bench::now_ns();
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_DIRECT | O_CLOEXEC, 0644);
  if (fd < 0) bench::file_failed(path, "it cannot be made", errno);
  if (form.preallocates && fallocate(fd, 0, 0, bench::writes * bench::block_bytes) != 0)
    bench::file_failed(path, "it cannot be preallocated", errno);
  if (form.merges)
    write_merged(ring, blocks, fd, depth);
  else
    write_each(ring, blocks, fd, depth);
  if (fdatasync(fd) != 0) bench::file_failed(path, "it cannot be synced", errno);
  const std::int64_t end = bench::now_ns();
  close(fd);
  io_uring_queue_exit(&ring);
  return static_cast<double>(end - begin) / 1000 / bench::writes;
}

}  // namespace

int main(int argument_count, char** arguments) {
  return bench::file_main(argument_count, arguments, random_reads, sequential_writes);
}
