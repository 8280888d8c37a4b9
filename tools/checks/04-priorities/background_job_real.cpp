// 04.4 background_job, once on the kernel. Nothing is demanded of time here.

#include <percore/local_channel.hpp>
#include <percore/task_queue.hpp>

#include <percore/check.hpp>

percore::Task<long> work_beside(percore::TaskQueue& background, unsigned pieces,
                                long (*piece)(unsigned), percore::TaskQueue& urgent,
                                percore::LocalChannel<int>& questions, void (*answer)(int));

using namespace percore;
using percore::check::require;

namespace {

int answers = 0;

Task<> asks(LocalChannel<int>& questions) {
  for (int i = 0; i < 20; ++i) {
    const auto sent = co_await questions.send(i);
    require(sent.has_value(), "a question could not be sent");
    co_await yield();
  }
  questions.close();
}

Task<long> root(TaskQueue& background, TaskQueue& urgent) {
  LocalChannel<int> questions(4);
  JoinHandle<void> asker = spawn(asks(questions));
  const long sum = co_await work_beside(
      background, 1000, [](unsigned number) { return static_cast<long>(number); }, urgent,
      questions, [](int) { ++answers; });
  co_await asker;
  co_return sum;
}

}  // namespace

PERCORE_CHECK("", on_the_kernel_both_get_done, "Q1",
              "a task and what it waits for go on in its own queue",
              "Lesson 04, *The queue of a task*") {
  Executor executor;
  TaskQueues queues(executor);
  TaskQueue& background = queues.add({.name = "background", .shares = 200});
  TaskQueue& urgent = queues.add({.name = "urgent", .latency = Time{1'000'000}});
  run.waits_for("the pieces and the answers, on the kernel");
  const long sum = executor.run(root(background, urgent));
  require(sum == 499'500, "on the kernel the pieces gave 499500 in all, and it returned {}", sum);
  require(answers == 20, "on the kernel 20 questions were asked, and {} answered", answers);
}
