// The operation that does nothing, and may be told with which result.

#include "state.hpp"

namespace percore::sim {

namespace {

#ifndef IORING_NOP_INJECT_RESULT
constexpr unsigned nop_inject_result = 1u << 0;  // Linux 6.10; liburing 2.3 has no name for it
#else
constexpr unsigned nop_inject_result = IORING_NOP_INJECT_RESULT;
#endif

}  // namespace

int prepare_nop(Operation& operation) {
  return (operation.sqe.rw_flags & ~nop_inject_result) == 0 ? 0 : -EINVAL;
}

int perform_nop(Operation& operation) {
  const bool inject = (operation.sqe.rw_flags & nop_inject_result) != 0;
  return inject ? static_cast<int>(operation.sqe.len) : 0;
}

}  // namespace percore::sim
