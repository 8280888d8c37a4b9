#pragma once

#include <cstdint>
#include <string>

namespace lesson {

/// Copies `from` to `to`, makes the copy durable (fdatasync), and ends the program with a sentence
/// where that fails.
using Copy = void (*)(const std::string& from, const std::string& to);

void copy_by_calls(const std::string& from, const std::string& to);    // read(2), write(2)
void copy_by_mapping(const std::string& from, const std::string& to);  // mmap(2)
void copy_by_ring(const std::string& from, const std::string& to);     // io_uring, page cache
void copy_by_dma(const std::string& from, const std::string& to);      // io_uring, no page cache

/// Why a DmaFile goes through the page cache after all; empty where it does not.
std::string why_not_direct(const std::string& path);

}  // namespace lesson
