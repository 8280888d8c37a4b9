// 06.2 dma_buffer, step waiting: first come, first served.

#include <deque>
#include <optional>
#include <percore/task_queue.hpp>

#include "01-hello-world/assertions.hpp"
#include "dma_buffer_support.hpp"

using namespace checks;

namespace {

/// Who asked, in which order, and who must have been served.
struct Queue {
  Run& run;
  DmaArena& arena;
  ArenaModel model;
  struct Waits {
    unsigned task;
    std::size_t bytes;
  };
  std::deque<Waits> waiting;
  struct Held {
    DmaBuffer buffer;
    std::size_t first;
    std::size_t bytes;
  };
  std::vector<Held> held;
  unsigned served = 0;
  unsigned tasks = 0;
  bool inside_a_free = false;
};

/// Of those that wait: with what they got, told in the order in which they went on.
void goes_on(Queue& queue, unsigned task, std::size_t bytes, DmaBuffer buffer) {
  require(!queue.waiting.empty(), "task {} got a block, and it had none to wait for", task);
  require(queue.waiting.front().task == task,
          "task {} got its block of {} granules, and task {} had waited longer, for {}", task,
          granules_of(bytes), queue.waiting.front().task, granules_of(queue.waiting.front().bytes));
  queue.waiting.pop_front();
  const std::size_t first = queue.model.place_of(buffer.data());
  queue.model.handed_out(buffer, bytes);
  queue.held.push_back({.buffer = std::move(buffer), .first = first, .bytes = bytes});
  ++queue.served;
}

Task<> asks(Queue& queue, unsigned task, std::size_t bytes) {
  queue.run.operation(task);
  queue.waiting.push_back({.task = task, .bytes = bytes});
  Result<DmaBuffer> got = co_await queue.arena.allocate(bytes);
  require(!queue.inside_a_free,
          "task {} was resumed within the destructor of a buffer: who waits "
          "is made ready, and runs later",
          task);
  require(got.has_value(), "task {} asked for {} bytes, which the arena can hold, and got: {}",
          task, bytes, error_of(got));
  goes_on(queue, task, bytes, std::move(*got));
}

/// How many of the first ones must have been served by now.
Task<> everybody_who_can(Queue& queue) {
  for (int i = 0; i < 3; ++i) co_await yield();
  if (!queue.waiting.empty()) {
    const Queue::Waits& first = queue.waiting.front();
    require(!queue.model.has_gap(granules_of(first.bytes)),
            "task {} waits longest, for {} granules, there is room for it, and it does not go on "
            "(taken: {})",
            first.task, granules_of(first.bytes), queue.model.map());
    const std::optional<DmaBuffer> overtakes = queue.arena.try_allocate(1);
    require(!overtakes.has_value(),
            "task {} waits for {} granules, and try_allocate() gave one to somebody who came later",
            first.task, granules_of(first.bytes));
  }
  require(queue.arena.waiting() == queue.waiting.size(), "{} tasks wait and waiting() says {}",
          queue.waiting.size(), queue.arena.waiting());
  queue.model.compare("a while");
}

void lets_go(Queue& queue) {
  const std::size_t which = queue.run.random(queue.held.size());
  Queue::Held gone = std::move(queue.held[which]);
  queue.held.erase(queue.held.begin() + static_cast<std::ptrdiff_t>(which));
  queue.model.freed(gone.first, gone.bytes);
  queue.inside_a_free = true;
  gone.buffer = DmaBuffer();
  queue.inside_a_free = false;
}

Task<> a_story(Run& run, std::size_t granules, unsigned rounds) {
  DmaArena arena({.bytes = granules * granule});
  Queue queue{.run = run, .arena = arena, .model = ArenaModel(arena)};
  std::vector<JoinHandle<void>> handles;
  for (unsigned round = 0; round < rounds; ++round) {
    if (run.chance(55)) {
      handles.push_back(spawn(asks(queue, queue.tasks, some_bytes(run, granules))));
      ++queue.tasks;
      co_await yield();  // it asks before the next one does
    } else if (!queue.held.empty()) {
      lets_go(queue);
    }
    if (run.chance(70)) co_await everybody_who_can(queue);
  }
  for (;;) {
    co_await everybody_who_can(queue);
    if (queue.held.empty()) break;
    lets_go(queue);
  }
  require(queue.waiting.empty(), "everything is free, and {} tasks wait", queue.waiting.size());
  require(queue.served == queue.tasks, "{} of {} tasks were served", queue.served, queue.tasks);
  for (auto& handle : handles) co_await handle;
}

Task<> waits(DmaArena& arena, std::size_t bytes, unsigned& done) {
  Result<DmaBuffer> got = co_await arena.allocate(bytes);
  require(got.has_value(), "a task waited for a block, and got: {}", error_of(got));
  ++done;
}
/// A large request must not starve behind small ones that come and go.
Task<> does_not_starve() {
  DmaArena arena({.bytes = 4 * granule});
  std::vector<DmaBuffer> small;
  for (int i = 0; i < 4; ++i) {
    Result<DmaBuffer> got = co_await arena.allocate(1);
    require(got.has_value(), "a free arena gave: {}", error_of(got));
    small.push_back(std::move(*got));
  }
  unsigned large_done = 0;
  unsigned small_done = 0;
  JoinHandle<void> large = spawn(waits(arena, 4 * granule, large_done));
  co_await yield();
  std::vector<JoinHandle<void>> others;
  for (int i = 0; i < 4; ++i) others.push_back(spawn(waits(arena, 1, small_done)));
  co_await yield();
  for (int left = 3; left >= 0; --left) {
    small.pop_back();
    for (int i = 0; i < 4; ++i) co_await yield();
    require(left == 0 || small_done == 0,
            "a task waits for 4 granules, and one that came later and wants 1 was served: at this "
            "rate the first waits for ever");
  }
  co_await large;
  require(large_done == 1, "all is free, and the one who waited for everything was not served");
  for (auto& other : others) co_await other;
}

Task<> asks_beyond(Run& run) {
  DmaArena arena({.bytes = 4 * granule});
  std::optional<DmaBuffer> all = arena.try_allocate(4 * granule);
  unsigned done = 0;
  JoinHandle<void> somebody = spawn(waits(arena, 1, done));
  co_await yield();
  for (const std::size_t bytes : {4 * granule + 1, 5 * granule, ~std::size_t{0}}) {
    run.waits_for("a block larger than the arena, which nobody can ever be given");
    auto allocation = arena.allocate(bytes);
    require(allocation.await_ready(),
            "a task asked for {} bytes of an arena of {}, and waits: for ever, since no free makes "
            "room for it",
            bytes, arena.size_bytes());
    const Result<DmaBuffer> got = allocation.await_resume();
    require(!got.has_value(), "an arena of {} bytes gave a block of {}", arena.size_bytes(), bytes);
    require(got.error() == system_error(ENOBUFS),
            "a block larger than the arena gives ENOBUFS of std::system_category(), and this gave: "
            "{} (category {})",
            got.error().message(), got.error().category().name());
  }
  run.waits_for("a block that has just become free");
  all.reset();
  co_await somebody;
}

/// B6: one after the other, one beside another, and one that did not ask.
Task<> registers_in_turn(Run& run) {
  for (unsigned i = 0; i < 3; ++i) {
    run.operation(i);
    DmaArena arena({.bytes = 4 * granule});
    require(arena.registered() && arena.why_not_registered().empty(),
            "arena {} of this executor, after the others had gone, is not registered: {}", i + 1,
            arena.why_not_registered());
    const DmaArena beside({.bytes = 4 * granule});
    require(
        !beside.registered() && !beside.why_not_registered().empty(),
        "the kernel takes one arena for a ring, another is registered, and a second one says {}",
        beside.registered() ? "that it is, too" : "nothing");
    DmaArena unasked({.bytes = 4 * granule, .registered = false});
    require(!unasked.registered() && !unasked.why_not_registered().empty(),
            "an arena was not to be registered, and {}",
            unasked.registered() ? "is" : "does not say why it is not");
    require(unasked.try_allocate(granule).has_value(),
            "an arena that is not registered gave no block: it works without");
  }
  co_return;
}

Task<> takes_all(DmaArena& arena, bool& served) {
  const std::size_t all = arena.size_bytes();
  const Result<DmaBuffer> got = co_await arena.allocate(all);
  require(got.has_value(), "somebody asked for all of an arena, {} granules, and got: {}",
          all / granule, error_of(got));
  served = true;
}

Task<> asks_for_all_of_it(std::size_t granules) {
  DmaArena arena({.bytes = granules * granule});
  std::optional<DmaBuffer> one = arena.try_allocate(granule);
  require(one.has_value(), "an empty arena has no block");
  bool served = false;
  auto waits = spawn(takes_all(arena, served));
  co_await yield();
  require(!served, "a block of all granules was given, and one is in use");
  one.reset();
  co_await waits;
}

Task<> is_served(DmaArena& arena) {
  const Result<DmaBuffer> got = co_await arena.allocate(granule);
  require(got.has_value(), "a task waited for a block, and got: {}", error_of(got));
}
/// Who is served has what it waited for, though it goes on later.
Task<> asks_behind_the_last_one() {
  DmaArena arena({.bytes = 2 * granule});
  std::optional<DmaBuffer> all = arena.try_allocate(2 * granule);
  require(all.has_value(), "an empty arena has no block");
  auto waits = spawn(is_served(arena));
  co_await yield();
  require(arena.waiting() == 1, "one task waits for a block, and waiting() says {}",
          arena.waiting());
  all.reset();
  require(arena.waiting() == 0,
          "the one who waited has been given its block, and waiting() says {}: it waits no more, "
          "though it goes on later",
          arena.waiting());
  require(arena.try_allocate(granule).has_value(),
          "the last one who waited has been given its block, a granule is free beside it, and "
          "try_allocate() gave nothing");
  co_await waits;
}

Task<> waits_in(DmaArena& arena, RunQueue& own) {
  const Result<DmaBuffer> got = co_await arena.allocate(granule);
  require(got.has_value(), "a task waited for a block, and got: {}", error_of(got));
  require(&Executor::current().running_queue() == &own,
          "a task waited in one task queue, a task of another freed the block, and the first goes "
          "on in the other's queue, at the other's cost");
}
Task<> frees_in_another_queue(TaskQueue& other) {
  DmaArena arena({.bytes = granule});
  std::optional<DmaBuffer> block = arena.try_allocate(granule);
  require(block.has_value(), "an empty arena has no block");
  auto waits = spawn_into(other, waits_in(arena, other.run_queue()));
  while (arena.waiting() == 0) co_await yield();
  block.reset();
  co_await waits;
}

Task<> makes_an_arena(std::optional<DmaArena>& arena, std::optional<DmaBuffer>& block) {
  arena.emplace(DmaArenaOptions{.bytes = 2 * granule});
  block = arena->try_allocate(granule);
  require(block.has_value(), "an empty arena has no block");
  co_return;
}

Task<> waits_for_one_who_stays(DmaArena& arena) {
  const Result<DmaBuffer> got = co_await arena.allocate(granule);
  static_cast<void>(got);
}
Task<> dies_with_a_waiter() {
  auto* const arena = new DmaArena({.bytes = granule});
  new std::optional<DmaBuffer>(arena->try_allocate(1));
  spawn(waits_for_one_who_stays(*arena)).detach();
  co_await yield();
  delete arena;
}

}  // namespace

