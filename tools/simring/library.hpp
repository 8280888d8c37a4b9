#pragma once

// What the files that define liburing's functions share.

#include <cerrno>

#include "state.hpp"

// Newer headers declare their functions with it.
#ifndef LIBURING_NOEXCEPT
#define LIBURING_NOEXCEPT
#endif

namespace percore::sim {

// A call from the program. liburing returns its errors and leaves errno alone; what stands in errno
// is then any older error. Here it is one that no ring answers with, so that -errno is noticed.
class LibraryCall {
 public:
  explicit LibraryCall(const void* frame = __builtin_frame_address(0)) : call_(0, frame) {}
  ~LibraryCall() { errno = EUCLEAN; }
  LibraryCall(const LibraryCall&) = delete;
  LibraryCall& operator=(const LibraryCall&) = delete;

 private:
  Call call_;
};

// Every call on a ring comes through here. Null: told already, answer -EBADF.
Ring* arrive(io_uring* handle, const char* function);

}  // namespace percore::sim
