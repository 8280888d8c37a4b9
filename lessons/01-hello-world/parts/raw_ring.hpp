#pragma once

#include <liburing.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace lesson {

/// An io_uring that closes itself, and nothing more: the programs of this lesson call liburing
/// directly, `io_uring_get_sqe(&ring)`.
class RawRing : public io_uring {
 public:
  /// entries  places in the submission queue; the kernel makes the completion queue twice as large.
  /// Ends the program with status 3 and one sentence where the kernel gives no ring.
  explicit RawRing(unsigned entries);
  ~RawRing() { io_uring_queue_exit(this); }
  RawRing(const RawRing&) = delete;
  RawRing& operator=(const RawRing&) = delete;
};

/// Greeting number `index` of those that the programs print, with its line's end.
std::string greeting(unsigned index);
std::vector<std::string> greetings(unsigned count);

/// How the three ways of printing differ is only when they enter the kernel.
void write_one_by_one(int fd, std::span<const std::string> lines);
void ring_one_by_one(RawRing& ring, int fd, std::span<const std::string> lines);
/// Fills the queue with all of `lines` (or as many as fit), then hands them over and waits in one
/// system call.
void ring_in_a_batch(RawRing& ring, int fd, std::span<const std::string> lines);

/// Ends the program with status 1 and one sentence when `result`, a negative errno as liburing
/// returns it, is an error.
void must(int result, const char* what);

}  // namespace lesson
