#pragma once

#include <cstdint>
#include <string>

namespace lesson {

/// How many bytes of a file lie in the page cache now. Source: mincore(2), which shows this for
/// files that one may write.
std::uint64_t cached_bytes(const std::string& path);

/// Asks the kernel to forget what it has cached of a file, after writing back what is dirty.
/// Source: posix_fadvise(2) POSIX_FADV_DONTNEED.
void forget(const std::string& path);

/// Ends the program with one sentence: what could not be done with which file, and why.
[[noreturn]] void give_up(const std::string& path, const char* what, int error);

/// A hash of a file's content.
std::uint64_t hash_of(const std::string& path);

/// Makes a file of so many bytes, none of them twice in a row, synced and not cached.
void make_sample(const std::string& path, std::uint64_t bytes);

}  // namespace lesson
