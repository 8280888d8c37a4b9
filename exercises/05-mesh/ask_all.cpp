#include <percore/shards.hpp>

// Exercise 05.6, kind: use. The checker calls ask_all() from a task of one shard; leave its name
// and its parameters as they are.

using percore::ShardLink;
using percore::Task;

/// Asks every shard at the same time.
/// link       of the caller's executor.
/// question   question(n) runs on the executor of shard n.
/// Returns    the sum of the answers.
/// Throws     what a question threw, that of the lowest shard, when all have answered.
Task<long> ask_all(ShardLink link, long (*question)(std::size_t shard)) {
  // TODO: this asks everything of itself.
  long sum = 0;
  for (std::size_t shard = 0; shard < link.count(); ++shard) sum += question(shard);
  co_return sum;
}
