#include <percore/frame_pool.hpp>

#include <mutex>
#include <new>

namespace percore::frame_pool_detail {

constinit thread_local ThreadPool pool{};

namespace {

// What all threads share. Touched only by a thread that has no free block of a class, and by one
// that ends.
struct Depot {
  std::mutex mutex;
  // TODO threads (F5): the free blocks of threads that have ended.
  // TODO slabs (F4): the slab that is being cut into blocks, and how much of it is left.
};

// Never destroyed: threads may end after the statics of the program.
Depot& depot() {
  static Depot* const instance = new Depot;
  return *instance;
}

struct AtThreadEnd {
  ~AtThreadEnd() {
    // TODO threads (F5): hand over what `pool` has free. Other threads are at the depot, too.
    static_cast<void>(depot());
  }
};

}  // namespace

void watch_thread_end() {
  // Done: its destructor runs when the thread ends, if the thread has come past here.
  pool.watched = true;
  static thread_local AtThreadEnd at_thread_end;
}

void* refill(std::size_t size_class) {
  // TODO threads (F5): a block that an ended thread has left?
  // TODO slabs (F4): cut it from a slab of frame_slab_bytes; take a new slab when the rest is too
  // small.
  return ::operator new(size_class * frame_granule_bytes);
}

}  // namespace percore::frame_pool_detail
