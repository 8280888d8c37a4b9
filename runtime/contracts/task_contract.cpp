// Compiled beside whichever version of the module the build takes: ours or a learner's.
#include <percore/contract/task.hpp>
#include <percore/task.hpp>

namespace percore {

struct MoveOnly {
  MoveOnly(MoveOnly&&) = default;
  MoveOnly& operator=(MoveOnly&&) = default;
};

static_assert(TaskContract<Task<int>, int>,
              "Task<int> does not offer what the layers above need: see contract/task.hpp");
static_assert(TaskContract<Task<void>, void>,
              "Task<void> is missing or incomplete: see contract/task.hpp");
static_assert(TaskContract<Task<int&>, int&>,
              "Task<T&> is missing or incomplete: see contract/task.hpp");
static_assert(TaskContract<Task<MoveOnly>, MoveOnly>,
              "a Task must carry a value that can only be moved");
static_assert(noexcept(go_on_with(nullptr)),
              "go_on_with() is called by final suspends: it must be noexcept");

}  // namespace percore
