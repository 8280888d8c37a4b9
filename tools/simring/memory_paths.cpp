// Files in memory, their names: paths are walked, and names made, moved and taken away, by the
// kernel's rules and in its order of refusing.

#include <linux/fs.h>
#include <linux/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>

#include "memory_files.hpp"
#include "state.hpp"

namespace percore::sim {

namespace {

constexpr std::size_t name_bytes_max = 255;
constexpr unsigned links_followed_max = 40;
// STATX_DIOALIGN, and where the kernel's structure has it: headers before Linux 6.1 do not say.
constexpr unsigned statx_dioalign = 0x2000;
constexpr std::size_t place_of_dioalign = 152;

void split(const std::string& path, std::deque<std::string>& parts, bool in_front) {
  std::deque<std::string> found;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    if (slash != at) found.push_back(path.substr(at, slash - at));
    at = slash + 1;
  }
  parts.insert(in_front ? parts.begin() : parts.end(), found.begin(), found.end());
}

// True when `inner` is `outer` or lies in it.
bool lies_in(const NodePointer& inner, const NodePointer& outer) {
  for (NodePointer at = inner; at != nullptr;) {
    if (at == outer) return true;
    const NodePointer above = at->parent.lock();
    at = above == at ? nullptr : above;
  }
  return false;
}

}  // namespace

bool MemoryFiles::holds(int directory, const std::string& path) const {
  if (!path.starts_with('/')) return directory >= 0 && find(directory) != nullptr;
  return path.starts_with(prefix_) &&
         (path.size() == prefix_.size() || path[prefix_.size()] == '/');
}

std::string MemoryFiles::below_root(const std::string& path) const {
  return path.substr(std::min(path.size(), prefix_.size()));
}

int MemoryFiles::start_of(int directory, const std::string& path, const Rules& rules,
                          NodePointer& at) const {
  at = disk_.root();
  if (!holds(directory, path)) {  // the other end of a rename or a link
    const bool closed =
        !path.starts_with('/') && directory != AT_FDCWD && fcntl(directory, F_GETFD) < 0;
    return closed ? -EBADF : -EXDEV;
  }
  if (path.starts_with('/')) return (rules.resolve & RESOLVE_BENEATH) != 0 ? -EXDEV : 0;
  at = find(directory)->node;
  return at->is_directory() ? 0 : -ENOTDIR;
}

MemoryFiles::Walk MemoryFiles::walk(int directory, const std::string& path,
                                    const Rules& rules) const {
  Walk found;
  NodePointer at;
  found.error = start_of(directory, path, rules, at);
  if (found.error != 0) return found;
  const NodePointer start = at;
  const auto fails = [&](int error) {
    found.error = error;
    return found;
  };
  std::deque<std::string> parts;
  split(path.starts_with('/') ? below_root(path) : path, parts, false);
  found.slash = path.ends_with('/');
  found.node = at;
  unsigned followed = 0;
  while (!parts.empty()) {
    const std::string name = parts.front();
    parts.pop_front();
    const bool is_last = parts.empty();
    if (!at->is_directory()) return fails(-ENOTDIR);
    if (name == "." || name == "..") {
      const bool beneath = (rules.resolve & RESOLVE_BENEATH) != 0;
      if (name == ".." && beneath && at == start) return fails(-EXDEV);
      if (name == "..") at = at->parent.lock();
      found.node = at;
      found.last = name == "." ? Walk::Last::dot : Walk::Last::dot_dot;
      continue;
    }
    found.too_long = name.size() > name_bytes_max;
    if (found.too_long && !(is_last && rules.creates)) return fails(-ENAMETOOLONG);
    found.parent = at, found.name = name, found.last = Walk::Last::name;
    const auto child = at->entries.find(name);
    found.node = child == at->entries.end() ? nullptr : child->second;
    if (found.node == nullptr) return is_last ? found : fails(-ENOENT);
    // What is to be created cannot end with a slash, and that is seen before a link is followed.
    const bool follows =
        !is_last || (rules.creates ? rules.follow && !found.slash : rules.follow || found.slash);
    if (found.node->is_link() && follows) {
      if ((rules.resolve & RESOLVE_NO_SYMLINKS) != 0 || ++followed > links_followed_max)
        return fails(-ELOOP);
      const std::string& target = found.node->target;
      if (target.starts_with('/')) {
        if ((rules.resolve & RESOLVE_BENEATH) != 0) return fails(-EXDEV);
        if (!holds(-1, target)) return fails(-ENOENT);
        at = disk_.root();
      }
      split(target.starts_with('/') ? below_root(target) : target, parts, true);
      if (is_last) found.slash = found.slash || target.ends_with('/');
      found.node = at;
      continue;
    }
    at = found.node;
  }
  const bool must_be_folder = found.slash && !rules.creates && found.last == Walk::Last::name;
  return must_be_folder && !found.node->is_directory() ? fails(-ENOTDIR) : found;
}

