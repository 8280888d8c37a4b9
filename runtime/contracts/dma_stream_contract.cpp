// Compiled beside whichever version of the module the build takes: ours or a learner's.
#include <percore/contract/dma_stream.hpp>
#include <percore/dma_stream.hpp>
#include <percore/immutable_file.hpp>

namespace percore {

static_assert(DmaStreamReaderContract<DmaStreamReader>,
              "DmaStreamReader does not offer what the layers above need: see "
              "contract/dma_stream.hpp");
static_assert(DmaStreamWriterContract<DmaStreamWriter>,
              "DmaStreamWriter does not offer what the layers above need: see "
              "contract/dma_stream.hpp");
static_assert(ImmutableFileContract<ImmutableFile>,
              "ImmutableFile does not offer what the layers above need: see "
              "contract/dma_stream.hpp");

}  // namespace percore
