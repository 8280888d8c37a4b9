// Compiled beside whichever version of the module the build takes: ours or a learner's.
#include <percore/contract/fair_share.hpp>
#include <percore/fair_share.hpp>

#include <type_traits>

namespace percore {

static_assert(FairShareContract<FairShare, ShareHolder>,
              "FairShare or ShareHolder does not offer what the layers above need: see "
              "contract/fair_share.hpp");
static_assert(!std::is_copy_constructible_v<ShareHolder> &&
                  !std::is_copy_constructible_v<FairShare>,
              "a ShareHolder and a FairShare must not be copied: they know each other's address");

}  // namespace percore