PERCORE_CHECK("waiting", first_come_first_served, "B4",
              "who asks waits, and nobody who comes later takes what it waits for",
              who_waits_for_memory, .faults = false) {
  run.waits_for("a block that somebody will free");
  const std::size_t granules = run.size(1, 12);
  run_on_executor(a_story(run, granules, run.size(1, 100)));
}

PERCORE_CHECK("waiting", the_large_one_does_not_starve, "B4",
              "nobody who comes later takes what one waits for, however little they want",
              who_waits_for_memory, .seeds = 20, .faults = false) {
  run.waits_for("a block of four granules, which are freed one by one");
  run_on_executor(does_not_starve());
}

PERCORE_CHECK("waiting", the_whole_arena, "B4",
              "who asks for all of an arena waits until it is free", who_waits_for_memory,
              .seeds = 10, .faults = false) {
  run.waits_for("all of an arena, of which the last block was freed");
  run_on_executor(asks_for_all_of_it(run.size(1, 100)));
}

PERCORE_CHECK("waiting", who_is_served_waits_no_more, "B4",
              "who was given its block keeps nobody else waiting", who_waits_for_memory, .seeds = 1,
              .faults = false) {
  run.waits_for("a block that was freed");
  run_on_executor(asks_behind_the_last_one());
}

