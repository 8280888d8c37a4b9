// Files in memory, their descriptors and contents, and the crash.

#include "memory_files.hpp"

#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "state.hpp"

namespace percore::sim {

namespace {

constexpr std::uint64_t file_bytes_max = (1ull << 44) - 4096;  // 16 TiB, as on ext4
constexpr std::uint64_t current_position = ~std::uint64_t{0};
constexpr std::int64_t offset_max = std::numeric_limits<std::int64_t>::max();

constexpr int known_rw_flags = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND;

std::uint64_t total(std::span<const iovec> parts) {
  std::uint64_t bytes = 0;
  for (const iovec& part : parts) bytes += part.iov_len;
  return bytes;
}

bool all_mapped(std::span<const iovec> parts) {
  return std::all_of(parts.begin(), parts.end(),
                     [](const iovec& part) { return mapped(part.iov_base, part.iov_len); });
}

// O_DIRECT: position, addresses and lengths are multiples of a sector.
bool aligned(std::uint64_t position, std::span<const iovec> parts, std::size_t sector_bytes) {
  std::uint64_t all = position;
  for (const iovec& part : parts)
    all |= part.iov_len | reinterpret_cast<std::uintptr_t>(part.iov_base);
  return all % sector_bytes == 0;
}

// What an open may not ask for, as build_open_flags.
int examine_flags(const open_how& how) {
  constexpr std::uint64_t known = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND |
                                  O_NONBLOCK | O_SYNC | O_DSYNC | FASYNC | O_DIRECT | 0100000 |
                                  O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH |
                                  O_TMPFILE;
  constexpr std::uint64_t ways = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS |
                                 RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_CACHED;
  if ((how.flags & ~known) != 0 || (how.resolve & ~ways) != 0) return -EINVAL;
  const bool both = (how.resolve & RESOLVE_BENEATH) != 0 && (how.resolve & RESOLVE_IN_ROOT) != 0;
  const bool creates = (how.flags & O_CREAT) != 0;
  if (both || (how.mode & ~std::uint64_t{07777}) != 0) return -EINVAL;
  if (!creates && how.mode != 0) return -EINVAL;
  if (creates && (how.flags & O_DIRECTORY) != 0) return -EINVAL;
  if ((how.flags & (O_PATH | (O_TMPFILE & ~O_DIRECTORY))) != 0) return -EOPNOTSUPP;
  return 0;
}

}  // namespace

MemoryFiles::MemoryFiles(const Options& options)
    : prefix_(options.files_in_memory),
      sector_bytes_(options.disk_sector_bytes),
      direct_io_(options.direct_io),
      disk_(options.disk_sector_bytes) {
  begin(options);
}

void MemoryFiles::begin(const Options& options) {
  bytes_max_ = options.disk_bytes_max;
  steps_ = 0;
  crash_at_step_ = options.crash_at_step;
  snapshot_.reset();
  snapshot_with_change_.reset();
}

OpenFile* MemoryFiles::find(int fd) const {
  struct stat seen{};
  if (open_files_.empty() || fd < 0 || fstat(fd, &seen) != 0 || seen.st_dev != device_)
    return nullptr;
  const auto found = open_files_.find(seen.st_ino);
  return found == open_files_.end() ? nullptr : &found->second;
}

bool MemoryFiles::is_lost(int fd) const {
  struct stat seen{};
  return !lost_.empty() && fd >= 0 && fstat(fd, &seen) == 0 && seen.st_dev == device_ &&
         lost_.contains(seen.st_ino);
}

int MemoryFiles::make_descriptor(NodePointer node, const open_how& how) {
  const unsigned flags = (how.flags & O_CLOEXEC) != 0 ? MFD_CLOEXEC : 0;
  const int fd = memfd_create("file in the simulated ring's memory", flags);
  if (fd < 0) return -errno;
  struct stat seen{};
  fstat(fd, &seen);
  device_ = seen.st_dev;
  open_files_[seen.st_ino] = {.node = std::move(node), .flags = static_cast<int>(how.flags)};
  return fd;
}

int MemoryFiles::examine_open(const Walk& found, const open_how& how) const {
  const bool creates = (how.flags & O_CREAT) != 0;
  if (found.error != 0) return found.error;
  if (creates && found.slash && found.last == Walk::Last::name) return -EISDIR;
  if (found.too_long) return -ENAMETOOLONG;
  if (found.node == nullptr) return creates && found.parent->links != 0 ? 0 : -ENOENT;
  if (creates && (how.flags & O_EXCL) != 0) return -EEXIST;
  if (creates && found.node->is_directory()) return -EISDIR;
  if ((how.flags & O_DIRECTORY) != 0 && !found.node->is_directory()) return -ENOTDIR;
  if (found.node->is_link()) return -ELOOP;
  const bool writes = (how.flags & (O_ACCMODE | O_TRUNC)) != 0;
  if (found.node->is_directory() && writes) return -EISDIR;
  return (how.flags & O_DIRECT) != 0 && found.node->is_directory() ? -EINVAL : 0;
}

int MemoryFiles::open(int directory, const std::string& path, const open_how& how) {
  if (const int error = examine_flags(how); error != 0) return error;
  const bool creates = (how.flags & O_CREAT) != 0;
  const bool follow = (how.flags & O_NOFOLLOW) == 0 && !(creates && (how.flags & O_EXCL) != 0);
  const Walk found =
      walk(directory, path, {.follow = follow, .resolve = how.resolve, .creates = creates});
  if (const int error = examine_open(found, how); error != 0) return error;
  NodePointer node = found.node;
  if (node == nullptr) {
    const mode_t mask = umask(0);
    umask(mask);
    node = disk_.make_node(S_IFREG | (static_cast<unsigned>(how.mode) & 07777 & ~mask),
                           session().clock);
    create_at(found, node);
  }
  // In Linux's order: a file that is new stays, and one that was there is not truncated.
  if ((how.flags & O_DIRECT) != 0 && direct_io_ == DirectIo::refused) return -EINVAL;
  if ((how.flags & O_TRUNC) != 0 && node->size() != 0) {
    before_change();
    disk_.set_size(*node, 0);
    after_change();
  }
  open_how taken = how;
  if (direct_io_ == DirectIo::cached || direct_io_ == DirectIo::any)
    taken.flags &= ~static_cast<std::uint64_t>(O_DIRECT);
  return make_descriptor(std::move(node), taken);
}

long MemoryFiles::read(OpenFile& file, std::span<const iovec> parts, const Transfer& transfer) {
  if (!file.reads()) return -EBADF;
  if (file.node->is_directory()) return total(parts) == 0 ? 0 : -EISDIR;
  if ((transfer.rw_flags & ~known_rw_flags) != 0) return -EOPNOTSUPP;
  const bool moves_position = transfer.offset == current_position;
  const std::uint64_t offset = moves_position ? file.position : transfer.offset;
  if (static_cast<std::int64_t>(offset) < 0) return -EINVAL;
  if ((file.flags & O_DIRECT) != 0 && offset < file.node->size() &&
      !aligned(offset, parts, sector_bytes_))
    return -EINVAL;
  if (!all_mapped(parts)) return -EFAULT;
  std::uint64_t left = transfer.bytes_max == 0 ? total(parts) : transfer.bytes_max;
  std::uint64_t moved = 0;
  for (const iovec& part : parts) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(part.iov_len, left));
    const std::size_t count =
        disk_.read(*file.node, offset + moved, static_cast<unsigned char*>(part.iov_base), wanted);
    moved += count, left -= count;
    if (count != part.iov_len) break;
  }
  if (moves_position) file.position += moved;
  return static_cast<long>(moved);
}

