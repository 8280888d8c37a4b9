// Compiled beside whichever version of the module the build takes: ours or a learner's.
#include <percore/contract/histogram.hpp>
#include <percore/histogram.hpp>

namespace percore {

static_assert(HistogramContract<Histogram>,
              "Histogram does not offer what its users need: see contract/histogram.hpp");

}  // namespace percore
