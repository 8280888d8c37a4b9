// An eventfd that is told of each completion, and registrations that an older kernel refuses.

#include <unistd.h>

#include "library.hpp"

namespace percore::sim {

namespace {

int register_eventfd(Ring& ring, int fd, bool only_late) {
  if (ring.event_descriptor >= 0) return -EBUSY;
  std::uint64_t none = 0;
  if (write(fd, &none, sizeof none) != static_cast<ssize_t>(sizeof none))
    return errno == EBADF ? -EBADF : -EINVAL;
  const int own = duplicate(fd);
  if (own < 0) return own;
  ring.event_descriptor = own;
  ring.event_only_late = only_late;
  return 0;
}

}  // namespace

void signal_eventfd(const Ring& ring, bool in_submit) {
  if (ring.event_descriptor < 0 || (in_submit && ring.event_only_late)) return;
  if ((ring.shared->cq_flags & IORING_CQ_EVENTFD_DISABLED) != 0) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(ring.event_descriptor, &one, sizeof one);
}

void unregister_eventfd(Ring& ring) {
  if (ring.event_descriptor >= 0) close(ring.event_descriptor);
  ring.event_descriptor = -1;
}

}  // namespace percore::sim

using percore::sim::arrive;
using percore::sim::LibraryCall;
using percore::sim::Ring;

extern "C" {

int io_uring_register_eventfd(io_uring* handle, int fd) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* const ring = arrive(handle, __func__);
  return ring == nullptr ? -EBADF : percore::sim::register_eventfd(*ring, fd, false);
}

int io_uring_register_eventfd_async(io_uring* handle, int fd) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* const ring = arrive(handle, __func__);
  return ring == nullptr ? -EBADF : percore::sim::register_eventfd(*ring, fd, true);
}

int io_uring_unregister_eventfd(io_uring* handle) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* const ring = arrive(handle, __func__);
  if (ring == nullptr) return -EBADF;
  if (ring->event_descriptor < 0) return -ENXIO;
  percore::sim::unregister_eventfd(*ring);
  return 0;
}

// Linux 6.9; their structs are of newer headers.
int io_uring_register_napi(io_uring* handle, struct io_uring_napi*) LIBURING_NOEXCEPT;
int io_uring_unregister_napi(io_uring* handle, struct io_uring_napi*) LIBURING_NOEXCEPT;

int io_uring_register_napi(io_uring* handle, struct io_uring_napi*) LIBURING_NOEXCEPT {
  const LibraryCall call;
  return arrive(handle, __func__) == nullptr ? -EBADF : -EINVAL;
}

int io_uring_unregister_napi(io_uring* handle, struct io_uring_napi*) LIBURING_NOEXCEPT {
  const LibraryCall call;
  return arrive(handle, __func__) == nullptr ? -EBADF : -EINVAL;
}

}  // extern "C"
