// Registered files and buffers, their tables, and the functions of liburing that change them.

#include "registered.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "library.hpp"
#include "network.hpp"
#include "state.hpp"

namespace percore::sim {

namespace {

constexpr std::size_t buffer_bytes_max = 1u << 30;
constexpr unsigned buffers_count_max = 1u << 14;
constexpr int first_high_descriptor = 500;

void fill(Ring& ring, ResourceTable& table, unsigned slot, ResourcePointer resource) {
  let_go(ring, table.slots[slot]);
  table.slots[slot] = std::move(resource);
}

void note_use(ResourceTable& table, unsigned slot, bool used) {
  table.allocation_hint = used ? slot + 1 : slot;
}

// Returns  a free slot of the range that ALLOC may use, or -ENFILE.
int find_free(const ResourceTable& table) {
  const auto free_in = [&](unsigned begin, unsigned end) {
    for (unsigned slot = begin; slot < end; ++slot) {
      if (table.slots[slot] == nullptr) return static_cast<int>(slot);
    }
    return -ENFILE;
  };
  const int found = free_in(table.allocation_hint, table.allocation_end);
  return found >= 0 ? found : free_in(table.allocation_begin, table.allocation_hint);
}

// -EBADF where the kernel would not take the descriptor; a ring is none of those it takes.
int make_file(int fd, std::uint64_t tag, ResourcePointer& out) {
  if (find_ring(fd) != nullptr) return -EBADF;
  const int own = duplicate(fd);
  if (own < 0) return own;
  out = std::make_shared<Resource>();
  out->fd = own;
  out->tag = tag;
  return 0;
}

int make_buffer(const iovec& buffer, std::uint64_t tag, ResourcePointer& out) {
  out = nullptr;
  if (buffer.iov_base == nullptr) {
    if (buffer.iov_len != 0) return -EFAULT;
    return tag == 0 ? 0 : -EINVAL;
  }
  if (buffer.iov_len == 0 || buffer.iov_len > buffer_bytes_max) return -EFAULT;
  if (!mapped(buffer.iov_base, buffer.iov_len)) return -EFAULT;
  out = std::make_shared<Resource>();
  out->buffer = buffer;
  out->tag = tag;
  return 0;
}

int unregister(Ring& ring, ResourceTable& table) {
  if (!table.registered()) return -ENXIO;
  for (ResourcePointer& slot : table.slots) let_go(ring, slot);
  table = {};
  return 0;
}

int register_files(Ring& ring, const int* files, const std::uint64_t* tags, unsigned count) {
  if (ring.files.registered()) return -EBUSY;
  if (count == 0) return -EINVAL;
  ResourceTable made;
  made.make(count);
  for (unsigned slot = 0; slot != count; ++slot) {
    const std::uint64_t tag = tags == nullptr ? 0 : tags[slot];
    if (files[slot] == -1) {
      if (tag != 0) return -EINVAL;
      continue;
    }
    if (const int error = make_file(files[slot], tag, made.slots[slot]); error != 0) return error;
  }
  ring.files = std::move(made);
  return 0;
}

int register_buffers(Ring& ring, const iovec* buffers, const std::uint64_t* tags, unsigned count) {
  if (ring.fixed_buffers.registered()) return -EBUSY;
  if (count == 0 || count > buffers_count_max) return -EINVAL;
  ResourceTable made;
  made.make(count);
  for (unsigned slot = 0; slot != count && buffers != nullptr; ++slot) {
    const int error =
        make_buffer(buffers[slot], tags == nullptr ? 0 : tags[slot], made.slots[slot]);
    if (error != 0) return error;
  }
  ring.fixed_buffers = std::move(made);
  return 0;
}

int update_buffers(Ring& ring, unsigned offset, const iovec* buffers, const std::uint64_t* tags,
                   unsigned count) {
  ResourceTable& table = ring.fixed_buffers;
  if (!table.registered()) return -ENXIO;
  if (count == 0 || offset > table.slots.size() || count > table.slots.size() - offset)
    return -EINVAL;
  for (unsigned done = 0; done != count; ++done) {
    ResourcePointer made;
    const int error = make_buffer(buffers[done], tags == nullptr ? 0 : tags[done], made);
    if (error != 0) return done != 0 ? static_cast<int>(done) : error;
    fill(ring, table, offset + done, std::move(made));
  }
  return static_cast<int>(count);
}

int set_allocation_range(Ring& ring, unsigned offset, unsigned count) {
  ResourceTable& table = ring.files;
  if (offset + count < offset) return -EOVERFLOW;
  if (offset + count > table.slots.size()) return -EINVAL;
  table.allocation_begin = table.allocation_hint = offset;
  table.allocation_end = offset + count;
  return 0;
}

}  // namespace

Resource::~Resource() {
  if (fd >= 0) close_descriptor(fd);
}

void ResourceTable::make(unsigned count) {
  slots.resize(count);
  allocation_begin = allocation_hint = 0;
  allocation_end = count;
}

void let_go(Ring& ring, ResourcePointer& resource) {
  if (resource == nullptr) return;
  const std::uint64_t tag = resource.use_count() == 1 ? resource->tag : 0;
  resource.reset();
  if (tag != 0) post_completion(ring, 0, tag, 0, 0);
}

int duplicate(int fd) {
  int made = fcntl(fd, F_DUPFD_CLOEXEC, first_high_descriptor);
  if (made < 0 && errno == EINVAL) made = fcntl(fd, F_DUPFD_CLOEXEC, 0);  // a low RLIMIT_NOFILE
  if (made >= 0 && network::owns(fd)) network::duplicated(fd, made);
  return made < 0 ? -errno : made;
}

void close_descriptor(int fd) {
  network::close(fd);
  ::close(fd);
}

void hold_own_file(Operation& operation) {
  const bool by_number = (operation.sqe.flags & IOSQE_FIXED_FILE) == 0;
  if (operation.file != nullptr || !operation.opcode->uses_file || !by_number) return;
  ResourcePointer held;
  if (make_file(operation.sqe.fd, 0, held) == 0) operation.file = held;
}

void hold_file(int fd) {
  ResourcePointer held;
  for (Ring* ring : session().open_rings) {
    for (auto& [id, operation] : ring->live) {
      const bool started = operation.state == State::flying || operation.state == State::parked;
      if (!started || !operation.opcode->uses_file || operation.file != nullptr) continue;
      if ((operation.sqe.flags & IOSQE_FIXED_FILE) != 0 || operation.sqe.fd != fd) continue;
      if (held == nullptr && make_file(fd, 0, held) != 0) return;
      operation.file = held;
    }
  }
}

int install_direct(Ring& ring, int fd, unsigned file_index) {
  ResourceTable& table = ring.files;
  const bool allocates = file_index == IORING_FILE_INDEX_ALLOC;
  int slot = allocates ? -ENFILE : static_cast<int>(file_index - 1);
  if (allocates && table.registered()) slot = find_free(table);
  if (!allocates && !table.registered()) slot = -ENXIO;
  if (!allocates && table.registered() && file_index > table.slots.size()) slot = -EINVAL;
  ResourcePointer made;
  const int error = slot < 0 ? slot : make_file(fd, 0, made);
  close_descriptor(fd);
  if (error != 0) return error;
  const bool was_free = table.slots[static_cast<unsigned>(slot)] == nullptr;
  fill(ring, table, static_cast<unsigned>(slot), std::move(made));
  if (was_free) note_use(table, static_cast<unsigned>(slot), true);  // no hint from a replacement
  return allocates ? slot : 0;
}

int remove_direct(Ring& ring, unsigned file_index) {
  ResourceTable& table = ring.files;
  if (!table.registered()) return -ENXIO;
  if (file_index > table.slots.size()) return -EINVAL;
  if (table.slots[file_index - 1] == nullptr) return -EBADF;
  let_go(ring, table.slots[file_index - 1]);
  note_use(table, file_index - 1, false);
  return 0;
}

int update_files(Ring& ring, unsigned offset, const int* files, unsigned count,
                 const std::uint64_t* tags) {
  ResourceTable& table = ring.files;
  if (!table.registered()) return -ENXIO;
  if (count == 0 || offset > table.slots.size() || count > table.slots.size() - offset)
    return -EINVAL;
  for (unsigned done = 0; done != count; ++done) {
    const unsigned slot = offset + done;
    const std::uint64_t tag = tags == nullptr ? 0 : tags[done];
    int error = 0;
    if (tag != 0 && (files[done] == IORING_REGISTER_FILES_SKIP || files[done] == -1))
      error = -EINVAL;
    if (error == 0 && files[done] == IORING_REGISTER_FILES_SKIP) continue;
    if (error == 0 && table.slots[slot] != nullptr) {
      let_go(ring, table.slots[slot]);
      note_use(table, slot, false);
    }
    if (error == 0 && files[done] != -1) {
      error = make_file(files[done], tag, table.slots[slot]);
      if (error == 0) note_use(table, slot, true);
    }
    if (error != 0) return done != 0 ? static_cast<int>(done) : error;
  }
  return static_cast<int>(count);
}

int allocate_files(Ring& ring, int* files, unsigned count) {
  for (unsigned done = 0; done != count; ++done) {
    const int own = duplicate(files[done]);
    int slot = own;
    if (find_ring(files[done]) != nullptr) slot = -EBADF;
    if (own >= 0) slot = install_direct(ring, own, IORING_FILE_INDEX_ALLOC);
    if (slot < 0) return done != 0 ? static_cast<int>(done) : slot;
    files[done] = slot;
  }
  return static_cast<int>(count);
}

}  // namespace percore::sim

