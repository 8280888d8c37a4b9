// Compiled beside whichever version of the module the build takes: ours or a learner's.
#include <percore/contract/frame_pool.hpp>
#include <percore/frame_pool.hpp>

#include <concepts>

namespace percore {

static_assert(
    requires(std::size_t size_bytes) {
      { allocate_frame(size_bytes) } -> std::same_as<void*>;
    }, "allocate_frame(size_bytes) gives a void*: see contract/frame_pool.hpp");
static_assert(
    requires(void* frame, std::size_t size_bytes) {
      { free_frame(frame, size_bytes) } noexcept -> std::same_as<void>;
    }, "free_frame(frame, size_bytes) gives nothing and is noexcept: see contract/frame_pool.hpp");

}  // namespace percore
