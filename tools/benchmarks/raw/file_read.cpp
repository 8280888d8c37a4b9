// The floor of file_read: liburing by hand, one read in flight, one enter a read.
#include <file.hpp>

#include <string>

#include "open_ring.hpp"

int main(int argument_count, char** arguments) {
  const std::string suite = argument_count > 1 ? arguments[1] : "";
  if (suite != "file_read") bench::unknown_suite("file_read", suite.c_str(), "file_read");
  const int fd = bench::file_in_cache();
  std::vector<unsigned char> buffer(bench::block_bytes);
  io_uring ring;
  open_ring(ring);
  bench::ReadTimer timer;
  for (std::size_t round = 0; round < bench::read_rounds; ++round) {
    timer.begin_round();
    for (std::size_t i = 0; i < bench::reads_a_round; ++i) {
      io_uring_sqe* const sqe = io_uring_get_sqe(&ring);
      io_uring_prep_read(sqe, fd, buffer.data(), bench::block_bytes, bench::offset_of(i));
      io_uring_submit_and_wait(&ring, 1);
      io_uring_cqe* cqe = nullptr;
      io_uring_peek_cqe(&ring, &cqe);
      bench::check_sum(static_cast<std::uint64_t>(cqe->res), bench::block_bytes);
      io_uring_cqe_seen(&ring, cqe);
      bench::check_block(buffer.data(), i);
    }
    timer.end_round();
  }
  io_uring_queue_exit(&ring);
  timer.print();
}
