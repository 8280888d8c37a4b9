// The floor of file_copy: liburing by hand, with registered memory. Each piece of memory is read
// into, written from, and read into again, as many of them as are in flight in both directions; one
// enter for what is to be submitted and waited for.
#include <liburing.h>

#include <copy.hpp>

#include <vector>

#include "open_ring.hpp"

namespace {

class Copier {
 public:
  Copier(const bench::CopyPaths& paths, bench::CopyWindow window) : window_(window) {
    open_ring(ring_);
    const bool both = !paths.from.empty() && !paths.to.empty();
    pieces_.resize(window.pieces * (both ? 2 : 1));
    const std::size_t bytes = pieces_.size() * window.piece_bytes;
    memory_ = static_cast<char*>(aligned_alloc(4096, bytes));
    std::memset(memory_, 1, bytes);
    const iovec all{.iov_base = memory_, .iov_len = bytes};
    const int error = io_uring_register_buffers(&ring_, &all, 1);
    if (error < 0) bench::file_failed("the memory", "it cannot be registered", -error);
  }
  ~Copier() {
    io_uring_queue_exit(&ring_);
    std::free(memory_);
  }
  Copier(const Copier&) = delete;
  Copier& operator=(const Copier&) = delete;

  std::int64_t run(const bench::CopyPaths& paths) {
    const std::int64_t begin = bench::now_ns();
    if (!paths.from.empty()) from_ = open_file(paths.from, O_RDONLY);
    const int how = paths.is_new ? O_RDWR | O_CREAT | O_EXCL : O_RDWR;
    if (!paths.to.empty()) to_ = open_file(paths.to, how);
    for (std::size_t i = 0; i < pieces_.size(); ++i) go_on(i);
    while (in_flight_ != 0) turn();
    if (to_ >= 0 && fdatasync(to_) != 0) bench::file_failed(paths.to, "it cannot be synced", errno);
    const std::int64_t took = bench::now_ns() - begin;
    if (from_ >= 0) close(from_);
    if (to_ >= 0) close(to_);
    return took;
  }

 private:
  struct Piece {
    std::uint64_t offset = 0;
    bool holds = false;  // what is to be written
  };

  static int open_file(const std::string& path, int how) {
    const int fd = open(path.c_str(), how | O_DIRECT | O_CLOEXEC, 0644);
    if (fd < 0) bench::file_failed(path, "it cannot be opened", errno);
    return fd;
  }

  void turn() {
    const int submitted = io_uring_submit_and_wait(&ring_, 1);
    if (submitted < 0 && submitted != -EINTR) bench::file_failed("the ring", "submit", -submitted);
    unsigned head = 0, seen = 0;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(&ring_, head, cqe) {
      if (cqe->res != static_cast<int>(window_.piece_bytes))
        bench::file_failed("an operation", "it failed", cqe->res < 0 ? -cqe->res : EIO);
      --in_flight_;
      ++seen;
      go_on(cqe->user_data);
    }
    io_uring_cq_advance(&ring_, seen);
  }

  void go_on(std::size_t number) {
    Piece& piece = pieces_[number];
    const bool writes = to_ >= 0 && (from_ < 0 || piece.holds);
    if (!piece.holds) {
      if (next_ == bench::copied_bytes) return;
      piece.offset = next_;
      next_ += window_.piece_bytes;
    }
    const auto size = static_cast<unsigned>(window_.piece_bytes);
    char* const memory = memory_ + number * window_.piece_bytes;
    io_uring_sqe* const sqe = io_uring_get_sqe(&ring_);
    if (writes)
      io_uring_prep_write_fixed(sqe, to_, memory, size, piece.offset, 0);
    else
      io_uring_prep_read_fixed(sqe, from_, memory, size, piece.offset, 0);
    piece.holds = !writes && to_ >= 0;
    io_uring_sqe_set_data64(sqe, number);
    ++in_flight_;
  }

  io_uring ring_;
  bench::CopyWindow window_;
  std::vector<Piece> pieces_;
  char* memory_;
  int from_ = -1;
  int to_ = -1;
  std::uint64_t next_ = 0;
  unsigned in_flight_ = 0;
};

}  // namespace

int main(int argument_count, char** arguments) {
  return bench::copy_main(argument_count, arguments,
                          [](const bench::CopyPaths& paths, bench::CopyWindow window) {
                            return Copier(paths, window).run(paths);
                          });
}
