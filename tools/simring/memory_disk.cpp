// The disk of memory_disk.hpp: contents in sectors with their versions, names in steps, the crash.

#include "memory_disk.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <utility>

#include "state.hpp"

namespace percore::sim {

namespace {

constexpr std::size_t versions_max = 8, epochs_max = 8, sizes_max = 16;

// Of a history that grew too long, a middle one goes: the oldest is what is durable, the newest
// what is seen.
template <typename Value>
void bound(std::vector<Value>& history, std::size_t length_max) {
  if (history.size() > length_max)
    history.erase(history.begin() + static_cast<std::ptrdiff_t>(length_max / 2));
}

template <typename Value>
const Value& survivor(const std::vector<Value>& history, Random& random, std::uint64_t seed) {
  if (seed == 0) return history.front();
  if (seed == 1) return history.back();
  return history[random.below(history.size())];
}

template <typename Value>
void keep_last(std::vector<Value>& history) {
  history.erase(history.begin(), history.end() - 1);
}

using Name = std::pair<const Node*, std::string>;

std::vector<Name> names_of(const NameStep& step) {
  std::vector<Name> names;
  for (const NameChange& change : step.changes)
    names.emplace_back(change.directory.get(), change.name);
  if (step.moves_directory) names.emplace_back(nullptr, "");
  return names;
}

// What of an epoch lies below `size`: beyond, all is zero.
Epoch cut_at(const Epoch& epoch, std::uint64_t size, std::size_t sector_bytes) {
  Epoch cut;
  const auto end = epoch.sectors.lower_bound((size + sector_bytes - 1) / sector_bytes);
  cut.sectors.insert(epoch.sectors.begin(), end);
  const auto edge = cut.sectors.find(size / sector_bytes);
  if (size % sector_bytes == 0 || edge == cut.sectors.end()) return cut;
  for (SectorContent& version : edge->second.versions) {
    if (version == nullptr) continue;
    auto shorter = std::make_shared<std::vector<unsigned char>>(*version);
    std::fill(shorter->begin() + static_cast<std::ptrdiff_t>(size % sector_bytes), shorter->end(),
              static_cast<unsigned char>(0));
    version = std::move(shorter);
  }
  return cut;
}

void set_entry(Entries& entries, const NameChange& change) {
  if (change.node == nullptr) {
    entries.erase(change.name);
  } else {
    entries[change.name] = change.node;
  }
}

}  // namespace

bool Node::is_directory() const {
  return S_ISDIR(mode);
}
bool Node::is_link() const {
  return S_ISLNK(mode);
}
bool Node::is_file() const {
  return S_ISREG(mode);
}

Disk::Disk(std::size_t sector_bytes) : sector_bytes_(sector_bytes) {
  root_ = make_node(S_IFDIR | 0755, 0);
  above_ = make_node(S_IFDIR | 0755, 0);
  root_->links = above_->links = 2;
  root_->parent = above_->parent = above_;
}

NodePointer Disk::make_node(unsigned mode, std::int64_t now_nanoseconds) {
  auto node = std::make_shared<Node>();
  node->number = ++last_number_;
  node->mode = mode;
  node->changed_nanoseconds = now_nanoseconds;
  nodes_.push_back(node);
  return node;
}

std::size_t Disk::read(const Node& node, std::uint64_t offset, unsigned char* out,
                       std::size_t size) const {
  const std::uint64_t end = std::min<std::uint64_t>(node.size(), offset + size);
  if (end <= offset) return 0;
  const auto& sectors = node.epochs.back().sectors;
  for (std::uint64_t at = offset; at < end;) {
    const std::uint64_t within = at % sector_bytes_;
    const auto part = static_cast<std::size_t>(std::min(sector_bytes_ - within, end - at));
    const auto found = sectors.find(at / sector_bytes_);
    const SectorContent content = found == sectors.end() ? nullptr : found->second.versions.back();
    if (content == nullptr) {
      std::fill_n(out, part, static_cast<unsigned char>(0));
    } else {
      std::copy_n(content->begin() + static_cast<std::ptrdiff_t>(within), part, out);
    }
    at += part, out += part;
  }
  return static_cast<std::size_t>(end - offset);
}

void Disk::write(Node& node, std::uint64_t offset, const unsigned char* bytes, std::size_t size) {
  Epoch& epoch = node.epochs.back();
  for (std::uint64_t at = offset, end = offset + size; at < end;) {
    const std::uint64_t within = at % sector_bytes_;
    const auto part = static_cast<std::size_t>(std::min(sector_bytes_ - within, end - at));
    Sector& sector = epoch.sectors[at / sector_bytes_];
    if (sector.versions.empty()) sector.versions.push_back(nullptr);
    auto content = sector.versions.back() == nullptr
                       ? std::make_shared<std::vector<unsigned char>>(sector_bytes_)
                       : std::make_shared<std::vector<unsigned char>>(*sector.versions.back());
    std::copy_n(bytes, part, content->begin() + static_cast<std::ptrdiff_t>(within));
    sector.versions.push_back(std::move(content));
    sector.dirty = true;
    bound(sector.versions, versions_max);
    at += part, bytes += part;
  }
  if (size != 0 && offset + size > node.size()) {
    epoch.sizes.push_back(offset + size);
    bound(epoch.sizes, sizes_max);
  }
}

void Disk::set_size(Node& node, std::uint64_t size) {
  if (size > node.size()) {
    node.epochs.back().sizes.push_back(size);
    bound(node.epochs.back().sizes, sizes_max);
    return;
  }
  if (size == node.size()) return;
  Epoch cut = cut_at(node.epochs.back(), size, sector_bytes_);
  cut.sizes = {size};
  node.epochs.push_back(std::move(cut));
  bound(node.epochs, epochs_max);
}

void Disk::reserve(Node& node, std::uint64_t offset, std::uint64_t size) {
  Epoch& epoch = node.epochs.back();
  for (std::uint64_t sector = offset / sector_bytes_; sector * sector_bytes_ < offset + size;
       ++sector) {
    auto& versions = epoch.sectors[sector].versions;
    if (versions.empty()) versions.push_back(nullptr);
  }
}

void Disk::zero(Node& node, std::uint64_t offset, std::uint64_t size) {
  const std::uint64_t end = std::min(offset + size, node.size());
  auto& sectors = node.epochs.back().sectors;
  const std::vector<unsigned char> zeros(sector_bytes_);
  for (auto at = sectors.lower_bound(offset / sector_bytes_);
       at != sectors.end() && at->first * sector_bytes_ < end; ++at) {
    const std::uint64_t begin = std::max(offset, at->first * sector_bytes_);
    const std::uint64_t stop = std::min(end, (at->first + 1) * sector_bytes_);
    write(node, begin, zeros.data(), static_cast<std::size_t>(stop - begin));
  }
}

void Disk::apply(NameStep step) {
  for (const NameChange& change : step.changes) set_entry(change.directory->entries, change);
  unsynced_.push_back(std::move(step));
}

void Disk::sync_file(Node& node) {
  sync_range(node, 0, ~std::uint64_t{0});
}

void Disk::sync_range(Node& node, std::uint64_t offset, std::uint64_t size) {
  keep_last(node.epochs);
  Epoch& epoch = node.epochs.back();
  keep_last(epoch.sizes);
  const std::uint64_t end = size > ~offset ? ~std::uint64_t{0} : offset + size;
  for (auto at = epoch.sectors.lower_bound(offset / sector_bytes_);
       at != epoch.sectors.end() && at->first <= (end - 1) / sector_bytes_; ++at) {
    if (!at->second.dirty) continue;
    keep_last(at->second.versions);
    at->second.dirty = false;
  }
}

void Disk::fail_sync(Node& node) {
  for (auto& [number, sector] : node.epochs.back().sectors) sector.dirty = false;
}

// The wanted steps and all before them that touch the same names.
std::vector<bool> Disk::closure(const std::vector<bool>& wanted) const {
  std::vector<bool> chosen = wanted;
  std::set<Name> names;
  for (std::size_t index = unsynced_.size(); index-- != 0;) {
    const std::vector<Name> own = names_of(unsynced_[index]);
    for (const Name& name : own) {
      if (names.contains(name)) chosen[index] = true;
    }
    if (chosen[index]) names.insert(own.begin(), own.end());
  }
  return chosen;
}

void Disk::sync_steps(const std::vector<bool>& chosen) {
  std::vector<NameStep> rest;
  for (std::size_t index = 0; index != unsynced_.size(); ++index) {
    if (!chosen[index]) {
      rest.push_back(std::move(unsynced_[index]));
      continue;
    }
    for (const NameChange& change : unsynced_[index].changes)
      set_entry(change.directory->durable, change);
  }
  unsynced_ = std::move(rest);
}

void Disk::sync_directory(const Node& node) {
  std::vector<bool> wanted(unsynced_.size());
  for (std::size_t index = 0; index != unsynced_.size(); ++index) {
    const auto& changes = unsynced_[index].changes;
    wanted[index] = std::any_of(changes.begin(), changes.end(), [&](const NameChange& change) {
      return change.directory.get() == &node;
    });
  }
  sync_steps(closure(wanted));
}

std::uint64_t Disk::used_bytes() const {
  std::uint64_t sectors = 0;
  for (const auto& weak : nodes_) {
    if (const NodePointer node = weak.lock()) sectors += node->epochs.back().sectors.size();
  }
  return sectors * sector_bytes_;
}

std::uint64_t Disk::needed_bytes(const Node& node, std::uint64_t offset, std::uint64_t size) const {
  const auto& sectors = node.epochs.back().sectors;
  std::uint64_t missing = 0;
  for (std::uint64_t sector = offset / sector_bytes_; sector * sector_bytes_ < offset + size;
       ++sector) {
    missing += !sectors.contains(sector);
  }
  return missing * sector_bytes_;
}

Disk Disk::clone() const {
  Disk copy(sector_bytes_);
  std::map<const Node*, NodePointer> twins;
  copy.nodes_.clear();
  for (const auto& weak : nodes_) {
    const NodePointer node = weak.lock();
    if (node == nullptr) continue;
    twins[node.get()] = std::make_shared<Node>(*node);
    copy.nodes_.push_back(twins[node.get()]);
  }
  const auto twin = [&](const NodePointer& node) {
    return node == nullptr ? nullptr : twins.at(node.get());
  };
  for (auto& [original, node] : twins) {
    for (auto& [name, child] : node->entries) child = twin(child);
    for (auto& [name, child] : node->durable) child = twin(child);
    node->parent = twin(node->parent.lock());
  }
  copy.last_number_ = last_number_;
  copy.root_ = twin(root_);
  copy.above_ = twin(above_);
  copy.unsynced_ = unsynced_;
  for (NameStep& step : copy.unsynced_) {
    for (NameChange& change : step.changes) {
      change.directory = twin(change.directory);
      change.node = twin(change.node);
    }
  }
  return copy;
}

void Disk::settle(Node& node, Random& random, std::uint64_t seed) {
  const Epoch& chosen = survivor(node.epochs, random, seed);
  const std::uint64_t size = survivor(chosen.sizes, random, seed);
  Epoch left = cut_at(chosen, size, sector_bytes_);
  left.sizes = {size};
  for (auto& [number, sector] : left.sectors) {
    sector.versions = {survivor(sector.versions, random, seed)};
    sector.dirty = false;
  }
  node.epochs.clear();
  node.epochs.push_back(std::move(left));
}

void Disk::settle_tree(const NodePointer& node, Random& random, std::uint64_t seed) {
  if (node->links++ != 0) return;  // another name of the same
  if (!node->is_directory()) return settle(*node, random, seed);
  node->entries = node->durable;
  node->links = 2;
  for (const auto& [name, child] : node->entries) {
    settle_tree(child, random, seed);
    if (child->is_directory()) child->parent = node, ++node->links;
  }
}

void Disk::crash(std::uint64_t seed) {
  Random random{seed * 0x9E3779B97F4A7C15u + 0xC4A54};
  std::vector<bool> wanted(unsynced_.size());
  for (std::size_t index = 0; index != wanted.size(); ++index)
    wanted[index] = seed == 1 || (seed != 0 && random.percent(50));
  sync_steps(closure(wanted));
  unsynced_.clear();
  for (const auto& weak : nodes_) {
    if (const NodePointer node = weak.lock()) node->links = 0;
  }
  settle_tree(root_, random, seed);
  std::erase_if(nodes_, [](const auto& weak) { return weak.expired(); });
}

}  // namespace percore::sim
