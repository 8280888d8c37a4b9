#pragma once

#include <concepts>
#include <coroutine>
#include <cstdint>
#include <utility>

/// Contract of the module `task`, version 1. Ours, never swapped.
///
/// Invariants (lesson 01):
///   T1  A task is lazy: its body starts when it is awaited or started, and only once.
///   T2  When it has finished, whoever awaits it goes on; exactly once, and with its value or its
///       exception.
///   T3  A frame is freed exactly once, by the one Task that owns it, and everything it holds with
///       it.
///   T4  Stack use does not grow with the number of awaits, in a loop or in a chain: a coroutine
///       never resumes another, it names the one to go on with and returns (the trampoline).
///   T5  A task that was never started frees all it holds. One that was started and has not
///       finished cannot be destroyed: somebody else may still resume it. That is a
///       programmer's mistake and ends the program.
namespace percore {

inline constexpr int task_contract_version = 1;

/// Told once, on the task's thread, that a task has finished. The task stands at its final suspend
/// point and may be destroyed from here. Derive from it to add what the callee needs.
struct FinishHook {
  void (*finished)(FinishHook& self, std::coroutine_handle<> task) noexcept;
};

/// What a task does at its end: resume a coroutine, call a hook, or nothing. Eight bytes, because
/// each frame has one.
class Continuation {
 public:
  constexpr Continuation() noexcept = default;

  static Continuation resume(std::coroutine_handle<> coroutine) noexcept {
    return Continuation(reinterpret_cast<std::uintptr_t>(coroutine.address()));
  }
  static Continuation call(FinishHook& hook) noexcept {
    return Continuation(reinterpret_cast<std::uintptr_t>(&hook) | hook_bit);
  }

  explicit operator bool() const noexcept { return bits_ != 0; }

  /// Called by the final suspend of `task`. Returns the coroutine to go on with, or a null handle.
  std::coroutine_handle<> follow(std::coroutine_handle<> task) const noexcept {
    if ((bits_ & hook_bit) == 0)
      return std::coroutine_handle<>::from_address(reinterpret_cast<void*>(bits_));
    auto* const hook = reinterpret_cast<FinishHook*>(bits_ & ~hook_bit);
    hook->finished(*hook, task);
    return nullptr;
  }

 private:
  static constexpr std::uintptr_t hook_bit = 1;
  explicit Continuation(std::uintptr_t bits) noexcept : bits_(bits) {}
  std::uintptr_t bits_ = 0;
};

/// What the module must offer beside Task<T>:
///   void go_on_with(std::coroutine_handle<> next) noexcept
///       Names the coroutine that the trampoline resumes when the current one has returned. At most
///       one at a time.
///   void run_chain(std::coroutine_handle<> first)
///       The trampoline: resumes `first`, then each coroutine that go_on_with() named, until none
///       was. Source: the alternative, symmetric transfer, is a tail call that compilers make only
///       when optimising.
template <typename TaskType, typename T>
concept TaskContract = std::movable<TaskType> && !std::copyable<TaskType> &&
                       requires(TaskType task, const TaskType const_task, Continuation continuation,
                                std::coroutine_handle<> handle) {
                         typename TaskType::promise_type;
                         // Owns a frame. False after a move or release().
                         { const_task.valid() } -> std::same_as<bool>;
                         // At its final suspend point: its value or exception can be taken.
                         { const_task.done() } -> std::same_as<bool>;
                         // Sets what happens at the end (never nothing) and returns the coroutine,
                         // for its first resume. Once.
                         { task.start(continuation) } -> std::same_as<std::coroutine_handle<>>;
                         // Changes what happens at the end of a started task that is not done.
                         { task.continue_with(continuation) } -> std::same_as<void>;
                         // The value of a task that is done, moved out; throws the exception it
                         // ended with. Once.
                         { task.take_result() } -> std::same_as<T>;
                         // Gives up ownership: the frame is the caller's, to be given back with
                         // adopt().
                         { task.release() } -> std::same_as<std::coroutine_handle<>>;
                         { TaskType::adopt(handle) } -> std::same_as<TaskType>;
                         // co_await std::move(task): starts it and gives its value or exception.
                         { std::move(task).operator co_await() };
                       };

}  // namespace percore
