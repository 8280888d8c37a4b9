// 07.5 frame_pool, step threads: frames that end on another thread, and threads that end.

#include <thread>

#include "frame_pool_support.hpp"

using namespace checks;

namespace {

constexpr unsigned classes = pooled_frame_bytes_max / frame_granule_bytes;

/// Makes a frame on its thread when all that the thread's use of the pool has set up is gone.
struct MakesAFrameAtTheEnd {
  std::size_t size_bytes = 0;
  void** frame = nullptr;
  ~MakesAFrameAtTheEnd() {
    if (frame != nullptr) *frame = allocate_frame(size_bytes);
  }
};

// How many of `places` are not among `known`; they are from now on.
std::size_t new_ones(const Places& places, std::set<void*>& known) {
  const std::size_t before = known.size();
  known.insert(places.begin(), places.end());
  return known.size() - before;
}

}  // namespace

PERCORE_CHECK("threads", a_list_is_one_threads, "F3",
              "a free list is one thread's: no other takes from it while the thread lives",
              free_lists, .seeds = 50, .ring = false) {
  const std::size_t size = any_size(run);
  const unsigned count = run.size(1, 50);
  const Places mine = allocate(count, size);
  free_all(mine, size);
  const std::set<void*> free_here(mine.begin(), mine.end());
  Places theirs;
  on_a_thread([&] { theirs = allocate(3 * count, size); });
  for (void* const place : theirs)
    require(
        !free_here.contains(place),
        "a thread was given a block of {} bytes that another thread, which still runs, has free",
        size);
  void* const next = allocate_frame(size);
  require(
      next == mine.back(),
      "a thread freed a block of {} bytes, another thread ran, and now the first one does not get "
      "the block back",
      size);
  free_frame(next, size);
  free_all(theirs, size);
}

PERCORE_CHECK("threads", a_block_goes_to_who_frees_it, "F3",
              "a block goes to the thread that frees it, whoever made it", free_lists, .seeds = 50,
              .ring = false) {
  const std::size_t size = any_size(run);
  const unsigned count = run.size(1, 50);
  const Places mine = allocate(count, size);
  const Places behind = allocate(1, size);
  free_all(behind, size);  // the newest in this thread's own list
  Places theirs;
  on_a_thread([&] {
    free_all(mine, size);
    theirs = allocate(count, size);
    std::ranges::reverse(theirs);
  });
  require(
      theirs == mine,
      "a thread freed {} frames of {} bytes that another one had made, and then made as many: it "
      "was not given the blocks that it had freed",
      count, size);
  void* const next = allocate_frame(size);
  require(
      next == behind.front(),
      "another thread freed frames of {} bytes that this one had made, and the next frame here is "
      "not where the one was that was freed here last",
      size);
  free_frame(next, size);
  free_all(theirs, size);
}

PERCORE_CHECK("threads", what_ended_threads_had_serves_others, "F5",
              "what a thread leaves behind when it ends serves the other threads", free_lists,
              .seeds = classes, .ring = false) {
  // A class of its own for each seed, the largest first, so that none finds what another left.
  const std::size_t size = frame_granule_bytes * (classes - run.seed() % classes);
  const unsigned count = run.size(1, 200);
  std::set<void*> known;
  const auto demand_known = [&](const Places& places, const char* what) {
    const std::size_t more = new_ones(places, known);
    require(
        more == 0,
        "{}: {} blocks of {} bytes were free then, and of the next {} frames on another thread {} "
        "are in new memory",
        what, count, size, places.size(), more);
  };
  Places places;
  on_a_thread([&] {
    places = allocate(count, size);
    free_all(places, size);
  });
  new_ones(places, known);
  on_a_thread([&] { places = allocate(count, size); });
  demand_known(places, "a thread made frames, freed them and ended");
  // This one only ever frees.
  on_a_thread([&] { free_all(places, size); });
  on_a_thread([&] { places = allocate(count, size); });
  demand_known(places, "a thread freed the frames of another and ended");
  on_a_thread([&] {
    free_all(places, size);
    places = allocate(count, size);
    free_all(places, size);
  });
  on_a_thread([&] {
    places = allocate(count, size);
    free_all(places, size);
  });
  demand_known(places, "a thread freed, made and freed frames and ended");
  // This one only ever makes: it may have taken more from those before than it used.
  Places first;
  on_a_thread([&] { first = allocate(1, size); });
  on_a_thread([&] { places = allocate(count - 1, size); });
  demand_known(places, "a thread made one frame, freed none and ended");
  on_a_thread([&] { free_all(first, size); });
  on_a_thread([&] { free_all(places, size); });
  on_a_thread([&] { places = allocate(count, size); });
  demand_known(places, "two threads, one after the other, freed some of the frames and ended");
}

PERCORE_CHECK("threads", what_was_left_behind_is_gone_from_the_thread, "F1",
              "frames are nobody else's, also those that a thread makes at its very end",
              free_lists, .seeds = 10, .ring = false) {
  const std::size_t size = any_size(run);
  const unsigned count = run.size(1, 50);
  void* last = nullptr;
  on_a_thread([&] {
    static thread_local MakesAFrameAtTheEnd at_the_end;  // made first, so it goes last
    at_the_end.size_bytes = size;
    at_the_end.frame = &last;
    free_all(allocate(count, size), size);
  });
  Places theirs;
  on_a_thread([&] { theirs = allocate(count, size); });
  require(std::ranges::count(theirs, last) == 0,
          "a thread that ended left {} blocks of {} bytes to the others, then a destructor of one "
          "of its thread_local objects made a frame, and another thread got the same block",
          count, size);
}

PERCORE_CHECK(
    "threads", short_threads_do_not_use_up_slabs, "F5",
    "what a thread leaves behind when it ends serves the other threads: the rest of a slab, "
    "too",
    free_lists, .seeds = 10, .ring = false) {
  const std::size_t size = any_size(run);
  const unsigned threads = run.size(1, 100);
  Places frames;
  frames.reserve(threads);
  std::size_t taken = 0;
  for (unsigned i = 0; i < threads; ++i) {
    run.operation(i);
    on_a_thread([&] {
      const std::int64_t before = taken_from_system();
      frames.push_back(allocate_frame(size));
      taken += static_cast<std::size_t>(taken_from_system() - before);
    });
  }
  const std::size_t enough =
      threads * rounded(size) / (frame_slab_bytes - pooled_frame_bytes_max) + 2;
  require(
      taken <= enough,
      "{} threads came one after the other and made a frame of {} bytes each, and memory was taken "
      "from the system {} times: {} times are enough, one for what is set up once and the others "
      "for slabs of {} bytes, of which the next thread cuts on where the last one ended",
      threads, size, taken, enough, frame_slab_bytes);
  free_all(frames, size);
}
