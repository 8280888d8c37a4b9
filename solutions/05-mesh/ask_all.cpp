#include <exception>
#include <percore/shards.hpp>
#include <vector>

using percore::JoinHandle;
using percore::ShardLink;
using percore::spawn;
using percore::Task;

/// Asks every shard at the same time.
/// link       of the caller's executor.
/// question   question(n) runs on the executor of shard n.
/// Returns    the sum of the answers.
/// Throws     what a question threw, that of the lowest shard, when all have answered.
Task<long> ask_all(ShardLink link, long (*question)(std::size_t shard)) {
  std::vector<JoinHandle<long>> asked;
  for (std::size_t shard = 0; shard < link.count(); ++shard) {
    const auto on_shard = [question, shard] { return question(shard); };
    asked.push_back(spawn(link.submit_to(shard, on_shard)));
  }
  long sum = 0;
  std::exception_ptr thrown;
  for (JoinHandle<long>& one : asked) {
    try {
      sum += co_await one;
    } catch (...) {
      if (!thrown) thrown = std::current_exception();
    }
  }
  if (thrown) std::rethrow_exception(thrown);
  co_return sum;
}
