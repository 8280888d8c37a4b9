#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace lesson {

/// How many bytes of a file lie in the page cache now; nothing of a file that is another's and
/// that one may not write: the kernel calls all of it cached then. Source: mincore(2) HISTORY.
std::optional<std::uint64_t> cached_bytes(const std::string& path);

/// Asks the kernel to forget what it has cached of a file, after writing back what is dirty.
/// Source: posix_fadvise(2) POSIX_FADV_DONTNEED.
void forget(const std::string& path);

/// Ends the program with one sentence: what could not be done with which file, and why; 0: that
/// says enough.
[[noreturn]] void give_up(const std::string& path, const char* what, int error);

/// A hash of a file's content.
std::uint64_t hash_of(const std::string& path);

/// Makes a file of so many bytes, none of them twice in a row, synced and not cached.
void make_sample(const std::string& path, std::uint64_t bytes);

}  // namespace lesson