using percore::sim::arrive;
using percore::sim::LibraryCall;
using percore::sim::Ring;

// liburing's own names for tags differ from std::uint64_t in the type alone.
static_assert(sizeof(__u64) == sizeof(std::uint64_t));

extern "C" {

int io_uring_register_files(io_uring* handle, const int* files, unsigned count) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* const ring = arrive(handle, __func__);
  return ring == nullptr ? -EBADF : percore::sim::register_files(*ring, files, nullptr, count);
}

int io_uring_register_files_tags(io_uring* handle, const int* files, const __u64* tags,
                                 unsigned count) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* const ring = arrive(handle, __func__);
  return ring == nullptr ? -EBADF
                         : percore::sim::register_files(
                               *ring, files, reinterpret_cast<const std::uint64_t*>(tags), count);
}

int io_uring_register_files_sparse(io_uring* handle, unsigned count) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* const ring = arrive(handle, __func__);
  if (ring == nullptr) return -EBADF;
  if (ring->files.registered()) return -EBUSY;
  if (count == 0) return -EINVAL;
  ring->files.make(count);
  return 0;
}

int io_uring_register_files_update(io_uring* handle, unsigned offset, const int* files,
                                   unsigned count) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* const ring = arrive(handle, __func__);
  return ring == nullptr ? -EBADF
                         : percore::sim::update_files(*ring, offset, files, count, nullptr);
}

