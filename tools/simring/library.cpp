// The functions that liburing exports, with liburing 2.3's own ways: when it enters the kernel and
// when not, and what it makes of the answer. Where it would make a system call, enter() of wait.cpp
// answers.

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "library.hpp"
#include "state.hpp"

namespace percore::sim {

// Every call on a ring comes through here: what is wrong with the program's side of the ring is
// seen now.
Ring* arrive(io_uring* handle, const char* function) {
  Ring* const ring = find_ring(handle, function);
  if (ring == nullptr) return nullptr;
  check_user(*ring);
  note_harvest(*ring);
  check_entries(*ring, handle->sq.sqe_tail);
  return ring;
}

namespace {

// Of io_uring_enter2's fifth parameter: sigset_t* at first, void* in newer headers.
template <typename Argument>
Argument fifth_parameter(int (*)(unsigned, unsigned, unsigned, unsigned, Argument, std::size_t));

constexpr std::uint8_t ring_registered_flag = 1;  // liburing's INT_FLAG_REG_RING

// Hands what was filled in to the kernel's side. Returns  how many entries wait there.
unsigned flush(Ring& ring, io_uring& handle) {
  Ring::Shared& shared = *ring.shared;
  unsigned tail = shared.sq_tail;
  while (handle.sq.sqe_head != handle.sq.sqe_tail) {
    ring.array[tail & shared.sq_mask] = handle.sq.sqe_head & shared.sq_mask;
    ++tail;
    ++handle.sq.sqe_head;
  }
  __atomic_store_n(&shared.sq_tail, tail, __ATOMIC_RELEASE);
  return tail - shared.sq_head;
}

bool kernel_has_completions(const Ring& ring) {
  return (ring.shared->sq_flags & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN)) != 0;
}

int submit(io_uring* handle, unsigned wait_nr, bool get_events, const char* function) {
  Ring* const ring = arrive(handle, function);
  if (ring == nullptr) return -EBADF;
  const unsigned entries = flush(*ring, *handle);
  const bool wants_completions = get_events || wait_nr != 0 || kernel_has_completions(*ring);
  if (entries == 0 && !wants_completions) return 0;
  return enter(*ring, entries, wait_nr, wants_completions ? IORING_ENTER_GETEVENTS : 0, nullptr);
}

struct Wanted {
  unsigned submit = 0;
  unsigned wait_nr = 0;
  const __kernel_timespec* timeout = nullptr;
};

io_uring_cqe* peek(const Ring& ring, unsigned& available) {
  available = ring.ready();
  return available == 0 ? nullptr : &ring.cqes[ring.load_head() & ring.shared->cq_mask];
}

// A look that found nothing. On a timer tick a cooperative ring's completions are worked on, as any
// interrupt would.
void note_look(Ring& ring) {
  constexpr unsigned looks_a_tick = 64;
  session().clock += 100;
  perform_due();
  ++ring.looks;
  if (ring.cooperative() && ring.looks % looks_a_tick == 0) run_finished(ring);
  if (ring.looks != session().options.idle_calls_max) return;
  violate(Rule::spins_for_ever, 0,
          "the program looked at the completion queue " + std::to_string(ring.looks) +
              " times without entering the kernel, where nothing can arrive; wait for a "
              "completion, or call "
              "io_uring_get_events");
}

int get_completion(Ring& ring, io_uring_cqe** out, Wanted wanted) {
  io_uring_cqe* cqe = nullptr;
  int error = 0;
  for (bool looped = false;;) {
    unsigned available = 0;
    cqe = peek(ring, available);
    bool enters = false;
    unsigned flags = 0;
    if (cqe == nullptr && wanted.wait_nr == 0 && wanted.submit == 0) {
      if (looped || !kernel_has_completions(ring)) {
        if (!looped) note_look(ring);
        if (error == 0) error = -EAGAIN;
        break;
      }
      enters = true;
    }
    if (wanted.wait_nr > available || enters) flags = IORING_ENTER_GETEVENTS, enters = true;
    if (wanted.submit != 0) enters = true;
    if (!enters) break;
    if (looped && wanted.timeout != nullptr) {
      if (cqe == nullptr && error == 0) error = -ETIME;
      break;
    }
    const int result = enter(ring, wanted.submit, wanted.wait_nr, flags, wanted.timeout);
    if (result < 0) {
      if (error == 0) error = result;
      break;
    }
    wanted.submit -= static_cast<unsigned>(result);
    if (cqe != nullptr) break;
    if (!looped) {
      looped = true;
      error = result;
    }
  }
  *out = cqe;
  return error;
}

int wait_completions(io_uring* handle, io_uring_cqe** out, unsigned wait_nr,
                     __kernel_timespec* timeout, bool submits, const char* function) {
  Ring* const ring = arrive(handle, function);
  if (ring == nullptr) return -EBADF;
  const unsigned entries = submits ? flush(*ring, *handle) : 0;
  return get_completion(*ring, out, {.submit = entries, .wait_nr = wait_nr, .timeout = timeout});
}

int fill_probe(io_uring_probe& probe, unsigned count) {
  // An older header's IORING_OP_LAST lies below operations that are here all the same.
  constexpr unsigned known = std::max<unsigned>(IORING_OP_LAST, op_ftruncate + 1);
  probe.last_op = static_cast<std::uint8_t>(std::min(known, 256u) - 1);
  probe.ops_len = static_cast<std::uint8_t>(std::min(known, count));
  for (unsigned opcode = 0; opcode != probe.ops_len; ++opcode) {
    probe.ops[opcode].op = static_cast<std::uint8_t>(opcode);
    probe.ops[opcode].flags = supported(opcode) ? IO_URING_OP_SUPPORTED : 0;
  }
  return 0;
}

}  // namespace

