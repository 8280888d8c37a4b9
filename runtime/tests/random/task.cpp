// Random programs on tasks alone, without an executor: trees of tasks that give values of every
// kind, throw, are moved about, dropped before they start, and wait for somebody who resumes them
// in any order. What a tree must come to is computed beforehand from its seed.

#include <coroutine>
#include <memory>
#include <optional>
#include <percore/task.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "program.hpp"

namespace percore::test {

namespace {

struct Thrown : std::runtime_error {
  explicit Thrown(std::uint64_t which) : std::runtime_error("thrown"), number(which) {}
  std::uint64_t number;
};

// What a tree comes to: a value, or the exception that carries it.
struct Outcome {
  std::uint64_t value = 0;
  bool threw = false;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

constexpr unsigned depth_max = 5;

// What a node draws, once for the model and once for the task.
struct Node {
  Node(std::uint64_t seed, unsigned depth) : dice(seed) {
    own = dice.below(1'000);
    children = depth == 0 ? 0 : dice.below(4);
    pauses = dice.below(3);
    throws = dice.percent(12);
    catches = dice.percent(50);
    dropped = dice.percent(20);
    for (unsigned i = 0; i != children; ++i) {
      kinds[i] = static_cast<unsigned char>(dice.below(5));
      child_seeds[i] = dice.next();
    }
  }
  Dice dice;
  std::uint64_t own = 0;
  unsigned children = 0;
  unsigned pauses = 0;
  bool throws = false;
  bool catches = false;  // its children's exceptions
  bool dropped = false;  // makes one task more that it never starts
  std::array<unsigned char, 4> kinds{};
  std::array<std::uint64_t, 4> child_seeds{};
};

std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
  return a * 1'000'003u + b + 1;
}

Outcome expected(std::uint64_t seed, unsigned depth) {
  const Node node(seed, depth);
  std::uint64_t sum = node.own;
  for (unsigned i = 0; i != node.children; ++i) {
    const Outcome child = expected(node.child_seeds[i], depth - 1);
    if (child.threw && !node.catches) return child;
    const bool has_value = child.threw || node.kinds[i] != 4;
    if (has_value) sum = mixed(sum, child.value);
  }
  return {sum, node.throws};
}

class Forest;

// Waits until the driver of the forest resumes it.
class Pause {
 public:
  explicit Pause(Forest& forest) noexcept : forest_(forest) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) const;
  void await_resume() const noexcept {}

 private:
  Forest& forest_;
};

// A task that was started, and what the model says of it.
struct Tree : FinishHook {
  Tree() : FinishHook{&Tree::on_finish} {}
  static void on_finish(FinishHook& self, std::coroutine_handle<>) noexcept {
    ++static_cast<Tree&>(self).finished_times;
  }
  std::optional<Task<std::uint64_t>> task;
  Outcome wanted;
  unsigned finished_times = 0;
};

class Forest {
 public:
  explicit Forest(std::uint64_t seed) : dice_(seed) {}
  void run();
  void waits(std::coroutine_handle<> handle) { waiting_.push_back(handle); }

 private:
  void start_tree();
  void resume_one();
  void change_continuation();
  void check(Tree& tree);

