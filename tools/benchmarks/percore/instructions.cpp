// Instructions an operation on percore, counted one by one: the same figure on every run, whatever
// else the machine does. Exits with 77 where a system lets nobody count, or has no ring; whatever
// else it ends with is a failure (tools/benchmarks/keep_instructions.py).
#include <count_instructions.hpp>
#include <measure.hpp>

#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <percore/dma_file.hpp>
#include <percore/executor.hpp>
#include <percore/io.hpp>
#include <percore/ring.hpp>
#include <percore/shared_channel.hpp>
#include <percore/stats.hpp>
#include <percore/task_queue.hpp>
#include <string>
#include <vector>

#include "files.hpp"

namespace {

using bench::must;
using bench::open_file;
using percore::Executor;
using percore::JoinHandle;
using percore::Task;
using percore::TaskQueue;
using percore::TaskQueues;
using percore::observe::count_instructions;
using percore::observe::InstructionCount;

Task<std::uint64_t> give_index(std::uint64_t index) {
  co_return index;
}

Task<std::uint64_t> spawn_and_join(std::size_t tasks,
                                   std::vector<JoinHandle<std::uint64_t>>& handles) {
  for (std::size_t i = 0; i < tasks; ++i) handles.push_back(percore::spawn(give_index(i)));
  std::uint64_t sum = 0;
  for (auto& handle : handles) sum += co_await handle;
  handles.clear();
  co_return sum;
}

Task<std::uint64_t> yield_times(std::size_t times) {
  for (std::size_t i = 0; i < times; ++i) co_await percore::yield();
  co_return times;
}

Task<std::uint64_t> yield_in_two_tasks(std::size_t times) {
  auto first = percore::spawn(yield_times(times / 2));
  auto second = percore::spawn(yield_times(times / 2));
  const std::uint64_t from_first = co_await first;
  const std::uint64_t from_second = co_await second;
  co_return from_first + from_second;
}

Task<std::uint64_t> await_times(std::size_t times) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < times; ++i) sum += co_await give_index(1);
  co_return sum;
}

Task<std::uint64_t> nop_times(std::size_t times) {
  std::uint64_t completed = 0;
  for (std::size_t i = 0; i < times; ++i) {
    const auto result = co_await percore::nop();
    completed += result.has_value() ? 1 : 0;
  }
  co_return completed;
}

Task<std::uint64_t> nop_in_64_tasks(std::size_t times,
                                    std::vector<JoinHandle<std::uint64_t>>& handles) {
  for (std::size_t i = 0; i < 64; ++i) handles.push_back(percore::spawn(nop_times(times / 64)));
  std::uint64_t completed = 0;
  for (auto& handle : handles) completed += co_await handle;
  handles.clear();
  co_return completed;
}

// The same in the task queue `queue`: what shares and a quantum add.
TaskQueue* queue = nullptr;

Task<std::uint64_t> in_queue(Task<std::uint64_t> work) {
  co_await percore::move_to(*queue);
  const std::uint64_t result = co_await std::move(work);
  co_return result;
}

Task<std::uint64_t> switch_times(std::size_t times, TaskQueue& other) {
  for (std::size_t i = 0; i < times; i += 2) {
    co_await percore::move_to(*queue);
    co_await percore::move_to(other);
  }
  co_return times;
}

// Both ends of a channel on one executor: what a message takes at both, without waiting for another
// core.
using percore::SharedReceiver;
using percore::SharedSender;

Task<std::uint64_t> receive_all(SharedReceiver<std::uint64_t> receiver) {
  std::uint64_t received = 0;
  for (;;) {
    const auto value = co_await receiver.receive();
    if (!value) break;
    ++received;
  }
  co_return received;
}

Task<> send_all(SharedSender<std::uint64_t> sender, std::size_t times) {
  for (std::size_t i = 0; i < times; ++i) {
    const auto sent = co_await sender.send(i);
    if (!sent) break;
  }
}

Task<std::uint64_t> stream_messages(std::size_t times) {
  auto ends = percore::shared_channel<std::uint64_t>(1024);
  auto receiving = percore::spawn(receive_all(std::move(ends.receiver)));
  co_await send_all(std::move(ends.sender), times);
  const std::uint64_t received = co_await receiving;
  co_return received;
}

