// 05.2 spsc_queue, step ring: the queue as one thread sees it, beside a model of it.

#include <percore/check.hpp>
#include <percore/spsc_queue.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <set>

using percore::SpscQueue;
using percore::check::live_allocations;
using percore::check::require;

namespace {

constexpr const char* the_ring = "Lesson 05, *A ring of counts*";
constexpr const char* batches = "Lesson 05, *Once for many*";

/// A value that can only be moved, and knows which of its kind are alive.
class Counted {
 public:
  explicit Counted(unsigned number) : number_(number) { alive.insert(this); }
  Counted(Counted&& from) noexcept : number_(from.number_) {
    from.number_ = moved_away;
    alive.insert(this);
  }
  Counted& operator=(Counted&&) = delete;
  ~Counted() { destroyed_without_a_value += alive.erase(this) == 0; }
  unsigned number() const noexcept { return number_; }

  static constexpr unsigned moved_away = 999'999;
  static inline std::set<const Counted*> alive;
  static inline unsigned destroyed_without_a_value = 0;

 private:
  unsigned number_;
};

/// The queue and what it should hold.
struct Model {
  std::deque<unsigned> staged;     // put in and not published
  std::deque<unsigned> published;  // and not popped
  unsigned popped = 0;             // and not released
  unsigned next = 1;

  std::size_t taken() const { return staged.size() + published.size() + popped; }
  void publish() {
    published.insert(published.end(), staged.begin(), staged.end());
    staged.clear();
  }
};

void put_in(SpscQueue<Counted>& queue, Model& model, bool at_once) {
  Counted value(model.next);
  const bool has_room = model.taken() < queue.capacity();
  const bool went = at_once ? queue.try_push(value) : queue.stage(value);
  const char* const how = at_once ? "try_push()" : "stage()";
  require(went || !has_room, "{} found no room: {} of {} places are taken", how, model.taken(),
          queue.capacity());
  require(!went || has_room, "{} found room, and all of {} places are taken", how,
          queue.capacity());
  require(went == (value.number() == Counted::moved_away),
          "{} returned {}, and the value was {}moved", how, went, went ? "not " : "");
  if (!went) return;
  model.staged.push_back(model.next++);
  if (at_once) model.publish();
}

void look_at_front(SpscQueue<Counted>& queue, const Model& model) {
  const Counted* const front = queue.front();
  require((front != nullptr) == !model.published.empty(),
          "front() is {}, and {} values are published and not popped ({} more are only staged)",
          front == nullptr ? "null" : "not null", model.published.size(), model.staged.size());
  if (front == nullptr) return;
  require(front->number() == model.published.front(), "front() is value {}, and {} is the oldest",
          front->number(), model.published.front());
}

void take_out(SpscQueue<Counted>& queue, Model& model) {
  look_at_front(queue, model);
  if (model.published.empty()) return;
  queue.pop();
  model.published.pop_front();
  ++model.popped;
}

void take_out_at_once(SpscQueue<Counted>& queue, Model& model) {
  const auto value = queue.try_pop();
  require(value.has_value() == !model.published.empty(),
          "try_pop() gave {}, and {} values are published", value ? "a value" : "nothing",
          model.published.size());
  if (!value) return;
  require(value->number() == model.published.front(), "try_pop() gave value {} in place of {}",
          value->number(), model.published.front());
  model.published.pop_front();
  model.popped = 0;
}

void one_action(percore::check::Run& run, SpscQueue<Counted>& queue, Model& model) {
  switch (run.random(8)) {
    case 0:
    case 1:
      return put_in(queue, model, false);
    case 2:
      return put_in(queue, model, true);
    case 3:
      queue.publish();
      return model.publish();
    case 4:
      return take_out(queue, model);
    case 5:
      return take_out_at_once(queue, model);
    case 6:
      queue.release();
      model.popped = 0;
      return;
    default:
      return look_at_front(queue, model);
  }
}

}  // namespace

PERCORE_CHECK("ring", capacity_is_a_power_of_two, "B3", "a full queue is told from an empty one",
              the_ring, .seeds = 1, .faults = false, .ring = false) {
  for (const std::size_t asked : {1, 2, 3, 5, 8, 100}) {
    SpscQueue<int> queue(asked);
    require(queue.capacity() == std::bit_ceil(asked),
            "a queue of {} has room for {}: it is to be {}, the next power of two", asked,
            queue.capacity(), std::bit_ceil(asked));
    for (std::size_t i = 0; i < queue.capacity(); ++i) {
      require(queue.has_room(), "has_room() is false with {} of {} places taken", i,
              queue.capacity());
      int value = 1;
      require(queue.try_push(value), "try_push() found no room: {} of {} places are taken", i,
              queue.capacity());
    }
    require(!queue.has_room(), "has_room() is true with all of {} places taken", queue.capacity());
    require(queue.front() != nullptr, "a full queue of {} looks empty: front() is null",
            queue.capacity());
  }
}

PERCORE_CHECK("ring", seen_when_published, "B4", "one publish() makes all that was staged visible",
              batches, .seeds = 1, .faults = false, .ring = false) {
  SpscQueue<int> queue(4);
  for (int i = 1; i <= 3; ++i) {
    int value = i;
    require(queue.stage(value), "stage() found no room: {} of 4 places are taken", i - 1);
    require(queue.front() == nullptr, "a value that is only staged is seen by the consumer");
    require(queue.staged() == static_cast<std::size_t>(i), "staged() is {}, and {} are staged",
            queue.staged(), i);
  }
  queue.publish();
  require(queue.staged() == 0, "staged() is {} after publish()", queue.staged());
  for (int i = 1; i <= 3; ++i) {
    const int* const front = queue.front();
    require(front != nullptr, "3 values were staged and published at once, and {} came", i - 1);
    require(*front == i, "value {} came in place of {}", *front, i);
    queue.pop();
    require(queue.popped() == static_cast<std::size_t>(i), "popped() is {}, and {} are popped",
            queue.popped(), i);
  }
  queue.release();
  require(queue.popped() == 0, "popped() is {} after release()", queue.popped());
}

