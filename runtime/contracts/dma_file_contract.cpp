// Compiled beside whichever version of the module the build takes: ours or a learner's.
#include <percore/contract/dma_file.hpp>
#include <percore/dma_file.hpp>

namespace percore {

static_assert(DmaFileContract<DmaFile>,
              "DmaFile does not offer what the layers above need: see contract/dma_file.hpp");
static_assert(noexcept(widened(DmaRange{}, 512)),
              "widened(DmaRange, alignment) says what an aligned read takes: see "
              "contract/dma_file.hpp");

}  // namespace percore
