#pragma once

#include <array>
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

/// A small number that a traced child sets and whoever counts its instructions sees: what the child
/// is doing now. Memory   a page of its own, shared with children that are forked later.
class SharedPhase {
 public:
  static constexpr unsigned phases_max = 8;

  SharedPhase();  // throws std::bad_alloc
  ~SharedPhase();
  SharedPhase(const SharedPhase&) = delete;
  SharedPhase& operator=(const SharedPhase&) = delete;

  /// Requires   phase < phases_max.
  void set(unsigned phase) noexcept { *phase_ = phase; }
  unsigned get() const noexcept { return *phase_; }

 private:
  volatile unsigned* phase_;
};

/// What count_by_phase() saw: instructions[p] of them while the phase was p.
struct PhaseCounts {
  std::array<std::uint64_t, SharedPhase::phases_max> instructions{};
  std::string problem;  // as above

  bool counted() const { return problem.empty(); }
};

/// The same, told apart by what `phase` said before each instruction. What
/// comes before the first set() in `work` and after the last, a few of our own among them, counts
/// for the phase that was there: have that be one that nobody asks about.
PhaseCounts count_by_phase(void (*prepare)(void*), void (*work)(void*), void* argument,
                           const SharedPhase& phase);

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

template <typename Prepare, typename Work>
PhaseCounts count_by_phase(Prepare prepare, Work work, const SharedPhase& phase)
  requires std::is_invocable_v<Prepare&> && std::is_invocable_v<Work&>
{
  struct Both {
    Prepare& prepare;
    Work& work;
  } both{prepare, work};
  return count_by_phase([](void* pair) { static_cast<Both*>(pair)->prepare(); },
                        [](void* pair) { static_cast<Both*>(pair)->work(); }, &both, phase);
}

}  // namespace percore::observe