PERCORE_CHECK("waiting", each_in_its_own_task_queue, "B4",
              "who waits goes on in its own task queue, whoever frees the block",
              who_waits_for_memory, .seeds = 1, .faults = false) {
  run.waits_for("a block that a task of another queue freed");
  Executor executor({.ring = {.entries = 8}});
  TaskQueues queues(executor);
  executor.run(frees_in_another_queue(queues.add({.name = "other"})));
}

PERCORE_CHECK("waiting", an_arena_may_outlive_the_run, "B7",
              "a buffer goes before its arena, and both may go when the executor's run is over",
              the_arena, .seeds = 1, .faults = false) {
  std::optional<DmaArena> arena;
  std::optional<DmaBuffer> block;
  run_on_executor(makes_an_arena(arena, block));
  block.reset();
  require(arena->free_bytes() == 2 * granule,
          "the last buffer has gone after the run, and {} of 2 granules are free",
          arena->free_bytes() / granule);
  arena.reset();
}

PERCORE_CHECK("waiting", larger_than_the_arena, "B5",
              "what the whole arena could not hold is refused at once, with ENOBUFS",
              who_waits_for_memory, .seeds = 20, .faults = false) {
  run_on_executor(asks_beyond(run));
}

PERCORE_CHECK("waiting", the_memory_is_registered, "B6",
              "the memory is registered with the executor's ring for as long as the arena lives",
              the_arena, .seeds = 20, .faults = false) {
  run_on_executor(registers_in_turn(run));
}

PERCORE_CHECK("waiting", nobody_waits_for_a_dead_arena, "B7",
              "an arena goes when nobody waits for it any more: else it ends the program",
              who_waits_for_memory, .seeds = 1, .faults = false) {
  leave_open(run);
  const std::optional<std::string> words = last_words([] { run_and_leave(dies_with_a_waiter()); });
  require(words.has_value() && words->find("dma_buffer.cpp") != std::string::npos &&
              words->find("wait") != std::string::npos,
          "an arena was destroyed while a task waits for one of its blocks, and no sentence said "
          "so");
}
