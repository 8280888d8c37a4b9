// Compiled beside whichever version of the module the build takes: ours or a learner's.
#include <percore/contract/executor_pool.hpp>
#include <percore/executor_pool.hpp>

namespace percore {

static_assert(ExecutorPoolContract<ExecutorPool<int>, int>,
              "ExecutorPool<int> does not offer what the layers above need: see "
              "contract/executor_pool.hpp");
static_assert(ExecutorPoolContract<ExecutorPool<void>, void>,
              "ExecutorPool<void> is missing or incomplete: see contract/executor_pool.hpp");

}  // namespace percore
