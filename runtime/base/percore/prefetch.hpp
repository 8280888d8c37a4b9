#pragma once

namespace percore {

/// Asks for the cache line of `address`, to be written: it is taken away from the cores that have
/// it, while this one goes on. Nothing else happens, whatever the address.
/// On x86-64 compilers give the instruction for reading in place of `prefetchw` unless told
/// otherwise, and the line would have to be fetched a second time. CPUs without it do nothing.
inline void prefetch_for_write(const void* address) noexcept {
#if defined(__x86_64__)
  asm volatile("prefetchw (%0)" : : "r"(address));
#else
  __builtin_prefetch(address, 1);
#endif
}

}  // namespace percore