std::uint64_t MemoryFiles::room() const {
  if (bytes_max_ == 0) return std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t used = disk_.used_bytes();
  return used < bytes_max_ ? bytes_max_ - used : 0;
}

// How much of a write is done: less near a full disk, and where a fault cuts it short. A direct
// write moves whole sectors.
std::uint64_t MemoryFiles::room_for(const Node& node, std::uint64_t offset, std::uint64_t length,
                                    bool direct, const Transfer& transfer) const {
  if (transfer.bytes_max != 0 || transfer.no_space) {
    length = std::min(length, transfer.bytes_max);
    if (direct) length -= length % sector_bytes_;
    if (length == 0 && !transfer.no_space) length = sector_bytes_;
  }
  while (length != 0 && disk_.needed_bytes(node, offset, length) > room()) {
    const std::uint64_t last = (offset + length - 1) / sector_bytes_ * sector_bytes_;
    length = last > offset ? last - offset : 0;
  }
  return length;
}

long MemoryFiles::write(OpenFile& file, std::span<const iovec> parts, const Transfer& transfer) {
  if (!file.writes()) return -EBADF;
  if ((transfer.rw_flags & ~known_rw_flags) != 0) return -EOPNOTSUPP;
  const bool moves_position = transfer.offset == current_position;
  std::uint64_t offset = moves_position ? file.position : transfer.offset;
  if (static_cast<std::int64_t>(offset) < 0) return -EINVAL;
  std::uint64_t length = total(parts);
  if (length == 0) return 0;
  if ((file.flags & O_APPEND) != 0 || (transfer.rw_flags & RWF_APPEND) != 0)
    offset = file.node->size();
  const bool direct = (file.flags & O_DIRECT) != 0;
  if (direct && !aligned(offset, parts, sector_bytes_)) return -EINVAL;
  if (offset >= file_bytes_max) return -EFBIG;
  if (!all_mapped(parts)) return -EFAULT;
  length = std::min(length, file_bytes_max - offset);
  length = room_for(*file.node, offset, length, direct, transfer);
  if (length == 0) return -ENOSPC;
  before_change();
  std::uint64_t moved = 0;
  for (const iovec& part : parts) {
    const std::uint64_t count = std::min<std::uint64_t>(part.iov_len, length - moved);
    disk_.write(*file.node, offset + moved, static_cast<const unsigned char*>(part.iov_base),
                static_cast<std::size_t>(count));
    moved += count;
  }
  file.node->changed_nanoseconds = session().clock;
  after_change();
  const bool durable =
      (file.flags & O_DSYNC) != 0 || (transfer.rw_flags & (RWF_DSYNC | RWF_SYNC)) != 0;
  if (durable) disk_.sync_range(*file.node, offset, moved);
  if (moves_position) file.position = offset + moved;
  return static_cast<long>(moved);
}

