#include <percore/frame_pool.hpp>

#include <mutex>
#include <new>
#include <utility>

namespace percore::frame_pool_detail {

constinit thread_local ThreadPool pool{};

namespace {

// What an ended thread had not handed out of its newest slab; written into that memory itself.
struct Remainder {
  Remainder* next;
  std::size_t size_bytes;
};

// Where the free memory of ended threads waits for threads that run dry. Touched only by a thread
// that ends or refills.
struct Depot {
  std::mutex mutex;
  FreeBlock* free[classes] = {};
  Remainder* remainders = nullptr;
};

// Never destroyed: threads may end after the statics of the program.
Depot& depot() {
  static Depot* const instance = new Depot;
  return *instance;
}

std::size_t fresh_bytes() {
  return static_cast<std::size_t>(pool.fresh_end - pool.fresh);
}

struct AtThreadEnd {
  ~AtThreadEnd() {
    Depot& shared = depot();
    const std::lock_guard lock(shared.mutex);
    for (std::size_t size_class = 1; size_class < classes; ++size_class) {
      FreeBlock* head = pool.free[size_class];
      pool.free[size_class] = nullptr;
      if (head == nullptr) continue;
      FreeBlock* last = head;
      while (last->next != nullptr) last = last->next;
      last->next = shared.free[size_class];
      shared.free[size_class] = head;
    }
    const std::size_t size_bytes = fresh_bytes();
    if (size_bytes >= sizeof(Remainder)) {
      shared.remainders = new (pool.fresh) Remainder{shared.remainders, size_bytes};
    }
    pool.fresh = pool.fresh_end = nullptr;
    pool.leaves_to_depot = false;
  }
};

// How many blocks a thread takes from the depot at once. Not all: the thread beside it would find
// none and take new memory, pair after pair.
constexpr unsigned blocks_from_depot_max = 32;

// Takes over some free blocks of this size of ended threads, or else the rest of a slab.
void take_from_depot(std::size_t size_class, std::size_t block_bytes) {
  Depot& shared = depot();
  const std::lock_guard lock(shared.mutex);
  if (FreeBlock* const first = shared.free[size_class]; first != nullptr) {
    FreeBlock* last = first;
    for (unsigned i = 1; i != blocks_from_depot_max && last->next != nullptr; ++i)
      last = last->next;
    shared.free[size_class] = std::exchange(last->next, nullptr);
    pool.free[size_class] = first;
    return;
  }
  Remainder* const rest = shared.remainders;
  if (rest == nullptr || rest->size_bytes < block_bytes) return;
  shared.remainders = rest->next;
  pool.fresh_end = reinterpret_cast<std::byte*>(rest) + rest->size_bytes;
  pool.fresh = reinterpret_cast<std::byte*>(rest);
}

}  // namespace

void arrange_for_thread_end() {
  pool.leaves_to_depot = true;
  static thread_local AtThreadEnd at_thread_end;
}

void* refill(std::size_t size_class) {
  if (!pool.leaves_to_depot) arrange_for_thread_end();
  const std::size_t block_bytes = size_class * frame_granule_bytes;
  if (fresh_bytes() < block_bytes) {
    take_from_depot(size_class, block_bytes);
    if (FreeBlock* const block = pool.free[size_class]; block != nullptr) {
      pool.free[size_class] = block->next;
      return block;
    }
  }
  if (fresh_bytes() < block_bytes) {
    pool.fresh = static_cast<std::byte*>(::operator new(frame_slab_bytes));
    pool.fresh_end = pool.fresh + frame_slab_bytes;
  }
  void* const block = pool.fresh;
  pool.fresh += block_bytes;
  return block;
}

void* allocate_large(std::size_t size_bytes) {
  return ::operator new(size_bytes);
}

void free_large(void* frame, std::size_t size_bytes) noexcept {
  ::operator delete(frame, size_bytes);
}

}  // namespace percore::frame_pool_detail