int MemoryFiles::examine_new(const Walk& found, bool is_directory) const {
  if (found.error != 0) return found.error;
  if (found.last != Walk::Last::name) return -EEXIST;
  if (found.too_long) return -ENAMETOOLONG;
  if (found.node != nullptr) return -EEXIST;
  if (found.slash && !is_directory) return -ENOENT;
  // A folder that was removed while it was open takes no names any more.
  return found.parent->links == 0 ? -ENOENT : 0;
}

void MemoryFiles::change_names(NameStep step) {
  const auto now = session().clock;
  before_change();
  for (const NameChange& change : step.changes) {
    change.directory->changed_nanoseconds = now;
    const auto old = change.directory->entries.find(change.name);
    if (old != change.directory->entries.end()) {
      const bool is_directory = old->second->is_directory();
      old->second->links -= is_directory ? old->second->links : 1;
      if (is_directory) --change.directory->links;
    }
  }
  for (const NameChange& change : step.changes) {
    if (change.node == nullptr) continue;
    change.node->changed_nanoseconds = now;
    if (!change.node->is_directory()) {
      ++change.node->links;
      continue;
    }
    change.node->parent = change.directory;
    ++change.directory->links;
    const auto& entries = change.node->entries;
    change.node->links = 2 + static_cast<unsigned>(std::count_if(
                                 entries.begin(), entries.end(),
                                 [](const auto& entry) { return entry.second->is_directory(); }));
  }
  disk_.apply(std::move(step));
  after_change();
}

int MemoryFiles::create_at(const Walk& found, const NodePointer& node) {
  change_names({.changes = {{found.parent, found.name, node}}});
  return 0;
}

int MemoryFiles::make_directory(int directory, const std::string& path, unsigned mode) {
  const Walk found = walk(directory, path, {.follow = false, .creates = true});
  if (const int error = examine_new(found, true); error != 0) return error;
  const mode_t mask = umask(0);
  umask(mask);
  const unsigned permissions = mode & 01777 & ~mask;
  return create_at(found, disk_.make_node(S_IFDIR | permissions, session().clock));
}

int MemoryFiles::make_symlink(const std::string& target, int directory, const std::string& path) {
  const Walk found = walk(directory, path, {.follow = false, .creates = true});
  if (const int error = examine_new(found, false); error != 0) return error;
  const NodePointer node = disk_.make_node(S_IFLNK | 0777, session().clock);
  node->target = target;
  return create_at(found, node);
}

int MemoryFiles::link(int from, const std::string& old_path, int to, const std::string& new_path,
                      unsigned flags) {
  if ((flags & ~unsigned{AT_SYMLINK_FOLLOW | AT_EMPTY_PATH}) != 0) return -EINVAL;
  const bool of_descriptor = old_path.empty();
  Walk old;
  if (of_descriptor) {
    const OpenFile* const file = find(from);
    if (file == nullptr) return -EBADF;
    old.node = file->node;
  } else {
    old = walk(from, old_path, {.follow = (flags & AT_SYMLINK_FOLLOW) != 0});
  }
  if (old.error != 0) return old.error;
  if (old.node == nullptr) return -ENOENT;
  const Walk found = walk(to, new_path, {.follow = false, .creates = true});
  if (const int error = examine_new(found, false); error != 0) return error;
  if (old.node->is_directory()) return -EPERM;
  if (old.node->links == 0) return -ENOENT;
  return create_at(found, old.node);
}

int MemoryFiles::unlink(int directory, const std::string& path, unsigned flags) {
  const bool of_directory = (flags & AT_REMOVEDIR) != 0;
  const Walk found = walk(directory, path, {.follow = false, .creates = true});
  if (found.error != 0) return found.error;
  if (found.last != Walk::Last::name) {
    if (!of_directory) return -EISDIR;
    if (found.last == Walk::Last::dot) return -EINVAL;
    return found.last == Walk::Last::dot_dot ? -ENOTEMPTY : -EBUSY;
  }
  if (found.too_long) return -ENAMETOOLONG;
  if (found.node == nullptr) return -ENOENT;
  const bool is_directory = found.node->is_directory();
  if (!of_directory && is_directory) return -EISDIR;
  if ((!of_directory && found.slash) || (of_directory && !is_directory)) return -ENOTDIR;
  if (is_directory && !found.node->entries.empty()) return -ENOTEMPTY;
  return create_at(found, nullptr);
}