Task<> send_back(SharedReceiver<std::uint64_t> in, SharedSender<std::uint64_t> out) {
  for (;;) {
    const auto value = co_await in.receive();
    if (!value) break;
    const auto sent = co_await out.send(*value);
    if (!sent) break;
  }
}

// Beside `silent` channels for whose values other tasks wait.
Task<std::uint64_t> messages_there_and_back(std::size_t times, std::size_t silent) {
  std::vector<SharedSender<std::uint64_t>> silent_senders;
  std::vector<JoinHandle<std::uint64_t>> listening;
  for (std::size_t i = 0; i < silent; ++i) {
    auto ends = percore::shared_channel<std::uint64_t>(1);
    silent_senders.push_back(std::move(ends.sender));
    listening.push_back(percore::spawn(receive_all(std::move(ends.receiver))));
  }
  auto there = percore::shared_channel<std::uint64_t>(64);
  auto back = percore::shared_channel<std::uint64_t>(64);
  auto answering = percore::spawn(send_back(std::move(there.receiver), std::move(back.sender)));
  std::uint64_t received = 0;
  for (std::size_t i = 0; i < times; ++i) {
    const auto sent = co_await there.sender.send(i);
    const auto answer = co_await back.receiver.receive();
    received += sent && answer ? 1 : 0;
  }
  there.sender.close();
  co_await answering;
  silent_senders.clear();
  for (auto& one : listening) received += co_await one;
  co_return received;
}

// A file of one block, which goes with the program.
class BlockFile {
 public:
  BlockFile() {
    const int fd = mkstemp(path_.data());
    const std::vector<char> block(percore::dma_granule_bytes, 'b');
    if (fd < 0 || ::write(fd, block.data(), block.size()) != static_cast<ssize_t>(block.size())) {
      std::perror("no file can be made in /tmp");
      std::exit(3);
    }
    ::close(fd);
  }
  ~BlockFile() { unlink(path_.c_str()); }
  BlockFile(const BlockFile&) = delete;
  BlockFile& operator=(const BlockFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/percore-instructions-XXXXXX";  // as mkstemp(3) wants it
};

Task<std::uint64_t> block_times(const BlockFile& block, bool writes, std::size_t times) {
  percore::DmaArena arena({.bytes = 1u << 16});
  percore::DmaFile file = co_await open_file(arena, block.path(), percore::DmaOpen::update);
  auto allocated = co_await arena.allocate(percore::dma_granule_bytes);
  const percore::DmaBuffer memory = must(std::move(allocated), "", "the arena is too small");
  for (std::size_t i = 0; i < times; ++i) {
    if (writes) {
      const auto written = co_await file.write(memory.bytes(), 0);
      must(written, block.path(), "it cannot be written");
    } else {
      const auto read = co_await file.read_into(memory.bytes(), 0);
      must(read, block.path(), "it cannot be read");
    }
  }
  static_cast<void>(co_await file.close());
  co_return times;
}

// Asked before anything of percore is counted, so that a crash in a hot path is no excuse.
void leave_where_nobody_can_count() {
  constexpr int nobody_can = 77;
  const auto nothing = [] {};
  if (const InstructionCount counted = count_instructions(nothing, nothing); !counted.counted()) {
    std::fprintf(stderr, "instructions cannot be counted here: %s\n", counted.problem.c_str());
    std::exit(nobody_can);
  }
  try {
    const percore::Ring ring;
  } catch (const percore::RingUnavailable& unavailable) {
    std::fprintf(stderr, "there is no ring here: %s\n", unavailable.what());
    std::exit(nobody_can);
  }
}

// What a run of more operations takes beyond a run of fewer: what happens once falls out.
template <typename Work>
double instructions_an_operation(Work work, std::size_t fewer, std::size_t more,
                                 bool with_queues = false, bool with_stats = false) {
  std::vector<JoinHandle<std::uint64_t>> handles;
  handles.reserve(more);
  const auto count = [&](std::size_t operations) {
    // The ring belongs to the thread that opens it, so the executor is made in the child.
    std::optional<Executor> executor;
    std::optional<TaskQueues> queues;
    std::optional<percore::Stats> stats;
    const auto prepare = [&] {
      executor.emplace();
      // Where each instruction is stepped, time flies: a quantum is not to end by it.
      constexpr percore::TaskQueuesOptions long_quanta{.quantum = {3'600'000'000'000}};
      if (with_queues) queue = &queues.emplace(*executor, long_quanta).add({.name = "measured"});
      if (with_stats) stats.emplace(*executor);
      executor->run(work(more, handles));
    };
    const auto measured = [&] { executor->run(work(operations, handles)); };
    InstructionCount counted = count_instructions(prepare, measured);
    if (!counted.counted()) {
      std::fprintf(stderr, "instructions could not be counted: %s\n", counted.problem.c_str());
      std::exit(3);
    }
    return static_cast<double>(counted.instructions);
  };
  return (count(more) - count(fewer)) / static_cast<double>(more - fewer);
}

}  // namespace

