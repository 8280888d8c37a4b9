#include <percore/task_queue.hpp>

#include <algorithm>
#include <percore/assert.hpp>

namespace percore {

constinit thread_local TaskQueues* TaskQueues::current_ = nullptr;

namespace {
constexpr std::size_t queues_max = 1024;
constexpr unsigned stretch_max = 256;
}  // namespace

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
                 "TaskQueues were made inside a run(): make them before it, so that they outlive "
                 "its tasks");
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
  PERCORE_ASSERT(queues_.size() <= queues_max, "an executor has room for 1,024 task queues");
  queues_.push_back(std::make_unique<TaskQueue>(*this, std::move(options),
                                                static_cast<unsigned>(queues_.size()), nullptr));
  TaskQueue& queue = *queues_.back();
  if (queue.has_bound()) {
    ++bounded_asleep_;
    quantum_ = std::min(quantum_, Time{queue.options_.latency.nanoseconds / 2});
  }
  return queue;
}

void TaskQueues::became_ready(RunQueue& queue) noexcept {
  // One that empties and fills in its own turn is ready all the time.
  if (auto& filled = static_cast<TaskQueue&>(queue); !filled.ready()) wake(filled);
}

void TaskQueues::wake(TaskQueue& queue) noexcept {
  ++queue.statistics_.wake_ups;
  if (!queue.has_bound()) return fair_.wake(queue);
  queue.woken_ = now();
  --bounded_asleep_;
  fair_.wake(queue, queue.woken_ + queue.options_.latency);
  quantum_over_ = true;
}

bool TaskQueues::anything_ready() noexcept {
  return fair_.anything_ready() || !default_queue().run_queue_->empty();
}

RunQueue* TaskQueues::next_queue() {
  // Nobody tells when the executor's own queue fills.
  if (TaskQueue& own = default_queue(); !own.ready() && !own.run_queue_->empty()) wake(own);
  const Time moment = now();
  if (quantum_over_ || moment >= quantum_end_) {
    auto* const next = static_cast<TaskQueue*>(fair_.pick());
    if (next == nullptr) {
      lane_.end();
      return nullptr;
    }
    begin_quantum(*next, moment);
  }
  turn_began_ = looked_ = moment;
  return running_->run_queue_;
}

void TaskQueues::begin_quantum(TaskQueue& queue, Time moment) noexcept {
  if (running_ != &queue) {  // its tasks may be longer
    stretch_ = 1;
    short_looks_ = 0;
  }
  running_ = &queue;
  quantum_over_ = false;
  quantum_end_ = moment + quantum_;
  ++queue.statistics_.quanta;
  if (queue.woken_ != Time::never()) {
    const Time waited = moment - std::exchange(queue.woken_, Time::never());
    queue.statistics_.wait_max = std::max(queue.statistics_.wait_max, waited);
    if (waited > queue.options_.latency) ++queue.statistics_.bounds_missed;
  }
  SharesManager* const manager = queue.options_.manager;
  if (manager != nullptr && moment >= queue.ask_for_shares_at_) {
    queue.set_shares(std::clamp(manager->shares(), shares_min, shares_max));
    queue.ask_for_shares_at_ = moment + manager->period();
  }
  lane_.begin(queue.options_.name.c_str(), queue.number_);
}

// A look at the clock costs more than a short task. So tasks run one by one, with a look after
// each, until sixteen looks in a row have found them short; then in stretches, twice as long each
// time, as long as a stretch takes less than a sixteenth of the quantum.
unsigned TaskQueues::quantum_left() noexcept {
  if (may_not_go_on()) return 0;
  const Time moment = now();
  if (moment >= quantum_end_) {
    quantum_over_ = true;
    return 0;
  }
  const std::int64_t took = (moment - looked_).nanoseconds;
  looked_ = moment;
  if (16 * took >= quantum_.nanoseconds) {
    stretch_ = 1;
    short_looks_ = 0;
  } else if (32 * took < quantum_.nanoseconds && stretch_ < stretch_max && ++short_looks_ == 16) {
    stretch_ *= 2;
    short_looks_ = 0;
  }
  return stretch_;
}

void TaskQueues::end_turn() noexcept {
  if (turn_began_ == Time::never()) return;
  const Time ran = now() - std::exchange(turn_began_, Time::never());
  running_->statistics_.time = running_->statistics_.time + ran;
  fair_.charge(*running_, ran);
  if (!running_->run_queue_->empty()) return;
  fair_.sleep(*running_);
  if (running_->has_bound()) ++bounded_asleep_;
  quantum_over_ = true;
}

}  // namespace percore
