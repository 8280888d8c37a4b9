// Happens-before race detection on plain memory, by vector clocks as in FastTrack (Flanagan and
// Freund, PLDI 2009). Races do not depend on the order in which threads happened to run.

#include "plain.hpp"

namespace percore::explore {

PlainMemory::Shadow& PlainMemory::find(std::uintptr_t address) {
  if ((count_ + 1) * 2 > table_.size()) {
    std::vector<Shadow> old(table_.size() * 2);
    old.swap(table_);
    count_ = 0;
    for (Shadow& shadow : old)
      if (shadow.execution == execution_) find(shadow.address) = shadow;
  }
  const std::size_t mask = table_.size() - 1;
  std::size_t at = (address * 0x9e3779b97f4a7c15U >> 20) & mask;
  while (table_[at].execution == execution_ && table_[at].address != address) at = (at + 1) & mask;
  Shadow& shadow = table_[at];
  if (shadow.execution != execution_) {
    shadow = {};
    shadow.address = address;
    shadow.execution = execution_;
    ++count_;
  }
  return shadow;
}

const PlainAccess* PlainMemory::access(const void* address, bool write, const PlainAccess& now,
                                       const View& view) {
  Shadow& shadow = find(reinterpret_cast<std::uintptr_t>(address));
  const auto unordered = [&](const PlainAccess& earlier) {
    return earlier.event != 0 && earlier.thread != now.thread &&
           !view.has(earlier.thread, earlier.event);
  };
  if (unordered(shadow.write)) {
    found_ = shadow.write;
    return &found_;
  }
  if (!write) {
    shadow.reads[now.thread] = now;
    return nullptr;
  }
  for (const PlainAccess& read : shadow.reads) {
    if (!unordered(read)) continue;
    found_ = read;
    return &found_;
  }
  shadow.reads = {};
  shadow.write = now;
  return nullptr;
}

void PlainMemory::forget(const void* address, std::size_t bytes) noexcept {
  const auto begin = reinterpret_cast<std::uintptr_t>(address);
  for (Shadow& shadow : table_) {
    if (shadow.execution != execution_ || shadow.address - begin >= bytes) continue;
    shadow.write = {};
    shadow.reads = {};
  }
}

}  // namespace percore::explore