PERCORE_CHECK("ring", free_when_released, "B3", "a slot is written again only after its release",
              the_ring, .seeds = 1, .faults = false, .ring = false) {
  SpscQueue<int> queue(2);
  for (int value : {1, 2}) require(queue.try_push(value), "a new queue of 2 has no room for two");
  for (int i = 1; i <= 2; ++i) {
    require(queue.front() != nullptr, "two values were pushed and {} came", i - 1);
    queue.pop();
    require(!queue.has_room(),
            "a popped slot has room before its release(): the consumer may "
            "still use it");
  }
  queue.release();
  require(queue.has_room(), "two slots were popped and released, and has_room() is false");
}

PERCORE_CHECK("ring", like_its_model, "B1",
              "values come out in the order in which they were put in, each once", the_ring,
              .faults = false, .ring = false) {
  Counted::alive.clear();
  Counted::destroyed_without_a_value = 0;
  {
    Model model;
    SpscQueue<Counted> queue(std::size_t{1} << run.size(0, 3));
    const unsigned actions = run.size(1, 100);
    for (unsigned i = 0; i < actions; ++i) {
      run.operation(i);
      one_action(run, queue, model);
      require(queue.staged() == model.staged.size(), "staged() is {}, and {} values are staged",
              queue.staged(), model.staged.size());
      require(queue.popped() == model.popped, "popped() is {}, and {} values are popped",
              queue.popped(), model.popped);
      const std::size_t inside = model.staged.size() + model.published.size();
      const std::size_t alive = Counted::alive.size();
      require(alive == inside, "{} values are alive, and {} lie in the queue: {}", alive, inside,
              alive > inside ? "pop() ends a value's life"
                             : "a value was destroyed that is not out yet");
    }
  }
  const std::size_t left = Counted::alive.size();
  require(Counted::destroyed_without_a_value == 0,
          "the queue destroyed {} {} where none was: what lies in it at its end begins with the "
          "oldest, wherever in the ring that is",
          Counted::destroyed_without_a_value,
          Counted::destroyed_without_a_value == 1 ? "value" : "values");
  require(left == 0, "{} {} left after the queue's end: what lay in it is to be destroyed", left,
          left == 1 ? "value is" : "values are");
}

PERCORE_CHECK("ring", the_counts_wrap, "B3",
              "a full queue is told from an empty one, also when the counts have gone round",
              the_ring, .seeds = 1, .faults = false, .ring = false) {
  constexpr unsigned values = 70'000;  // more than 16 bits count
  for (const std::size_t capacity : {8, 512}) {
    SpscQueue<unsigned> queue(capacity);
    unsigned in = 0;
    unsigned out = 0;
    while (out < values) {
      for (std::size_t i = 0; i <= capacity; ++i) {
        unsigned value = in;
        const bool went = queue.try_push(value);
        require(went == (i < capacity),
                "try_push() found {}room with {} of {} places taken, when {} values had come out "
                "in all",
                went ? "" : "no ", i, capacity, out);
        in += went;
      }
      for (; out < in; ++out) {
        const auto value = queue.try_pop();
        require(value == out, "value {} did not come: the counts have gone round", out);
      }
      require(queue.front() == nullptr, "an empty queue has a front(), when {} had come out", out);
    }
  }
}

PERCORE_CHECK("ring", one_of_many, "B4",
              "publish() and release() hold nothing back, however large the queue is", batches,
              .seeds = 1, .faults = false, .ring = false) {
  constexpr int places = 512;
  SpscQueue<int> queue(places);
  int value = 0;
  require(queue.stage(value), "an empty queue of {} has no room", places);
  queue.publish();
  require(queue.front() != nullptr,
          "one value was staged and published in a queue of {}, and "
          "front() is null",
          places);
  for (int i = 1; i < places; ++i)
    require(queue.try_push(value), "try_push() found no room: {} of {} places are taken", i,
            places);
  queue.pop();
  queue.release();
  require(queue.has_room(), "one of {} values was popped and released, and has_room() is false",
          places);
}

PERCORE_CHECK("ring", each_where_it_may_lie, "B1", "a slot is aligned as its values are", the_ring,
              .seeds = 1, .faults = false, .ring = false) {
  struct alignas(128) Wide {
    char bytes[128];
  };
  SpscQueue<Wide> queue(4);
  for (int i = 0; i < 6; ++i) {
    Wide value{};
    require(queue.try_push(value), "an empty queue of 4 has no room");
    const auto at = reinterpret_cast<std::uintptr_t>(queue.front());
    require(at % alignof(Wide) == 0,
            "a value that is to lie at a multiple of {} bytes lies {} behind one", alignof(Wide),
            at % alignof(Wide));
    queue.pop();
    queue.release();
  }
}

PERCORE_CHECK("ring", memory_is_taken_once, "B6", "no value needs memory of its own", the_ring,
              .seeds = 1, .faults = false, .ring = false) {
  SpscQueue<int> queue(8);
  const std::int64_t blocks = live_allocations();
  for (int value = 0; value < 5; ++value)
    require(queue.try_push(value), "try_push() found no room: {} of 8 places are taken", value);
  require(live_allocations() == blocks,
          "5 values lie in a queue of 8, and {} blocks more are allocated: the memory is taken in "
          "the constructor and nowhere else, since an allocation may wait",
          live_allocations() - blocks);
}
