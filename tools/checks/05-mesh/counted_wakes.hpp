#pragma once

#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

// Counts the system calls that wake an executor. Included once in a program: it takes the place of
// the C library's functions.
namespace checks {

/// System calls that wake somebody: writes of eight bytes, which is what an eventfd takes.
inline std::atomic<unsigned> wakes{0};

}  // namespace checks

extern "C" ssize_t write(int descriptor, const void* bytes, std::size_t count) {
  if (count == sizeof(std::uint64_t)) ++checks::wakes;
  return syscall(SYS_write, descriptor, bytes, count);
}
extern "C" ssize_t writev(int descriptor, const iovec* parts, int count) {
  if (count == 1 && parts->iov_len == sizeof(std::uint64_t)) ++checks::wakes;
  return syscall(SYS_writev, descriptor, parts, count);
}
extern "C" int eventfd_write(int descriptor, eventfd_t value) {
  return write(descriptor, &value, sizeof value) == sizeof value ? 0 : -1;
}
