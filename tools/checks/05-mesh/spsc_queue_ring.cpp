// 05.2 spsc_queue, step ring: the queue as one thread sees it, beside a model of it.

#include <percore/check.hpp>
#include <percore/spsc_queue.hpp>

#include <deque>
#include <memory>

using percore::SpscQueue;
using percore::check::require;

namespace {

constexpr const char* the_ring = "Lesson 05, *A ring of counts*";
constexpr const char* batches = "Lesson 05, *Once for many*";

/// A value that can only be moved, and counts those of its kind that are alive.
class Counted {
 public:
  Counted(unsigned number, int& alive) : number_(number), alive_(&alive) { ++alive; }
  Counted(Counted&& from) noexcept : number_(from.number_), alive_(from.alive_) {
    from.number_ = moved_away;
    ++*alive_;
  }
  Counted& operator=(Counted&&) = delete;
  ~Counted() { --*alive_; }
  unsigned number() const noexcept { return number_; }

  static constexpr unsigned moved_away = 999'999;

 private:
  unsigned number_;
  int* alive_;
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

void put_in(SpscQueue<Counted>& queue, Model& model, int& alive, bool at_once) {
  Counted value(model.next, alive);
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

void one_action(percore::check::Run& run, SpscQueue<Counted>& queue, Model& model, int& alive) {
  switch (run.random(8)) {
    case 0:
    case 1:
      return put_in(queue, model, alive, false);
    case 2:
      return put_in(queue, model, alive, true);
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
  int alive = 0;
  {
    Model model;
    SpscQueue<Counted> queue(std::size_t{1} << run.size(0, 3));
    const unsigned actions = run.size(1, 100);
    for (unsigned i = 0; i < actions; ++i) {
      run.operation(i);
      one_action(run, queue, model, alive);
      require(queue.staged() == model.staged.size(), "staged() is {}, and {} values are staged",
              queue.staged(), model.staged.size());
      require(queue.popped() == model.popped, "popped() is {}, and {} values are popped",
              queue.popped(), model.popped);
      const auto inside = static_cast<int>(model.staged.size() + model.published.size());
      require(alive == inside, "{} values are alive, and {} lie in the queue: {}", alive, inside,
              alive > inside ? "pop() ends a value's life"
                             : "a value was destroyed that is not out yet");
    }
  }
  require(alive == 0, "{} {} left after the queue's end: what lay in it is to be destroyed", alive,
          alive == 1 ? "value is" : "values are");
}
