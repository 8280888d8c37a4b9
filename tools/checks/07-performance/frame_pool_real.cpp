// 07.5 frame_pool, step threads: what threads share. On the kernel, because the threads of the
// simulated ring run one at a time.

#include <percore/check_between.hpp>

#include "frame_pool_support.hpp"

using namespace checks;

namespace {

/// None twice, and none within another.
void demand_apart(std::vector<void*> places, std::size_t size, const char* when) {
  std::ranges::sort(places);
  for (std::size_t i = 1; i < places.size(); ++i) {
    const auto* const first = static_cast<std::byte*>(places[i - 1]);
    const auto* const second = static_cast<std::byte*>(places[i]);
    require(first + rounded(size) <= second,
            "{}, and two frames of {} bytes, both in use, got {}: what threads share needs a lock",
            when, size, first == second ? "the same block" : "blocks that overlap");
  }
}

/// Ends the meeting on its thread when all that the thread's use of the pool has set up is gone.
struct MeetsToTheEnd {
  Between* between = nullptr;
  ~MeetsToTheEnd() {
    if (between != nullptr) between->end();
  }
};

}  // namespace

PERCORE_CHECK("threads", two_refill_at_the_same_time, "F1",
              "frames are nobody else's, also where two threads run dry at the same time",
              free_lists, .ring = false) {
  run.waits_for("two threads that take frames at the same time");
  constexpr std::size_t size = 320;
  Places all;
  all.reserve(100'000);
  const auto both_refill = [&all] {
    Places theirs;
    theirs.reserve(100'000);
    {
      Between between([&] { theirs.push_back(allocate_frame(size)); });
      between.begin();
      all.push_back(allocate_frame(size));
      between.end();
    }
    all.insert(all.end(), theirs.begin(), theirs.end());
  };
  both_refill();
  demand_apart(all, size, "two threads took new memory at the same time");
  on_a_thread([&] { free_all(all, size); });
  all.clear();
  both_refill();
  demand_apart(all, size, "two threads took blocks of an ended thread at the same time");
}

PERCORE_CHECK("threads", one_ends_while_another_refills, "F1",
              "frames are nobody else's, also where a thread ends while another runs dry",
              free_lists, .ring = false) {
  run.waits_for("a thread that ends while another one takes frames");
  constexpr std::size_t size = 480;
  on_a_thread([] { free_all(allocate(2000, size), size); });
  Places theirs;
  theirs.reserve(100'000);
  {
    Between between([&] { theirs.push_back(allocate_frame(size)); });
    on_a_thread([&] {
      static thread_local MeetsToTheEnd to_the_end;  // made first, so it goes last
      to_the_end.between = &between;
      free_all(allocate(2, size), size);
      between.begin();
    });
  }
  demand_apart(theirs, size, "a thread ended while another one took frames");
}
