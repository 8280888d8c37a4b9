#include <optional>
#include <percore/local_channel.hpp>
#include <percore/task_queue.hpp>

using percore::JoinHandle;
using percore::LocalChannel;
using percore::spawn_into;
using percore::Task;
using percore::TaskQueue;

namespace {

Task<long> do_pieces(unsigned pieces, long (*piece)(unsigned)) {
  long sum = 0;
  for (unsigned number = 0; number < pieces; ++number) {
    sum += piece(number);
    co_await percore::yield_if_needed();
  }
  co_return sum;
}

Task<> give_answers(LocalChannel<int>& questions, void (*answer)(int)) {
  for (;;) {
    const std::optional<int> question = co_await questions.receive();
    if (!question) co_return;
    answer(*question);
  }
}

}  // namespace

Task<long> work_beside(TaskQueue& background, unsigned pieces, long (*piece)(unsigned),
                       TaskQueue& urgent, LocalChannel<int>& questions, void (*answer)(int)) {
  JoinHandle<long> job = spawn_into(background, do_pieces(pieces, piece));
  JoinHandle<void> answers = spawn_into(urgent, give_answers(questions, answer));
  co_await answers;  // first: what a piece threw waits in its handle until all are answered
  const long sum = co_await job;
  co_return sum;
}