  Dice dice_;
  std::vector<std::coroutine_handle<>> waiting_;
  std::vector<std::unique_ptr<Tree>> trees_;
};

void Pause::await_suspend(std::coroutine_handle<> handle) const {
  forest_.waits(handle);
}

Task<std::uint64_t> tree(Forest& forest, Token token, std::uint64_t seed, unsigned depth);

Task<std::unique_ptr<std::uint64_t>> owned(Forest& forest, Token, std::uint64_t seed,
                                           unsigned depth) {
  const std::uint64_t value = co_await tree(forest, Token(), seed, depth);
  co_return std::make_unique<std::uint64_t>(value);
}

Task<std::string> text(Forest& forest, Token, std::uint64_t seed, unsigned depth) {
  const std::uint64_t value = co_await tree(forest, Token(), seed, depth);
  co_return "a text too long to lie in the string itself: " + std::to_string(value);
}

Task<const std::uint64_t&> referred(Forest& forest, Token, std::uint64_t seed, unsigned depth,
                                    std::uint64_t* home) {
  *home = co_await tree(forest, Token(), seed, depth);
  co_return *home;
}

Task<> valueless(Forest& forest, Token, std::uint64_t seed, unsigned depth) {
  static_cast<void>(co_await tree(forest, Token(), seed, depth));
}

// Awaits the child as one of the kinds of task; nothing for a task without a value.
Task<std::optional<std::uint64_t>> child_value(Forest& forest, Token, unsigned char kind,
                                               std::uint64_t seed, unsigned depth) {
  if (kind == 0) {
    Task<std::uint64_t> first = tree(forest, Token(), seed, depth);
    Task<std::uint64_t> second = std::move(first);
    expect(!first.valid() && second.valid(), "T3: a move did not move the ownership of a frame");
    first = std::move(second);
    const std::uint64_t value = co_await std::move(first);
    co_return value;
  }
  if (kind == 1) {
    const std::unique_ptr<std::uint64_t> value = co_await owned(forest, Token(), seed, depth);
    co_return *value;
  }
  if (kind == 2) {
    const std::string value = co_await text(forest, Token(), seed, depth);
    co_return std::stoull(value.substr(value.find(':') + 1));
  }
  if (kind == 3) {
    std::uint64_t home = 0;
    const std::uint64_t& value = co_await referred(forest, Token(), seed, depth, &home);
    expect(&value == &home, "T2: a task gave a reference to something else");
    co_return value;
  }
  co_await valueless(forest, Token(), seed, depth);
  co_return std::nullopt;
}

Task<std::uint64_t> tree(Forest& forest, Token, std::uint64_t seed, unsigned depth) {
  const Node node(seed, depth);
  std::uint64_t sum = node.own;
  std::optional<Task<std::uint64_t>> never_started;
  if (node.dropped) never_started = tree(forest, Token(), seed, 0);
  for (unsigned i = 0; i != node.pauses; ++i) co_await Pause(forest);
  for (unsigned i = 0; i != node.children; ++i) {
    std::optional<std::uint64_t> value;
    try {
      value = co_await child_value(forest, Token(), node.kinds[i], node.child_seeds[i], depth - 1);
    } catch (const Thrown& thrown) {
      if (!node.catches) throw;
      value = thrown.number;
    }
    if (value) sum = mixed(sum, *value);
  }
  if (node.throws) throw Thrown(sum);
  co_return sum;
}

void Forest::start_tree() {
  const std::uint64_t seed = dice_.next();
  const unsigned depth = dice_.below(depth_max + 1);
  auto made = std::make_unique<Tree>();
  made->wanted = expected(seed, depth);
  made->task.emplace(tree(*this, Token(), seed, depth));
  expect(made->task->valid() && !made->task->done(), "T1: a task is done before it was started");
  const std::size_t waiting_before = waiting_.size();
  if (dice_.percent(10)) return;  // dropped unstarted: T5
  trees_.push_back(std::move(made));
  Tree& kept = *trees_.back();
  const std::coroutine_handle<> first = kept.task->start(Continuation::call(kept));
  expect(waiting_.size() == waiting_before, "T1: a task ran before it was resumed");
  run_chain(first);
}

void Forest::resume_one() {
  const unsigned at = dice_.below(static_cast<unsigned>(waiting_.size()));
  std::swap(waiting_[at], waiting_.back());
  const std::coroutine_handle<> handle = waiting_.back();
  waiting_.pop_back();
  run_chain(handle);
}

// As an executor does when a task is detached, or its handle awaited: another hook, or the same
// task given up and taken back.
void Forest::change_continuation() {
  if (trees_.empty()) return;
  Tree& some = *trees_[dice_.below(static_cast<unsigned>(trees_.size()))];
  if (some.task->done()) return;
  some.task->continue_with(Continuation::call(some));
  const std::coroutine_handle<> handle = some.task->release();
  expect(!some.task->valid(), "T3: release() left the ownership of the frame behind");
  *some.task = Task<std::uint64_t>::adopt(handle);
  expect(some.task->valid() && !some.task->done(), "T3: adopt() did not take over the frame");
}

void Forest::check(Tree& some) {
  expect(some.finished_times == 1, "T2: a task's end was told more or less than once");
  expect(some.task->done(), "T2: a task told its end and is not done");
  Outcome found;
  try {
    found.value = some.task->take_result();
  } catch (const Thrown& thrown) {
    found = {thrown.number, true};
  }
  expect(found == some.wanted, "T2: a tree of tasks came to another value or exception");
}

void Forest::run() {
  const unsigned wanted = dice_.between(1, 12);
  for (unsigned started = 0; started != wanted || !waiting_.empty();) {
    const bool start = started != wanted && (waiting_.empty() || dice_.percent(30));
    if (start) {
      ++started;
      start_tree();
    } else {
      resume_one();
    }
    if (dice_.percent(20)) change_continuation();
  }
  for (const auto& some : trees_) check(*some);
  trees_.clear();
}

}  // namespace

void random_task_program(std::uint64_t seed) {
  Forest(seed).run();
}

}  // namespace percore::test
