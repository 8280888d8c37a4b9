#pragma once

#include <percore/check.hpp>

#include <ucontext.h>

#include <csignal>
#include <cstdint>

// How many instructions a piece of work takes, counted by the program itself: the processor's trap
// flag makes it stop after each one, and a signal handler counts. Works where the sandbox allows
// neither ptrace(2) nor perf_event_open(2). Exact and the same on every run: what the kernel
// executes is not counted, and a system call is one instruction.
// Cost     some ten microseconds for each instruction on a virtual machine: a few thousand at most.
// Source   Intel SDM volume 3, "Single-Step Exception Condition"; sigaction(2), SIGTRAP.
namespace checks {

namespace stepping {

inline volatile std::uint64_t steps = 0;
inline volatile std::uint64_t atomics =
    0;  // among them: with a lock prefix, or an xchg with memory

#if defined(__x86_64__)
// Source   Intel SDM volume 2, "Instruction Format"; volume 3, "Bus Locking": xchg with memory is
//          locked without the prefix.
inline bool is_atomic(const unsigned char* code) noexcept {
  for (;; ++code) {
    switch (*code) {
      case 0xf0:
        return true;
      case 0x26:
      case 0x2e:
      case 0x36:
      case 0x3e:
      case 0x64:
      case 0x65:
      case 0x66:
      case 0x67:
      case 0xf2:
      case 0xf3:
        continue;
      default:
        break;
    }
    break;
  }
  if ((*code & 0xf0) == 0x40) ++code;  // REX
  return (*code == 0x86 || *code == 0x87) && (code[1] & 0xc0) != 0xc0;
}
inline void on_step(int, siginfo_t*, void* context) {
  steps = steps + 1;
  const auto next = static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP];
  if (is_atomic(reinterpret_cast<const unsigned char*>(next))) atomics = atomics + 1;
}
inline constexpr bool possible = true;
inline constexpr std::uint64_t trap_flag = 0x100;
inline void begin() {
  __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() | trap_flag);
}
inline void end() {
  __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() & ~trap_flag);
}
#else
inline void on_step(int, siginfo_t*, void*) {}
inline constexpr bool possible = false;
inline void begin() {}
inline void end() {}
#endif

template <typename Work>
std::uint64_t count(Work& work, unsigned times) {
  struct sigaction counting{};
  struct sigaction before{};
  counting.sa_sigaction = on_step;
  counting.sa_flags = SA_SIGINFO;
  sigaction(SIGTRAP, &counting, &before);
  asm volatile("" : "+r"(times));  // or the loop would be unrolled, and its own cost unknown
  steps = 0;
  atomics = 0;
  begin();
  for (unsigned i = 0; i != times; ++i) {
    work();
    asm volatile("" ::: "memory");
  }
  end();
  sigaction(SIGTRAP, &before, nullptr);
  return steps;
}

}  // namespace stepping

/// Keeps the compiler from seeing through a pointer: what it points to may be used from here on.
template <typename T>
void keep(T*& pointer) {
  asm volatile("" : "+r"(pointer)::"memory");
}

/// The instructions of one `work`, once it has been done a few times. The loop around it and the
/// way into and out of the counting are taken off. Skips the check where nothing can be counted.
template <typename Work>
std::uint64_t instructions_of(Work work) {
  if (!stepping::possible)
    percore::check::skip_with("only an x86-64 counts its instructions one by one");
  constexpr unsigned few = 1, more = 5;
  auto nothing = [] {};
  const auto each = [](auto& counted) {
    for (unsigned i = 0; i != 3; ++i) counted();  // what is looked up at the first call is by then
    return (stepping::count(counted, more) - stepping::count(counted, few)) / (more - few);
  };
  const std::uint64_t loop = each(nothing);
  if (loop == 0) percore::check::skip_with("this machine cannot step through a program");
  const std::uint64_t all = each(work);
  return all > loop ? all - loop : 0;
}

/// How many of them are atomic read-modify-writes: these wait for their cache line and for all
/// earlier stores.
template <typename Work>
std::uint64_t atomics_of(Work work) {
  if (!stepping::possible)
    percore::check::skip_with("only an x86-64 counts its instructions one by one");
  constexpr unsigned times = 5;
  for (unsigned i = 0; i != 3; ++i) work();
  if (stepping::count(work, times) == 0)
    percore::check::skip_with("this machine cannot step through a program");
  return stepping::atomics / times;
}

}  // namespace checks
