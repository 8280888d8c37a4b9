#pragma once

#include <cerrno>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <percore/executor.hpp>
#include <percore/result.hpp>
#include <percore/ring.hpp>
#include <span>

namespace percore {

/// The offset that stands for the file's own position, which the operation then moves. The only one
/// that pipes, terminals and sockets know.
inline constexpr std::uint64_t current_position = ~std::uint64_t{0};

namespace io_detail {

/// One operation on the ring, awaited where it is made. It lies in the awaiting coroutine's frame,
/// so an operation needs no allocation; it is in flight until the co_await ends.
class [[nodiscard]] IoAwaiter final : Operation {
 public:
  IoAwaiter(io_uring_op opcode, int fd, const void* address, std::uint32_t size_bytes,
            std::uint64_t offset) noexcept
      : Operation(&IoAwaiter::record),
        opcode_(opcode),
        fd_(fd),
        size_bytes_(size_bytes),
        address_(address),
        offset_(offset) {}

  bool await_ready() const noexcept { return Executor::current().ending(); }

  void await_suspend(std::coroutine_handle<> awaiting) {
    waiting_ = Runnable::of(awaiting);
    io_uring_prep_rw(opcode_, &Executor::current().ring().entry(*this), fd_, address_, size_bytes_,
                     offset_);
  }

  Result<std::uint32_t> await_resume() const noexcept { return result_from_completion(result_); }

 private:
  static void record(Operation& self, std::int32_t result, std::uint32_t) noexcept {
    auto& awaiter = static_cast<IoAwaiter&>(self);
    awaiter.result_ = result;
    awaiter.waiting_.schedule();
  }

  io_uring_op opcode_;
  int fd_;
  std::int32_t result_ =
      -ECANCELED;  // what an operation gets that an ending executor no longer starts
  std::uint32_t size_bytes_;
  const void* address_;
  std::uint64_t offset_;
  Runnable waiting_;
};

/// Any one operation, from an entry that the caller has prepared.
class [[nodiscard]] EntryAwaiter final : Operation {
 public:
  explicit EntryAwaiter(const io_uring_sqe& prepared) noexcept
      : Operation(&EntryAwaiter::record), prepared_(prepared) {}

  bool await_ready() const noexcept { return Executor::current().ending(); }

  void await_suspend(std::coroutine_handle<> awaiting) {
    waiting_ = Runnable::of(awaiting);
    io_uring_sqe& entry = Executor::current().ring().entry(*this);
    prepared_.user_data = entry.user_data;
    entry = prepared_;
  }

  Result<std::uint32_t> await_resume() const noexcept { return result_from_completion(result_); }

 private:
  static void record(Operation& self, std::int32_t result, std::uint32_t) noexcept {
    auto& awaiter = static_cast<EntryAwaiter&>(self);
    awaiter.result_ = result;
    awaiter.waiting_.schedule();
  }

  io_uring_sqe prepared_;
  std::int32_t result_ = -ECANCELED;  // as above
  Runnable waiting_;
};

// The kernel takes at most INT_MAX bytes, rounded down to a page (read(2) NOTES); the rest is a
// short result.
inline std::uint32_t size_for_kernel(std::size_t size_bytes) noexcept {
  constexpr std::size_t size_max = 0x7ffff000;
  return static_cast<std::uint32_t>(size_bytes < size_max ? size_bytes : size_max);
}

}  // namespace io_detail

/// Reads up to out.size() bytes into `out`. `co_await` it.
/// offset   bytes from the start of the file, or current_position.
/// out      the caller keeps it alive and untouched until the co_await ends; at most 2 GiB are
/// asked for. Returns  bytes read: fewer than asked at the end of the file, and whenever the kernel
/// sees fit; 0 only at the end. Errors   the kernel's; ECANCELED while the executor ends. Cost one
/// entry, no allocation. A read of cached data is worked on inside the enter. Thread   the
/// executor's. Source   io_uring_enter(2) IORING_OP_READ (5.6); read(2).
inline io_detail::IoAwaiter read(int fd, std::span<std::byte> out,
                                 std::uint64_t offset = current_position) noexcept {
  return {IORING_OP_READ, fd, out.data(), io_detail::size_for_kernel(out.size()), offset};
}

/// Writes up to in.size() bytes from `in`. `co_await` it.
/// offset   bytes from the start of the file, or current_position.
/// in       the caller keeps it alive and unchanged until the co_await ends; at most 2 GiB are
/// asked for. Returns  bytes written, which may be fewer than asked. Errors   the kernel's;
/// ECANCELED while the executor ends. Cost     one entry, no allocation. Thread   the executor's.
/// Source   io_uring_enter(2) IORING_OP_WRITE (5.6); write(2).
inline io_detail::IoAwaiter write(int fd, std::span<const std::byte> in,
                                  std::uint64_t offset = current_position) noexcept {
  return {IORING_OP_WRITE, fd, in.data(), io_detail::size_for_kernel(in.size()), offset};
}

/// Performs what `prepared` says, with one completion. `co_await` it.
/// prepared  an entry of the caller's own, as an io_uring_prep_*() has filled it in; it is copied.
///           The caller keeps alive what it names (paths, buffers) until the co_await ends. No
///           multishot, no link.
/// Returns   the completion's count. Errors  the kernel's; ECANCELED while the executor ends.
/// Thread    the executor's. Source  io_uring_enter(2).
inline io_detail::EntryAwaiter perform(const io_uring_sqe& prepared) noexcept {
  return io_detail::EntryAwaiter(prepared);
}

/// Goes to the kernel and back without doing anything: what the ring itself costs. `co_await` it;
/// gives 0. Thread   the executor's. Source   io_uring_enter(2) IORING_OP_NOP (5.1).
inline io_detail::IoAwaiter nop() noexcept {
  return {IORING_OP_NOP, -1, nullptr, 0, 0};
}

}  // namespace percore