// `quick` leaves out what takes many steps, for the test that holds the others to their figures.
int main(int argument_count, char** arguments) {
  const bool quick = argument_count > 1 && std::string_view(arguments[1]) == "quick";
  leave_where_nobody_can_count();
  using Handles = std::vector<JoinHandle<std::uint64_t>>;
  const auto spawns = [](std::size_t tasks, Handles& handles) {
    return spawn_and_join(tasks, handles);
  };
  const auto yields = [](std::size_t times, Handles&) { return yield_times(times); };
  const auto switches = [](std::size_t times, Handles&) { return yield_in_two_tasks(times); };
  const auto awaits = [](std::size_t times, Handles&) { return await_times(times); };
  const auto nops = [](std::size_t times, Handles&) { return nop_times(times); };
  const auto nops_64 = [](std::size_t times, Handles& handles) {
    return nop_in_64_tasks(times, handles);
  };
  const auto queue_spawns = [](std::size_t tasks, Handles& handles) {
    return in_queue(spawn_and_join(tasks, handles));
  };
  const auto queue_yields = [](std::size_t times, Handles&) {
    return in_queue(yield_in_two_tasks(times));
  };
  const auto queue_switches = [](std::size_t times, Handles&) {
    return switch_times(times, TaskQueues::current_or_null()->default_queue());
  };
  const auto stream = [](std::size_t times, Handles&) { return stream_messages(times); };
  const auto there_and_back = [](std::size_t silent) {
    return [silent](std::size_t times, Handles&) { return messages_there_and_back(times, silent); };
  };
  const BlockFile block;
  const auto blocks = [&block](bool writes) {
    return
        [&block, writes](std::size_t times, Handles&) { return block_times(block, writes, times); };
  };
  std::vector<bench::Metric> counted;
  const auto add = [&counted](const char* operation, double instructions) {
    counted.push_back({operation, instructions, "instructions"});
  };
  add("spawn and join", instructions_an_operation(spawns, 32, 96));
  add("await a task", instructions_an_operation(awaits, 32, 96));
  add("yield, nobody else ready", instructions_an_operation(yields, 32, 96));
  add("yield, another task runs", instructions_an_operation(switches, 32, 96));
  add("nop, one in flight", instructions_an_operation(nops, 8, 40));
  add("nop, 64 in flight", instructions_an_operation(nops_64, 64, 192));
  add("read a block of a file", instructions_an_operation(blocks(false), 8, 40));
  add("write a block of a file", instructions_an_operation(blocks(true), 8, 40));
  add("with Stats: spawn and join", instructions_an_operation(spawns, 32, 96, false, true));
  add("with Stats: yield, another task runs",
      instructions_an_operation(switches, 32, 96, false, true));
  add("mesh message, streamed", instructions_an_operation(stream, 256, 512));
  add("mesh message there and back", instructions_an_operation(there_and_back(0), 16, 80));
  if (!quick) {
    add("in a task queue: spawn and join",
        instructions_an_operation(queue_spawns, 4096, 8192, true));
    add("in a task queue: yield, another task runs",
        instructions_an_operation(queue_yields, 8192, 16384, true));
    add("switch to another task queue", instructions_an_operation(queue_switches, 32, 96, true));
    add("the same beside 64 silent peers", instructions_an_operation(there_and_back(64), 16, 80));
  }
  bench::print_json(counted);
}
