#include <percore/task_queue.hpp>

#include <algorithm>
#include <percore/assert.hpp>

namespace percore {

constinit thread_local TaskQueues* TaskQueues::current_ = nullptr;

TaskQueue::TaskQueue(TaskQueues& queues, TaskQueueOptions options, unsigned number,
                     RunQueue* run_queue)
    : ShareHolder(options.shares),
      RunQueue(&queues),
      options_(std::move(options)),
      number_(number),
      run_queue_(run_queue != nullptr ? run_queue : this) {}

TaskQueues::TaskQueues(Executor& executor, const TaskQueuesOptions& options)
    : executor_(executor), quantum_(options.quantum) {
  PERCORE_ASSERT(current_ == nullptr, "there are TaskQueues on this thread already");
  PERCORE_ASSERT(Executor::current_or_null() == nullptr,
                 "TaskQueues were made inside a run(): make them before it");
  queues_.push_back(std::make_unique<TaskQueue>(*this, TaskQueueOptions{.name = "default"}, 0,
                                                &executor.running_queue()));
  running_ = queues_.front().get();
  executor.schedule_queues_with(this);
  current_ = this;
}

TaskQueues::~TaskQueues() {
  PERCORE_ASSERT(Executor::current_or_null() == nullptr,
                 "TaskQueues were destroyed inside a run(): tasks may still wait in them");
  lane_.end();
  executor_.schedule_queues_with(nullptr);
  current_ = nullptr;
}

TaskQueue& TaskQueues::add(TaskQueueOptions options) {
  PERCORE_ASSERT(queues_.size() <= 1024, "an executor has room for 1,024 task queues");
  if (options.latency != Time::never())
    quantum_ = std::min(quantum_, Time{options.latency.nanoseconds / 2});
  queues_.push_back(std::make_unique<TaskQueue>(*this, std::move(options),
                                                static_cast<unsigned>(queues_.size()), nullptr));
  return *queues_.back();
}

// The turn

void TaskQueues::became_ready(RunQueue& queue) noexcept {
  auto& filled = static_cast<TaskQueue&>(queue);
  // One that empties and fills in its own turn was ready all the time.
  if (!filled.ready()) wake(filled);
}

void TaskQueues::wake(TaskQueue& queue) noexcept {
  ++queue.statistics_.wake_ups;
  if (!queue.has_bound()) return fair_.wake(queue);
  queue.woken_ = now();
  queue.first_quantum_ = true;
  fair_.wake(queue, queue.woken_ + queue.options_.latency);
  quantum_over_ = true;
}

bool TaskQueues::anything_ready() noexcept {
  return fair_.anything_ready() || !default_queue().run_queue_->empty();
}

RunQueue* TaskQueues::next_queue() {
  // Nobody tells when the executor's own queue fills.
  TaskQueue& own = default_queue();
  if (!own.ready() && !own.run_queue_->empty()) wake(own);
  const Time moment = now();
  if (quantum_over_ || moment >= quantum_end_) {
    ShareHolder* const next = fair_.pick();
    if (next == nullptr) {
      lane_.end();
      return nullptr;
    }
    begin_quantum(static_cast<TaskQueue&>(*next), moment);
  }
  in_turn_ = true;
  turn_began_ = moment;
  return running_->run_queue_;
}

void TaskQueues::begin_quantum(TaskQueue& queue, Time moment) noexcept {
  running_ = &queue;
  quantum_over_ = false;
  quantum_end_ = moment + quantum_;
  ++queue.statistics_.quanta;
  if (std::exchange(queue.first_quantum_, false)) {
    const Time waited = moment - queue.woken_;
    queue.statistics_.wait_max = std::max(queue.statistics_.wait_max, waited);
    if (waited > queue.options_.latency) ++queue.statistics_.bounds_missed;
  }
  ask_for_shares(queue, moment);
  lane_.begin(queue.options_.name.c_str(), queue.number_);
}

unsigned TaskQueues::quantum_left() noexcept {
  return need_preempt() ? 0 : 1;
}

void TaskQueues::end_turn() noexcept {
  if (!std::exchange(in_turn_, false)) return;
  const Time ran = now() - turn_began_;
  running_->statistics_.time = running_->statistics_.time + ran;
  fair_.charge(*running_, ran);
  if (!running_->run_queue_->empty()) return;
  fair_.sleep(*running_);
  quantum_over_ = true;
}

// Shares that change

void TaskQueues::ask_for_shares(TaskQueue& queue, Time moment) noexcept {
  SharesManager* const manager = queue.options_.manager;
  if (manager == nullptr || moment < queue.ask_for_shares_at_) return;
  queue.set_shares(std::clamp(manager->shares(), shares_min, shares_max));
  queue.ask_for_shares_at_ = moment + manager->period();
}

// The bound

bool TaskQueues::somebody_with_a_bound_sleeps() noexcept {
  return std::any_of(queues_.begin(), queues_.end(),
                     [](const auto& queue) { return queue->has_bound() && !queue->ready(); });
}

bool TaskQueues::need_preempt() noexcept {
  if (quantum_over_ || now() >= quantum_end_) return true;
  return executor_.ring().has_completions() && somebody_with_a_bound_sleeps();
}

}  // namespace percore
