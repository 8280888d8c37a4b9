#pragma once

#include <array>
#include <percore/executor.hpp>

#include "work.hpp"

namespace lesson {

/// The mistakes of the programs' --sabotage.
enum class Mistake { none, credit_for_sleeping, multiplies, charges_turns, yields_the_task };

/// Two queues with shares, as short as can be, on the real executor: the scheduler of this lesson
/// before it has invariants. One mistake can be made on purpose.
class ToyQueues final : public percore::QueueScheduler {
 public:
  struct Queue {
    explicit Queue(percore::QueueScheduler* scheduler) : run(scheduler) {}
    percore::RunQueue run;
    double shares = 1000;
    double virtual_ms = 0;
    percore::Time time;
  };

  ToyQueues(percore::Executor& executor, Mistake mistake)
      : executor_(executor), own_(executor.running_queue()), mistake_(mistake) {
    executor.schedule_queues_with(this);
  }
  ~ToyQueues() override { executor_.schedule_queues_with(nullptr); }
  ToyQueues(const ToyQueues&) = delete;
  ToyQueues& operator=(const ToyQueues&) = delete;

  percore::RunQueue* next_queue() override {
    if (!own_.empty()) {  // the root task's: it only waits
      running_ = nullptr;
      return &own_;
    }
    if (running_ == nullptr || running_->run.empty() || quantum_over()) pick();
    if (running_ == nullptr) return nullptr;
    began_ = percore::now();
    return &running_->run;
  }
  void became_ready(percore::RunQueue& queue) noexcept override {
    Queue& filled = &queue == &first.run ? first : second;
    if (&filled == running_ || mistake_ == Mistake::credit_for_sleeping) return;
    filled.virtual_ms = std::max(filled.virtual_ms, turn_began_ms_);
  }
  bool anything_ready() noexcept override {
    return !own_.empty() || !first.run.empty() || !second.run.empty();
  }
  unsigned quantum_left() noexcept override { return quantum_over() ? 0 : 1; }
  void end_turn() noexcept override {
    if (running_ == nullptr) return;
    const percore::Time ran = percore::now() - began_;
    running_->time = running_->time + ran;
    const double turn_ms = mistake_ == Mistake::charges_turns ? 1 : milliseconds(ran);
    running_->virtual_ms += mistake_ == Mistake::multiplies ? turn_ms * running_->shares / 1000
                                                            : turn_ms * 1000 / running_->shares;
  }

  Queue first{this};
  Queue second{this};

 private:
  static double milliseconds(percore::Time time) {
    return static_cast<double>(time.nanoseconds) / static_cast<double>(ms);
  }
  bool quantum_over() const {
    // The mistake: a queue keeps the thread until it is empty; its tasks give way to each other.
    if (mistake_ == Mistake::yields_the_task) return false;
    if (mistake_ == Mistake::charges_turns) return true;  // a turn is a task
    return percore::now() >= quantum_end_;
  }
  void pick() {
    running_ = nullptr;
    for (Queue* queue : {&first, &second}) {
      if (queue->run.empty()) continue;
      if (running_ == nullptr || queue->virtual_ms < running_->virtual_ms) running_ = queue;
    }
    if (running_ == nullptr) return;
    turn_began_ms_ = running_->virtual_ms;
    quantum_end_ = percore::now() + percore::Time{500 * us};
  }

  percore::Executor& executor_;
  percore::RunQueue& own_;
  Mistake mistake_;
  Queue* running_ = nullptr;
  double turn_began_ms_ = 0;
  percore::Time began_;
  percore::Time quantum_end_;
};

}  // namespace lesson