int MemoryFiles::sync(OpenFile& file, std::uint64_t offset, std::uint64_t length, bool fails) {
  before_change();
  Node& node = *file.node;
  if (fails) {
    disk_.fail_sync(node);
  } else if (node.is_directory()) {
    disk_.sync_directory(node);
  } else {
    disk_.sync_range(node, offset, length == 0 ? current_position : length);
  }
  return fails ? -EIO : 0;
}

int MemoryFiles::allocate(OpenFile& file, unsigned mode, std::int64_t offset, std::int64_t length,
                          bool no_space) {
  constexpr unsigned kinds = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;
  if (offset < 0 || length <= 0) return -EINVAL;
  if ((mode & ~(kinds | FALLOC_FL_KEEP_SIZE)) != 0 || (mode & kinds) == kinds) return -EOPNOTSUPP;
  const bool keeps_size = (mode & FALLOC_FL_KEEP_SIZE) != 0;
  const bool punches = (mode & FALLOC_FL_PUNCH_HOLE) != 0;
  if (punches && !keeps_size) return -EOPNOTSUPP;
  if (!file.writes()) return -EBADF;
  if (length > offset_max - offset || static_cast<std::uint64_t>(offset + length) > file_bytes_max)
    return -EFBIG;
  Node& node = *file.node;
  const auto begin = static_cast<std::uint64_t>(offset), size = static_cast<std::uint64_t>(length);
  if (!punches && (no_space || disk_.needed_bytes(node, begin, size) > room())) return -ENOSPC;
  before_change();
  if ((mode & kinds) != 0) disk_.zero(node, begin, size);
  if (!punches) {
    disk_.reserve(node, begin, size);
    if (!keeps_size && begin + size > node.size()) disk_.set_size(node, begin + size);
  }
  after_change();
  return 0;
}

int MemoryFiles::truncate(OpenFile& file, std::int64_t size) {
  if (size < 0) return -EINVAL;
  if (!file.node->is_file() || !file.writes()) return -EINVAL;
  if (static_cast<std::uint64_t>(size) > file_bytes_max) return -EFBIG;
  before_change();
  disk_.set_size(*file.node, static_cast<std::uint64_t>(size));
  after_change();
  return 0;
}

