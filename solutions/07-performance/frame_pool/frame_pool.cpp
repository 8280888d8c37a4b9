#include <percore/frame_pool.hpp>

#include <mutex>
#include <new>

namespace percore::frame_pool_detail {

constinit thread_local ThreadPool pool{};

namespace {

// What all threads share: what ended threads had free, and the slab that is being cut into blocks.
// Touched only by a thread that has no free block of a class, and by one that ends.
struct Depot {
  std::mutex mutex;
  FreeBlock* free[classes] = {};
  std::byte* fresh = nullptr;
  std::size_t fresh_bytes = 0;
};

// Never destroyed: threads may end after the statics of the program.
Depot& depot() {
  static Depot* const instance = new Depot;
  return *instance;
}

struct AtThreadEnd {
  ~AtThreadEnd() {
    Depot& shared = depot();
    const std::lock_guard lock(shared.mutex);
    for (std::size_t size_class = 0; size_class < classes; ++size_class) {
      while (FreeBlock* const block = pool.free[size_class]) {
        pool.free[size_class] = block->next;
        block->next = shared.free[size_class];
        shared.free[size_class] = block;
      }
    }
  }
};

}  // namespace

void watch_thread_end() {
  pool.watched = true;
  static thread_local AtThreadEnd at_thread_end;
}

// A block of a class of which this thread has none.
void* refill(std::size_t size_class) {
  Depot& shared = depot();
  const std::lock_guard lock(shared.mutex);
  if (FreeBlock* const block = shared.free[size_class]) {
    shared.free[size_class] = block->next;
    return block;
  }
  const std::size_t block_bytes = size_class * frame_granule_bytes;
  if (shared.fresh_bytes < block_bytes) {
    shared.fresh = static_cast<std::byte*>(::operator new(frame_slab_bytes));
    shared.fresh_bytes = frame_slab_bytes;
  }
  std::byte* const block = shared.fresh;
  shared.fresh += block_bytes;
  shared.fresh_bytes -= block_bytes;
  return block;
}

}  // namespace percore::frame_pool_detail
