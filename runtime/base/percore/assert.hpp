#pragma once

namespace percore {

/// Prints `percore: <file>:<line>: <sentence>` on standard error and aborts.
/// Thread  any.  Allocates nothing, so it works when memory is gone.
[[noreturn]] void assertion_failed(const char* file, int line, const char* sentence) noexcept;

}  // namespace percore

/// Ends the program when a programmer's mistake is found, in release builds too: going on would
/// corrupt memory or lose a completion. `sentence` tells the reader what they did and what to do
/// instead.
#define PERCORE_ASSERT(condition, sentence)          \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::percore::assertion_failed(__FILE__, __LINE__, sentence))
