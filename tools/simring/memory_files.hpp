#pragma once

// The files in memory as operations see them: paths, descriptors, and the kernel's rules over the
// disk of memory_disk.hpp. A descriptor is a real one (an empty memfd), so that its number is the
// program's like any other, dup and close included; what stands behind it is found by its inode.
//
// The functions answer as the kernel does: a result, or a negative errno.

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>

#include <percore/sim.hpp>

#include "memory_disk.hpp"

namespace percore::sim {

// An open file description.
struct OpenFile {
  NodePointer node;
  int flags = 0;
  std::uint64_t position = 0;
  bool reads() const { return (flags & O_ACCMODE) != O_WRONLY; }
  bool writes() const { return (flags & O_ACCMODE) != O_RDONLY; }
};

struct Transfer {
  std::uint64_t offset = 0;  // ~0: the current position
  int rw_flags = 0;
  std::uint64_t bytes_max = 0;  // a fault: moves at most so many; 0 = all
  bool no_space = false;        // a fault: the disk is full after `bytes_max`, also when that is 0
};

class MemoryFiles {
 public:
  explicit MemoryFiles(const Options& options);

  bool holds(int directory, const std::string& path) const;
  /// The open file behind a descriptor, or null for one that is none of these.
  OpenFile* find(int fd) const;
  /// Its file was open when the power failed.
  bool is_lost(int fd) const;

  int open(int directory, const std::string& path, const open_how& how);
  int statx(int directory, const std::string& path, unsigned flags, unsigned mask,
            struct statx& out) const;
  int rename(int from, const std::string& old_path, int to, const std::string& new_path,
             unsigned flags);
  int unlink(int directory, const std::string& path, unsigned flags);
  int make_directory(int directory, const std::string& path, unsigned mode);
  int make_symlink(const std::string& target, int directory, const std::string& path);
  int link(int from, const std::string& old_path, int to, const std::string& new_path,
           unsigned flags);

  long read(OpenFile& file, std::span<const iovec> parts, const Transfer& transfer);
  long write(OpenFile& file, std::span<const iovec> parts, const Transfer& transfer);
  int sync(OpenFile& file, std::uint64_t offset, std::uint64_t length, bool fails);
  int allocate(OpenFile& file, unsigned mode, std::int64_t offset, std::int64_t length,
               bool no_space);
  int truncate(OpenFile& file, std::int64_t size);
  int sync_range_hint(const OpenFile& file, std::int64_t offset, std::int64_t length,
                      unsigned flags) const;
  int advise(const OpenFile& file, unsigned advice) const;

  bool is_tmpfs() const { return direct_io_ == DirectIo::any; }
  bool crashed() const { return snapshot_.has_value(); }
  void crash(std::uint64_t seed);
  std::uint64_t steps() const { return steps_; }
  /// A run begins: its counting of steps, and the step it is to crash at, do.
  void begin(const Options& options);

  // For the checker: around the ring, and durable at once.
  int put(const std::string& path, const std::string& content);
  std::optional<std::string> content(const std::string& path) const;
  std::optional<std::vector<std::string>> names(const std::string& path) const;

 private:
  // Where a path leads. The node may be null: then its last name is not there.
  struct Walk {
    enum class Last { name, dot, dot_dot, root };
    int error = 0;
    NodePointer parent, node;
    std::string name;
    Last last = Last::root;
    bool slash = false;     // the path ends with one
    bool too_long = false;  // the last name: found out when it is looked up, after other things
  };
  struct Rules {
    bool follow = true;
    std::uint64_t resolve = 0;
    bool creates = false;
  };
  // The two places of a rename, and what it does there.
  struct Move {
    Walk from, to;
    unsigned flags = 0;
  };

  Walk walk(int directory, const std::string& path, const Rules& rules) const;
  int start_of(int directory, const std::string& path, const Rules& rules, NodePointer& at) const;
  int examine_open(const Walk& found, const open_how& how) const;
  int examine_move(const Move& move) const;
  int examine_new(const Walk& found, bool is_directory) const;
  int create_at(const Walk& found, const NodePointer& node);
  void carry_out(const Move& move);
  int make_descriptor(NodePointer node, const open_how& how);
  std::uint64_t room() const;
  std::uint64_t room_for(const Node& node, std::uint64_t offset, std::uint64_t length, bool direct,
                         const Transfer& transfer) const;
  int put_counted(const std::string& path, const std::string& content);
  std::string below_root(const std::string& path) const;

  // Around everything that changes the disk: the crash happens just before, with the change under
  // way surviving as anything unsynced may.
  void before_change();
  void after_change();
  void change_names(NameStep step);

  std::string prefix_;
  std::size_t sector_bytes_ = 0;
  DirectIo direct_io_;
  std::uint64_t bytes_max_ = 0;
  Disk disk_;
  mutable std::map<std::uint64_t, OpenFile> open_files_;  // by inode
  std::set<std::uint64_t> lost_;                          // likewise, open in a crash
  std::uint64_t device_ = 0;
  std::uint64_t steps_ = 0, crash_at_step_ = 0;
  std::optional<Disk> snapshot_, snapshot_with_change_;
};

}  // namespace percore::sim
