// Compiled beside whichever version of the module the build takes: ours or a learner's.
#include <percore/contract/executor.hpp>
#include <percore/executor.hpp>

#include <type_traits>

namespace percore {

static_assert(ExecutorContract<Executor>,
              "Executor does not offer what the layers above need: see contract/executor.hpp");
static_assert(!std::is_copy_constructible_v<Executor> && !std::is_move_constructible_v<Executor>,
              "an Executor must not be copied or moved: it owns a ring");
static_assert(!std::is_copy_constructible_v<JoinHandle<int>> &&
                  std::is_nothrow_move_constructible_v<JoinHandle<int>>,
              "a JoinHandle is moved, never copied: one task, one handle");
static_assert(noexcept(Runnable{}.schedule()),
              "schedule() is called while completions are collected: it must be noexcept");

}  // namespace percore