int io_uring_register_files_update_tag(io_uring* handle, unsigned offset, const int* files,
                                       const __u64* tags, unsigned count) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* const ring = arrive(handle, __func__);
  return ring == nullptr ? -EBADF
                         : percore::sim::update_files(*ring, offset, files, count,
                                                      reinterpret_cast<const std::uint64_t*>(tags));
}

int io_uring_unregister_files(io_uring* handle) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* const ring = arrive(handle, __func__);
  return ring == nullptr ? -EBADF : percore::sim::unregister(*ring, ring->files);
}

int io_uring_register_file_alloc_range(io_uring* handle, unsigned offset,
                                       unsigned count) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* const ring = arrive(handle, __func__);
  return ring == nullptr ? -EBADF : percore::sim::set_allocation_range(*ring, offset, count);
}

int io_uring_register_buffers(io_uring* handle, const iovec* buffers,
                              unsigned count) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* const ring = arrive(handle, __func__);
  return ring == nullptr ? -EBADF : percore::sim::register_buffers(*ring, buffers, nullptr, count);
}

int io_uring_register_buffers_tags(io_uring* handle, const iovec* buffers, const __u64* tags,
                                   unsigned count) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* const ring = arrive(handle, __func__);
  return ring == nullptr ? -EBADF
                         : percore::sim::register_buffers(
                               *ring, buffers, reinterpret_cast<const std::uint64_t*>(tags), count);
}

int io_uring_register_buffers_sparse(io_uring* handle, unsigned count) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* const ring = arrive(handle, __func__);
  return ring == nullptr ? -EBADF : percore::sim::register_buffers(*ring, nullptr, nullptr, count);
}

int io_uring_register_buffers_update_tag(io_uring* handle, unsigned offset, const iovec* buffers,
                                         const __u64* tags, unsigned count) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* const ring = arrive(handle, __func__);
  return ring == nullptr
             ? -EBADF
             : percore::sim::update_buffers(*ring, offset, buffers,
                                            reinterpret_cast<const std::uint64_t*>(tags), count);
}

int io_uring_unregister_buffers(io_uring* handle) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* const ring = arrive(handle, __func__);
  return ring == nullptr ? -EBADF : percore::sim::unregister(*ring, ring->fixed_buffers);
}

// There are no kernel threads to place or to count: what a program asks for is taken down.
int io_uring_register_iowq_aff(io_uring* handle, size_t, const cpu_set_t*) LIBURING_NOEXCEPT {
  const LibraryCall call;
  return arrive(handle, __func__) == nullptr ? -EBADF : 0;
}

int io_uring_unregister_iowq_aff(io_uring* handle) LIBURING_NOEXCEPT {
  const LibraryCall call;
  return arrive(handle, __func__) == nullptr ? -EBADF : 0;
}

int io_uring_register_iowq_max_workers(io_uring* handle, unsigned* values) LIBURING_NOEXCEPT {
  const LibraryCall call;
  Ring* const ring = arrive(handle, __func__);
  if (ring == nullptr) return -EBADF;
  for (unsigned kind = 0; kind != 2; ++kind) {
    const unsigned wanted = values[kind];
    values[kind] = ring->workers_max[kind];
    if (wanted != 0) ring->workers_max[kind] = wanted;
  }
  return 0;
}

}  // extern "C"
