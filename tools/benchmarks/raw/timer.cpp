// The floor of timer: liburing by hand, waiting for a completion that does not come, with a limit.
#include <liburing.h>

#include <measure.hpp>

#include <cstring>
#include <string>
#include <vector>

namespace {

// The same set-up as percore's, so that only what comes after it differs.
void open_ring(io_uring& ring) {
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                 IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL;
  int error = io_uring_queue_init_params(64, &ring, &params);
  if (error == -EINVAL) {
    params = {};
    error = io_uring_queue_init_params(64, &ring, &params);
  }
  if (error < 0) {
    std::fprintf(stderr, "no ring: %s\n", std::strerror(-error));
    std::exit(3);
  }
  io_uring_register_ring_fd(&ring);
}

}  // namespace

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
