#pragma once

// What the opcodes on files share: how the kernel refuses their entries, takes their paths over,
// and what a system call's answer becomes.

#include <cerrno>
#include <cstdint>
#include <string>

#include "memory_files.hpp"
#include "state.hpp"

namespace percore::sim {

/// Copies a path, as the kernel does at the submit: EFAULT, ENAMETOOLONG, and ENOENT for an empty
/// one where that has no meaning.
int read_path(std::uint64_t address, bool may_be_empty, std::string& out);

/// These opcodes take a directory's descriptor in sqe.fd, which no slot can stand for.
inline bool asks_for_slot(const io_uring_sqe& sqe) {
  return (sqe.flags & IOSQE_FIXED_FILE) != 0;
}

inline int result_of_call(long returned) {
  return returned < 0 ? -errno : static_cast<int>(returned);
}

/// The files in memory where a path leads there, else null.
inline MemoryFiles* memory_at(int directory, const std::string& path) {
  MemoryFiles* const memory = session().memory.get();
  return memory != nullptr && memory->holds(directory, path) ? memory : nullptr;
}

/// The file in memory behind a descriptor, else null.
inline OpenFile* memory_file(int fd) {
  return session().memory == nullptr ? nullptr : session().memory->find(fd);
}

/// Returns true when a fault strikes the operation, which then must do nothing but end so.
bool struck(const Operation& operation, int& result);

}  // namespace percore::sim
