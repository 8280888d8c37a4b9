// What liburing exports, up to 2.9, and the simulation has not: a clear end instead of a missing
// symbol. liburing's header is not included, so that this compiles beside every version of it.

#include <cstdio>
#include <cstdlib>

namespace {

[[noreturn]] void not_simulated(const char* function) {
  std::fprintf(stderr,
               "simulated ring: %s is not simulated yet; run the program on the real ring, or do "
               "without this call\n",
               function);
  std::abort();
}

}  // namespace

#define NOT_SIMULATED(function)             \
  extern "C" [[noreturn]] void function() { \
    not_simulated(#function);               \
  }

NOT_SIMULATED(io_uring_setup)
NOT_SIMULATED(io_uring_register)
NOT_SIMULATED(io_uring_queue_mmap)
NOT_SIMULATED(io_uring_queue_init_mem)
NOT_SIMULATED(io_uring_register_personality)
NOT_SIMULATED(io_uring_unregister_personality)
NOT_SIMULATED(io_uring_register_restrictions)
NOT_SIMULATED(io_uring_buf_ring_head)
NOT_SIMULATED(io_uring_close_ring_fd)
NOT_SIMULATED(io_uring_register_clock)
NOT_SIMULATED(io_uring_clone_buffers)
NOT_SIMULATED(io_uring_clone_buffers_offset)
NOT_SIMULATED(io_uring_register_sync_msg)
NOT_SIMULATED(io_uring_register_region)
NOT_SIMULATED(io_uring_register_wait_reg)
NOT_SIMULATED(io_uring_submit_and_wait_min_timeout)
NOT_SIMULATED(io_uring_submit_and_wait_reg)
NOT_SIMULATED(io_uring_wait_cqes_min_timeout)
NOT_SIMULATED(io_uring_resize_rings)
