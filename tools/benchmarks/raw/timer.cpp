// The floor of timer: liburing by hand, waiting for a completion that does not come, with a limit.
#include <liburing.h>

#include <measure.hpp>

#include <string>
#include <vector>

#include "open_ring.hpp"

int main(int argument_count, char** arguments) {
  const std::string suite = argument_count > 1 ? arguments[1] : "";
  if (suite != "timer") bench::unknown_suite("timer", suite.c_str(), "timer");
  io_uring ring;
  open_ring(ring);
  std::vector<double> late_us;
  late_us.reserve(bench::sleeps);
  __kernel_timespec limit{.tv_sec = 0, .tv_nsec = bench::sleep_ns};
  for (std::size_t i = 0; i < bench::sleeps_warm_up + bench::sleeps; ++i) {
    const std::int64_t from = bench::now_ns();
    io_uring_cqe* cqe = nullptr;
    const int waited = io_uring_wait_cqes(&ring, &cqe, 1, &limit, nullptr);
    if (waited != -ETIME) {
      std::fprintf(stderr, "the wait ended with %d before its limit\n", waited);
      return 1;
    }
    if (i >= bench::sleeps_warm_up) late_us.push_back(bench::late_us(from));
  }
  io_uring_queue_exit(&ring);
  bench::print_json(bench::timer_metrics(late_us));
}