// As do_renameat2 and vfs_rename look at it, in their order.
int MemoryFiles::examine_move(const Move& move) const {
  const Walk &from = move.from, &to = move.to;
  const bool exchanges = (move.flags & RENAME_EXCHANGE) != 0;
  const bool spares = (move.flags & RENAME_NOREPLACE) != 0;
  if (from.error != 0) return from.error;
  if (to.error != 0) return to.error;
  if (from.last != Walk::Last::name) return -EBUSY;
  if (to.last != Walk::Last::name) return spares ? -EEXIST : -EBUSY;
  if (from.too_long) return -ENAMETOOLONG;
  if (from.node == nullptr) return -ENOENT;
  if (to.too_long) return -ENAMETOOLONG;
  if (spares && to.node != nullptr) return -EEXIST;
  if (exchanges && to.node == nullptr) return -ENOENT;
  if (exchanges && !to.node->is_directory() && to.slash) return -ENOTDIR;
  if (!from.node->is_directory() && (from.slash || (!exchanges && to.slash))) return -ENOTDIR;
  if (from.node->is_directory() && lies_in(to.parent, from.node)) return -EINVAL;
  if (to.node != nullptr && to.node->is_directory() && lies_in(from.parent, to.node))
    return exchanges ? -EINVAL : -ENOTEMPTY;
  if (to.node == from.node || exchanges) return 0;
  if (to.node == nullptr) return to.parent->links == 0 ? -ENOENT : 0;
  if (from.node->is_directory() && !to.node->is_directory()) return -ENOTDIR;
  if (!from.node->is_directory() && to.node->is_directory()) return -EISDIR;
  return to.node->is_directory() && !to.node->entries.empty() ? -ENOTEMPTY : 0;
}

void MemoryFiles::carry_out(const Move& move) {
  const Walk &from = move.from, &to = move.to;
  const bool exchanges = (move.flags & RENAME_EXCHANGE) != 0;
  NameStep step;
  step.changes = {{from.parent, from.name, exchanges ? to.node : nullptr},
                  {to.parent, to.name, from.node}};
  step.moves_directory = from.node->is_directory() || (exchanges && to.node->is_directory());
  change_names(std::move(step));
}

int MemoryFiles::rename(int from, const std::string& old_path, int to, const std::string& new_path,
                        unsigned flags) {
  constexpr unsigned known = RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT;
  const bool keeps = (flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)) != 0;
  if ((flags & ~known) != 0 || (keeps && (flags & RENAME_EXCHANGE) != 0)) return -EINVAL;
  if ((flags & RENAME_WHITEOUT) != 0) return -EINVAL;  // a file system for layers knows it
  const Rules rules{.follow = false, .creates = true};
  const Move move{
      .from = walk(from, old_path, rules), .to = walk(to, new_path, rules), .flags = flags};
  if (const int error = examine_move(move); error != 0) return error;
  if (move.from.node != move.to.node) carry_out(move);
  return 0;
}

int MemoryFiles::statx(int directory, const std::string& path, unsigned flags, unsigned mask,
                       struct statx& out) const {
  constexpr unsigned reserved = 0x80000000;
  constexpr unsigned known =
      AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE;
  if ((mask & reserved) != 0 || (flags & ~known) != 0) return -EINVAL;
  if ((flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE) return -EINVAL;
  NodePointer node;
  if (path.empty()) {
    const OpenFile* const file = find(directory);
    if (file == nullptr) return -EBADF;
    node = file->node;
  } else {
    const Walk found = walk(directory, path, {.follow = (flags & AT_SYMLINK_NOFOLLOW) == 0});
    if (found.error != 0) return found.error;
    node = found.node;
  }
  if (node == nullptr) return -ENOENT;
  out = {};
  out.stx_mask = STATX_BASIC_STATS;
  out.stx_mode = static_cast<std::uint16_t>(node->mode);
  out.stx_nlink = node->links;
  out.stx_ino = node->number;
  out.stx_uid = geteuid();
  out.stx_gid = getegid();
  out.stx_blksize = 4096;
  out.stx_size = node->is_link() ? node->target.size() : node->size();
  out.stx_blocks = node->epochs.back().sectors.size() * sector_bytes_ / 512;
  out.stx_mtime.tv_sec = out.stx_ctime.tv_sec = node->changed_nanoseconds / 1'000'000'000;
  out.stx_mtime.tv_nsec = out.stx_ctime.tv_nsec =
      static_cast<std::uint32_t>(node->changed_nanoseconds % 1'000'000'000);
  if ((mask & statx_dioalign) != 0 && node->is_file() && direct_io_ != DirectIo::untold &&
      direct_io_ != DirectIo::any) {
    out.stx_mask |= statx_dioalign;
    const auto told = direct_io_ == DirectIo::told ? static_cast<std::uint32_t>(sector_bytes_) : 0U;
    const std::uint32_t alignments[] = {told, told};  // of memory, and of offset and length
    static_assert(sizeof(struct statx) >= place_of_dioalign + sizeof alignments);
    std::memcpy(reinterpret_cast<char*>(&out) + place_of_dioalign, alignments, sizeof alignments);
  }
  return 0;
}

}  // namespace percore::sim
