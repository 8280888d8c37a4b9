#pragma once

/// A stack of its own for each explored thread, switched by hand: an execution takes microseconds,
/// and there are hundreds of thousands of them, so operating system threads would be too slow.

#include <cstddef>

namespace percore::explore {

/// A flow of control with its own stack. It is used over and over: start() gives it new work.
class Fiber {
 public:
  /// A fiber for the flow that calls it: the one that the others are started from.
  Fiber() noexcept = default;
  /// A fiber with a stack.
  explicit Fiber(std::size_t stack_bytes);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Prepares entry(argument) at the bottom of the stack, whatever ran there before. entry never
  /// returns: it ends by switching away for good.
  void start(void (*entry)(void*), void* argument) noexcept;

  /// Leaves `from`, which is running, and goes on in `to` where it was left.
  static void switch_over(Fiber& from, Fiber& to) noexcept;

 private:
  static void begin(void* fiber) noexcept;
  void arrived() noexcept;

  void* resume_at_ = nullptr;  ///< the stack pointer, or the ucontext_t where there is no assembly
  std::byte* stack_ = nullptr;
  std::size_t stack_bytes_ = 0;
  std::size_t mapped_bytes_ = 0;
  void (*entry_)(void*) = nullptr;
  void* argument_ = nullptr;
  [[maybe_unused]] void* sanitizer_ =
      nullptr;                    ///< AddressSanitizer's fake stack while the fiber is away
  const void* bottom_ = nullptr;  ///< what AddressSanitizer takes for the stack
  std::size_t bottom_bytes_ = 0;
};

}  // namespace percore::explore
