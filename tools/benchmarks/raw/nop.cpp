// The floor of nop1 and nop64: liburing by hand, with the flags that percore asks for and one enter
// a batch.
#include <liburing.h>

#include <measure.hpp>

#include <string>

#include "open_ring.hpp"

namespace {

constexpr std::size_t nops_a_round = 6'400;

unsigned one_batch(io_uring& ring, unsigned depth) {
  for (unsigned i = 0; i < depth; ++i) {
    io_uring_sqe* const sqe = io_uring_get_sqe(&ring);
    io_uring_prep_nop(sqe);
    io_uring_sqe_set_data64(sqe, i);
  }
  io_uring_submit_and_wait(&ring, depth);
  unsigned head = 0;
  unsigned completed = 0;
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(&ring, head, cqe) completed += cqe->res == 0 ? 1 : 0;
  io_uring_cq_advance(&ring, completed);
  return completed;
}

double measure_nops(io_uring& ring, unsigned depth) {
  bench::RoundTimer timer(nops_a_round);
  while (timer.next()) {
    std::size_t completed = 0;
    for (std::size_t i = 0; i < nops_a_round / depth; ++i) completed += one_batch(ring, depth);
    bench::check_sum(completed, nops_a_round);
  }
  return timer.median_ns();
}

}  // namespace

int main(int argument_count, char** arguments) {
  const std::string suite = argument_count > 1 ? arguments[1] : "";
  if (suite != "nop") bench::unknown_suite("nop", suite.c_str(), "nop");
  io_uring ring;
  open_ring(ring);
  const double one = measure_nops(ring, 1);
  const double many = measure_nops(ring, 64);
  io_uring_queue_exit(&ring);
  bench::print_json({{"nop1", one, "ns"}, {"nop64", many, "ns"}});
}
