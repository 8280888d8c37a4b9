#pragma once

// A disk in memory that knows what a crash may leave of it. Everything is kept twice: as the
// running system sees it, and as what the device may hold.
//
// What a crash may leave:
//   content     of each sector what was last synced, or anything written to it since, each sector
//               on its own: writes are torn, reordered, lost. A hole reads as zeros.
//   size        the synced one, or any it had since. Where a file was cut since, either the cut
//               happened, and only what was written after it can be there, or nothing since did.
//   names       each create, link, rename, unlink since the last sync of the directory happened or
//               not, whole (a rename never leaves both names or none), and in order for each name.
//               That a file was synced does not make its name durable.
//   a sync      makes durable what the last content was: of a file content and size, of a
//               directory its names. One that failed leaves either, and what it failed for is not
//               dirty any more: the next sync succeeds, and does not write it (Linux since 4.16).
//   sync_file_range  makes nothing durable.
//
// That is at least as bad as ext4 or xfs in their usual modes can be, and worse where POSIX allows.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace percore::sim {

struct Random;

using SectorContent = std::shared_ptr<const std::vector<unsigned char>>;  // null: zeros

struct Sector {
  std::vector<SectorContent> versions;  // what a crash may find; a read finds the last
  bool dirty = false;                   // the next sync leaves the last version alone
};

// A file's content between two cuts of its size. A cut begins a new one, so that nothing written
// after it survives without it.
struct Epoch {
  std::vector<std::uint64_t> sizes{0};  // what a crash may find; the last is the size
  std::map<std::uint64_t, Sector> sectors;
};

struct Node;
using NodePointer = std::shared_ptr<Node>;
using Entries = std::map<std::string, NodePointer>;

struct Node {
  std::uint64_t number = 0;
  unsigned mode = 0;  // with the type, as st_mode
  unsigned links = 0;
  std::int64_t changed_nanoseconds = 0;

  std::vector<Epoch> epochs{1};  // of a file: the last is the one that is seen
  Entries entries;               // of a directory, as seen
  Entries durable;               // of a directory, as synced
  std::weak_ptr<Node> parent;    // of a directory
  std::string target;            // of a symbolic link

  bool is_directory() const;
  bool is_link() const;
  bool is_file() const;
  std::uint64_t size() const { return epochs.back().sizes.back(); }
};

// One name that comes to mean a node, or nothing.
struct NameChange {
  NodePointer directory;
  std::string name;
  NodePointer node;
};

// What happens whole or not at all.
struct NameStep {
  std::vector<NameChange> changes;
  bool moves_directory = false;  // such steps survive in their order, or folders would come to
                                 // lie in one another
};

class Disk {
 public:
  explicit Disk(std::size_t sector_bytes);

  NodePointer root() const { return root_; }
  NodePointer make_node(unsigned mode, std::int64_t now_nanoseconds);

  /// Returns  the bytes read: fewer than asked at the end of the file.
  std::size_t read(const Node& node, std::uint64_t offset, unsigned char* out,
                   std::size_t size) const;
  void write(Node& node, std::uint64_t offset, const unsigned char* bytes, std::size_t size);
  void set_size(Node& node, std::uint64_t size);
  /// Reserves sectors, which read as zeros where nothing was.
  void reserve(Node& node, std::uint64_t offset, std::uint64_t size);
  void zero(Node& node, std::uint64_t offset, std::uint64_t size);
  void apply(NameStep step);

  void sync_file(Node& node);
  /// Of the content only what lies in the range; of the size everything.
  void sync_range(Node& node, std::uint64_t offset, std::uint64_t size);
  void sync_directory(const Node& node);
  /// What is dirty is dirty no more, and may be lost.
  void fail_sync(Node& node);

  /// Bytes in sectors that have been written or reserved.
  std::uint64_t used_bytes() const;
  /// What `write` would add to them.
  std::uint64_t needed_bytes(const Node& node, std::uint64_t offset, std::uint64_t size) const;

  /// A copy that shares nothing which changes.
  Disk clone() const;
  /// Leaves what survives: 0 what was synced alone, 1 everything, others any of what may.
  void crash(std::uint64_t seed);

 private:
  void sync_steps(const std::vector<bool>& chosen);
  std::vector<bool> closure(const std::vector<bool>& wanted) const;
  void settle(Node& node, Random& random, std::uint64_t seed);
  void settle_tree(const NodePointer& node, Random& random, std::uint64_t seed);

  std::size_t sector_bytes_;
  std::uint64_t last_number_ = 1;
  NodePointer root_;
  NodePointer above_;  // what ".." of the root leads to: a folder of nobody
  std::vector<NameStep> unsynced_;
  std::vector<std::weak_ptr<Node>> nodes_;
};

}  // namespace percore::sim
