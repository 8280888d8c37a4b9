#include <optional>
#include <percore/local_channel.hpp>
#include <percore/task_queue.hpp>

// Exercise 04.4, kind: use. The checker calls work_beside() from a task; leave its name and its
// parameters as they are.

using percore::LocalChannel;
using percore::Task;
using percore::TaskQueue;

/// Does a long job and answers questions meanwhile.
/// background   where piece(0) ... piece(pieces - 1) run, in this order.
/// urgent       where answer() is called with each question, until the channel is closed and empty.
/// Returns      the sum of what the pieces gave, when both are done.
/// Throws       what a piece threw; all questions are answered before.
Task<long> work_beside(TaskQueue& background, unsigned pieces, long (*piece)(unsigned),
                       TaskQueue& urgent, LocalChannel<int>& questions, void (*answer)(int)) {
  // TODO: this does one after the other, all in the caller's queue, and lets nobody in.
  static_cast<void>(background);
  static_cast<void>(urgent);
  long sum = 0;
  for (unsigned number = 0; number < pieces; ++number) sum += piece(number);
  for (;;) {
    const std::optional<int> question = co_await questions.receive();
    if (!question) break;
    answer(*question);
  }
  co_return sum;
}
