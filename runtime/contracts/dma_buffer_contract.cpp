// Compiled beside whichever version of the module the build takes: ours or a learner's.
#include <percore/contract/dma_buffer.hpp>
#include <percore/dma_buffer.hpp>

namespace percore {

static_assert(DmaBufferContract<DmaBuffer>,
              "DmaBuffer does not offer what the layers above need: see contract/dma_buffer.hpp");
static_assert(DmaArenaContract<DmaArena, DmaBuffer>,
              "DmaArena does not offer what the layers above need: see contract/dma_buffer.hpp");

}  // namespace percore
