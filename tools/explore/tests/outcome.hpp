#pragma once

/// Words that tests of the explorer share.

#include <percore/explore.hpp>

#include <atomic>
#include <string>
#include <string_view>

namespace percore {

constexpr auto RELAXED = std::memory_order_relaxed, ACQUIRE = std::memory_order_acquire,
               RELEASE = std::memory_order_release, SEQ_CST = std::memory_order_seq_cst;

/// Whether the history of the execution that went wrong has these words in it.
inline bool says(const explore::Outcome& outcome, std::string_view words) {
  return outcome.history.find(words) != std::string::npos;
}

}  // namespace percore
