// Compiled beside whichever version of the module the build takes: ours or a learner's.
#include <percore/contract/mesh.hpp>
#include <percore/mesh.hpp>
#include <percore/sharded.hpp>
#include <percore/shards.hpp>

#include <type_traits>

namespace percore {

static_assert(MeshMemberContract<MeshMember<int>, int>,
              "MeshMember does not offer what the layers above need: see contract/mesh.hpp");
static_assert(std::is_constructible_v<Mesh<int>, std::size_t, std::size_t> &&
                  std::is_constructible_v<Shards, std::size_t, std::size_t>,
              "Mesh and Shards are made from the number of members and a capacity");

}  // namespace percore
