#pragma once

#include <cstdint>
#include <string>
#include <type_traits>

namespace percore::observe {

/// What count_instructions() saw.
struct InstructionCount {
  std::uint64_t instructions = 0;
  std::string problem;  // why nothing could be counted; empty when it could

  bool counted() const { return problem.empty(); }
};

/// Runs `prepare` and then `work` in a child and counts the instructions of `work` alone, by having
/// the kernel stop the child after each one. Exact and the same on every run, where time is not:
/// what the kernel itself executes is not counted, a system call is one instruction, and each round
/// of a string instruction (rep movs) is one. prepare  may warm pools and caches; the child then
/// has them warm. work     whatever it changes in memory stays in the child. Cost     some
/// microseconds for each instruction: keep `work` below a million of them. Thread   the caller's
/// process has one thread, since only that one goes on in the child. Source   ptrace(2)
/// PTRACE_SINGLESTEP; x86-64 and AArch64.
InstructionCount count_instructions(void (*prepare)(void*), void (*work)(void*), void* argument);

template <typename Prepare, typename Work>
InstructionCount count_instructions(Prepare prepare, Work work)
  requires std::is_invocable_v<Prepare&> && std::is_invocable_v<Work&>
{
  struct Both {
    Prepare& prepare;
    Work& work;
  } both{prepare, work};
  return count_instructions([](void* pair) { static_cast<Both*>(pair)->prepare(); },
                            [](void* pair) { static_cast<Both*>(pair)->work(); }, &both);
}

}  // namespace percore::observe
