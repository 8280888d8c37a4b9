// Compiled beside whichever version of the module the build takes: ours or a learner's.
#include <percore/contract/cpu_set.hpp>
#include <percore/cpu_set.hpp>

#include <type_traits>

namespace percore {

static_assert(CpuSetContract<CpuSet>,
              "CpuSet does not offer what the layers above need: see contract/cpu_set.hpp");
static_assert(std::is_copy_constructible_v<CpuSet>, "a CpuSet is a value: it can be copied");

}  // namespace percore