using EnterArgument = decltype(fifth_parameter(&io_uring_enter2));

}  // namespace percore::sim

using percore::sim::arrive;
using percore::sim::LibraryCall;
using percore::sim::Ring;

extern "C" {

int io_uring_queue_init_params(unsigned entries, io_uring* ring,
                               io_uring_params* params) LIBURING_NOEXCEPT {
  const LibraryCall call;
  return percore::sim::open_ring(entries, ring, params);
}

int io_uring_queue_init(unsigned entries, io_uring* ring, unsigned flags) LIBURING_NOEXCEPT {
  io_uring_params params{};
  params.flags = flags;
  return io_uring_queue_init_params(entries, ring, &params);
}

void io_uring_queue_exit(io_uring* handle) LIBURING_NOEXCEPT {
  const LibraryCall call;
  if (Ring* const ring = arrive(handle, __func__)) percore::sim::close_ring(*ring, *handle);
}

int io_uring_submit(io_uring* ring) LIBURING_NOEXCEPT {
  const LibraryCall call;
  return percore::sim::submit(ring, 0, false, __func__);
}

int io_uring_submit_and_wait(io_uring* ring, unsigned wait_nr) LIBURING_NOEXCEPT {
  const LibraryCall call;
  return percore::sim::submit(ring, wait_nr, false, __func__);
}

int io_uring_submit_and_get_events(io_uring* ring) LIBURING_NOEXCEPT {
  const LibraryCall call;
  return percore::sim::submit(ring, 0, true, __func__);
}

int io_uring_get_events(io_uring* handle) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* const ring = arrive(handle, __func__);
  return ring == nullptr ? -EBADF
                         : percore::sim::enter(*ring, 0, 0, IORING_ENTER_GETEVENTS, nullptr);
}

int io_uring_submit_and_wait_timeout(io_uring* ring, io_uring_cqe** cqe, unsigned wait_nr,
                                     __kernel_timespec* timeout, sigset_t*) LIBURING_NOEXCEPT {
  const LibraryCall call;
  return percore::sim::wait_completions(ring, cqe, wait_nr, timeout, true, __func__);
}

int io_uring_wait_cqes(io_uring* ring, io_uring_cqe** cqe, unsigned wait_nr,
                       __kernel_timespec* timeout, sigset_t*) LIBURING_NOEXCEPT {
  const LibraryCall call;
  return percore::sim::wait_completions(ring, cqe, wait_nr, timeout, false, __func__);
}

int io_uring_wait_cqe_timeout(io_uring* ring, io_uring_cqe** cqe,
                              __kernel_timespec* timeout) LIBURING_NOEXCEPT {
  const LibraryCall call;
  return percore::sim::wait_completions(ring, cqe, 1, timeout, false, __func__);
}

int __io_uring_get_cqe(io_uring* handle, io_uring_cqe** cqe, unsigned submit, unsigned wait_nr,
                       sigset_t*) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* const ring = arrive(handle, "io_uring_wait_cqe or io_uring_peek_cqe");
  if (ring == nullptr) return -EBADF;
  return percore::sim::get_completion(*ring, cqe, {.submit = submit, .wait_nr = wait_nr});
}

unsigned io_uring_peek_batch_cqe(io_uring* handle, io_uring_cqe** cqes,
                                 unsigned count) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* const ring = arrive(handle, __func__);
  if (ring == nullptr) return 0;
  if (ring->ready() == 0 && percore::sim::kernel_has_completions(*ring)) {
    percore::sim::enter(*ring, 0, 0, IORING_ENTER_GETEVENTS, nullptr);
  } else if (ring->ready() == 0) {
    percore::sim::note_look(*ring);
  }
  const unsigned found = std::min(ring->ready(), count);
  for (unsigned index = 0; index != found; ++index) {
    cqes[index] = &ring->cqes[(ring->load_head() + index) & ring->shared->cq_mask];
  }
  return found;
}

