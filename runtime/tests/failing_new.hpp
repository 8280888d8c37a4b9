#pragma once

#include <cstdint>

/// Replaces operator new in the programs that link it: it counts what the program allocates, and
/// fails once, where it is told to. What the simulated ring allocates for itself is not counted:
/// on a kernel nobody would see that.
namespace percore::test {

/// The next `count` allocations succeed, then one throws std::bad_alloc, then all succeed again.
void fail_after(std::uint64_t count) noexcept;
/// No allocation fails any more. Returns  whether the one that fail_after() asked for did.
bool stop_failing() noexcept;
/// Since the program started.
std::uint64_t allocations() noexcept;
/// Blocks allocated and not yet freed.
std::int64_t live_blocks() noexcept;

}  // namespace percore::test
