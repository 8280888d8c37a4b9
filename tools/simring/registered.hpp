#pragma once

// Registered files and buffers: what a slot holds, and who keeps it. An operation holds what its
// slot held when it started, so that an update of the slot does not reach it, as in the kernel.

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace percore::sim {

struct Ring;
struct Operation;

struct Resource {
  int fd = -1;            // owned
  iovec buffer{};         // the program's
  std::uint64_t tag = 0;  // a completion with it tells that nobody uses the resource any more

  Resource() = default;
  ~Resource();
  Resource(const Resource&) = delete;
  Resource& operator=(const Resource&) = delete;
};
using ResourcePointer = std::shared_ptr<Resource>;

struct ResourceTable {
  std::vector<ResourcePointer> slots;  // empty: not registered
  unsigned allocation_begin = 0, allocation_end = 0, allocation_hint = 0;

  bool registered() const { return !slots.empty(); }
  void make(unsigned count);
};

/// Takes `fd` over, and puts it into a slot. file_index  a slot counted from 1, or
/// IORING_FILE_INDEX_ALLOC.
/// Returns  0, the slot that was found for ALLOC, or an error; then `fd` is closed.
int install_direct(Ring& ring, int fd, unsigned file_index);
/// Returns  0, or the error of a slot (counted from 1) that holds nothing.
int remove_direct(Ring& ring, unsigned file_index);
/// As IORING_REGISTER_FILES_UPDATE: how many were done, or the first one's error.
int update_files(Ring& ring, unsigned offset, const int* files, unsigned count,
                 const std::uint64_t* tags);
/// Each of `files` into a slot that is free, whose number takes its place in the array.
int allocate_files(Ring& ring, int* files, unsigned count);

/// Lets go of a resource; the last holder posts its tag.
void let_go(Ring& ring, ResourcePointer& resource);
/// A second descriptor for the same open file, with a high number: the low ones are the program's.
int duplicate(int fd);
/// Closes a descriptor, of a modelled socket too.
void close_descriptor(int fd);
/// A parked operation keeps its file, whatever becomes of the program's descriptor.
void hold_own_file(Operation& operation);
/// The operations under way on `fd` keep its file when the program closes it.
void hold_file(int fd);

}  // namespace percore::sim