int __io_uring_sqring_wait(io_uring*) LIBURING_NOEXCEPT {
  return 0;
}  // there is no SQPOLL to wait for

io_uring_probe* io_uring_get_probe_ring(io_uring* ring) LIBURING_NOEXCEPT {
  constexpr unsigned operations_max = 256;
  const std::size_t size = sizeof(io_uring_probe) + operations_max * sizeof(io_uring_probe_op);
  auto* const probe = static_cast<io_uring_probe*>(std::calloc(1, size));
  if (probe != nullptr && io_uring_register_probe(ring, probe, operations_max) == 0) return probe;
  std::free(probe);
  return nullptr;
}

io_uring_probe* io_uring_get_probe(void) LIBURING_NOEXCEPT {
  io_uring ring;
  if (io_uring_queue_init(2, &ring, 0) < 0) return nullptr;
  io_uring_probe* const probe = io_uring_get_probe_ring(&ring);
  io_uring_queue_exit(&ring);
  return probe;
}

void io_uring_free_probe(io_uring_probe* probe) LIBURING_NOEXCEPT {
  std::free(probe);
}

int io_uring_register_probe(io_uring* handle, io_uring_probe* probe,
                            unsigned count) LIBURING_NOEXCEPT {
  const LibraryCall call;
  return arrive(handle, __func__) == nullptr ? -EBADF : percore::sim::fill_probe(*probe, count);
}

int io_uring_enable_rings(io_uring* handle) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* const ring = arrive(handle, __func__);
  if (ring == nullptr) return -EBADF;
  if (!ring->disabled) return -EBADFD;
  ring->disabled = false;
  ring->issuer = pthread_self();
  return 0;
}

int io_uring_register_ring_fd(io_uring* handle) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* const ring = arrive(handle, __func__);
  if (ring == nullptr) return -EBADF;
  if (ring->registered) return -EEXIST;
  ring->registered = true;
  handle->enter_ring_fd = 0;
  handle->int_flags |= percore::sim::ring_registered_flag;
  return 1;
}

int io_uring_unregister_ring_fd(io_uring* handle) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* const ring = arrive(handle, __func__);
  if (ring == nullptr) return -EBADF;
  if (!ring->registered) return -EINVAL;
  ring->registered = false;
  handle->enter_ring_fd = handle->ring_fd;
  handle->int_flags &= static_cast<std::uint8_t>(~percore::sim::ring_registered_flag);
  return 1;
}

int io_uring_register_sync_cancel(io_uring* handle,
                                  io_uring_sync_cancel_reg* request) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* const ring = arrive(handle, __func__);
  if (ring == nullptr) return -EBADF;
  const int result = percore::sim::cancel(*ring, request->addr, request->fd, request->flags, 0, 0);
  return result > 0 ? 0 : result;
}

int io_uring_enter2(unsigned fd, unsigned to_submit, unsigned min_complete, unsigned flags,
                    percore::sim::EnterArgument argument, size_t) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* ring = nullptr;
  if ((flags & IORING_ENTER_REGISTERED_RING) == 0) {
    ring = percore::sim::find_ring(static_cast<int>(fd));
  } else {  // the index is one in the thread's own table; a thread has one ring as a rule
    for (Ring* open : percore::sim::session().open_rings) {
      if (open->registered && pthread_equal(open->issuer, pthread_self())) ring = open;
    }
  }
  if (ring == nullptr) return fcntl(static_cast<int>(fd), F_GETFD) < 0 ? -EBADF : -EOPNOTSUPP;
  constexpr unsigned known =
      IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG | IORING_ENTER_REGISTERED_RING;
  if ((flags & ~known) != 0) return -EINVAL;
  percore::sim::note_harvest(*ring);
  const __kernel_timespec* timeout = nullptr;
  if ((flags & IORING_ENTER_EXT_ARG) != 0 && argument != nullptr) {
    io_uring_getevents_arg extended;
    std::memcpy(&extended, argument, sizeof extended);
    timeout = reinterpret_cast<const __kernel_timespec*>(extended.ts);
  }
  return percore::sim::enter(*ring, to_submit, min_complete, flags & IORING_ENTER_GETEVENTS,
                             timeout);
}

int io_uring_enter(unsigned fd, unsigned to_submit, unsigned min_complete, unsigned flags,
                   sigset_t* signals) LIBURING_NOEXCEPT {
  return io_uring_enter2(fd, to_submit, min_complete, flags, signals, 0);
}

int io_uring_ring_dontfork(io_uring*) LIBURING_NOEXCEPT {
  return 0;
}

ssize_t io_uring_mlock_size_params(unsigned, io_uring_params*) LIBURING_NOEXCEPT {
  return 0;
}  // as since Linux 5.12
ssize_t io_uring_mlock_size(unsigned, unsigned) LIBURING_NOEXCEPT {
  return 0;
}

}  // extern "C"