int MemoryFiles::sync_range_hint(const OpenFile& file, std::int64_t offset, std::int64_t length,
                                 unsigned flags) const {
  constexpr unsigned known =
      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  if ((flags & ~known) != 0 || offset < 0 || length > offset_max - offset) return -EINVAL;
  return file.node->is_link() ? -ESPIPE : 0;
}

int MemoryFiles::advise(const OpenFile&, unsigned advice) const {
  return advice <= POSIX_FADV_NOREUSE ? 0 : -EINVAL;
}

void MemoryFiles::before_change() {
  if (++steps_ == crash_at_step_) snapshot_ = disk_.clone();
}

void MemoryFiles::after_change() {
  if (steps_ == crash_at_step_ && !snapshot_with_change_) snapshot_with_change_ = disk_.clone();
}

void MemoryFiles::crash(std::uint64_t seed) {
  const bool with_change = snapshot_with_change_.has_value() && seed != 0 && seed % 2 == 1;
  if (snapshot_) disk_ = with_change ? *std::move(snapshot_with_change_) : *std::move(snapshot_);
  snapshot_.reset();
  snapshot_with_change_.reset();
  for (const auto& [inode, file] : open_files_) lost_.insert(inode);
  open_files_.clear();
  disk_.crash(seed);
}

int MemoryFiles::put(const std::string& path, const std::string& content) {
  if (!holds(-1, path)) return -EXDEV;
  const std::uint64_t steps_before = steps_;
  const std::uint64_t crash_step = std::exchange(crash_at_step_, 0);  // no work of the program's
  const int result = put_counted(path, content);
  steps_ = steps_before;
  crash_at_step_ = crash_step;
  return result;
}

int MemoryFiles::put_counted(const std::string& path, const std::string& content) {
  const std::string folder = below_root(path);
  for (std::size_t slash = folder.find('/', 1); slash != std::string::npos;
       slash = folder.find('/', slash + 1)) {
    const Walk above = walk(-1, prefix_ + folder.substr(0, slash), {.creates = true});
    if (above.error == 0 && above.node == nullptr)
      create_at(above, disk_.make_node(S_IFDIR | 0755, session().clock));
  }
  const Walk found = walk(-1, path, {.creates = true});
  const open_how how{.flags = O_CREAT | O_TRUNC | O_WRONLY, .mode = 0644, .resolve = 0};
  if (const int error = examine_open(found, how); error != 0) return error;
  NodePointer node = found.node;
  if (node == nullptr) {
    node = disk_.make_node(S_IFREG | 0644, session().clock);
    create_at(found, node);
  }
  disk_.set_size(*node, 0);
  disk_.write(*node, 0, reinterpret_cast<const unsigned char*>(content.data()), content.size());
  disk_.sync_file(*node);
  for (NodePointer at = found.parent; at != nullptr; at = at->parent.lock()) {
    disk_.sync_directory(*at);
    if (at == disk_.root()) break;
  }
  return 0;
}

std::optional<std::string> MemoryFiles::content(const std::string& path) const {
  if (!holds(-1, path)) return std::nullopt;
  const Walk found = walk(-1, path, {});
  if (found.error != 0 || found.node == nullptr || !found.node->is_file()) return std::nullopt;
  std::string bytes(static_cast<std::size_t>(found.node->size()), '\0');
  disk_.read(*found.node, 0, reinterpret_cast<unsigned char*>(bytes.data()), bytes.size());
  return bytes;
}

std::optional<std::vector<std::string>> MemoryFiles::names(const std::string& path) const {
  if (!holds(-1, path)) return std::nullopt;
  const Walk found = walk(-1, path, {});
  if (found.error != 0 || found.node == nullptr || !found.node->is_directory()) return std::nullopt;
  std::vector<std::string> all;
  for (const auto& [name, node] : found.node->entries) all.push_back(name);
  return all;
}

}  // namespace percore::sim

// In place of the C library's: the kernel says of each file in memory that it lies on a tmpfs.
extern "C" int fstatfs(int fd, struct statfs* found) noexcept {
  const percore::sim::Call call(0);
  const auto result = static_cast<int>(::syscall(SYS_fstatfs, fd, found));
  const auto& memory = percore::sim::session().memory;
  if (result == 0 && memory != nullptr && memory->find(fd) != nullptr)
    found->f_type = memory->is_tmpfs() ? TMPFS_MAGIC : EXT4_SUPER_MAGIC;
  return result;
}
