// Compiled beside whichever version of the module the build takes: ours or a learner's.
#include <percore/contract/task_queue.hpp>
#include <percore/task_queue.hpp>

#include <type_traits>

namespace percore {

static_assert(TaskQueuesContract<TaskQueues, TaskQueue>,
              "TaskQueues or TaskQueue does not offer what the layers above need: see "
              "contract/task_queue.hpp");
static_assert(std::is_constructible_v<TaskQueues, Executor&> &&
                  std::is_constructible_v<TaskQueues, Executor&, const TaskQueuesOptions&>,
              "TaskQueues are made of an Executor, and of TaskQueuesOptions if one likes");
static_assert(!std::is_copy_constructible_v<TaskQueues> &&
                  !std::is_move_constructible_v<TaskQueues>,
              "TaskQueues must not be copied or moved: the executor knows their address");
static_assert(noexcept(need_preempt()), "need_preempt() is asked in loops: it must be noexcept");
static_assert(
    std::is_same_v<decltype(spawn_into(std::declval<TaskQueue&>(), std::declval<Task<int>>())),
                   JoinHandle<int>>,
    "spawn_into() gives a JoinHandle, as spawn() does");

}  // namespace percore
