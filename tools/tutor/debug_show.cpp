// Who awaits whom is read from the frames. A task's promise begins behind the two function
// addresses, and a promise of ours begins with the continuation: the awaiting frame, or a hook that
// lies within it. For a promise that is made up differently: each frame holds the address of the
// other.

#include "debug_show.hpp"

#include "terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace percore::tutor {

namespace {

constexpr std::size_t promise_word = 2;

std::string microseconds(std::int64_t nanoseconds) {
  return fmt::format("{:.2f} us", static_cast<double>(nanoseconds) / 1000);
}

std::string short_opcode(const std::string& opcode) {
  constexpr std::string_view prefix = "IORING_OP_";
  return opcode.starts_with(prefix) ? opcode.substr(prefix.size()) : opcode;
}

bool within(std::uint64_t address, std::uint64_t frame, const FrameWords& words) {
  return address >= frame && address < frame + words->size() * 8;
}

const TaskState* task_at(const std::vector<TaskState>& all, std::uint64_t frame) {
  const auto found = std::ranges::find(all, frame, &TaskState::address);
  return found == all.end() ? nullptr : &*found;
}

// Whether another frame holds its handle. What has ended and is held by none may be a block of our
// pool that was freed and begins with null.
bool is_held(const DebugStep& step, std::uint64_t frame) {
  return std::ranges::any_of(step.frames, [&](const auto& other) {
    return other.first != frame && std::ranges::count(*other.second, frame) != 0;
  });
}

std::string named(const TaskState& task) {
  return fmt::format("T{} {}", task.number, task.coroutine->name);
}

std::string place(const TaskState& task) {
  if (task.coroutine->file.empty()) return "";
  return fmt::format("{}:{}", fs::path(task.coroutine->file).filename().string(),
                     task.line != 0 ? task.line : task.coroutine->line);
}

// The task whose frame holds the operation's record; null when it lies elsewhere.
const TaskState* owner(const DebugStep& step, const std::vector<TaskState>& all,
                       const OperationState& operation) {
  for (const TaskState& task : all)
    if (within(operation.user_data, task.address, step.frames.at(task.address))) return &task;
  return nullptr;
}

// At most `columns`, and whole words of them; 0: all. Of names and numbers, which are ASCII.
std::string cut(const std::string& line, std::size_t columns) {
  constexpr std::string_view sign = " ...";
  if (columns <= sign.size() || line.size() <= columns) return line;
  const std::size_t space = line.rfind(' ', columns - sign.size());
  const std::size_t end = line.find_last_not_of(' ', space);
  if (space == line.npos || end == line.npos) return line.substr(0, columns);
  return line.substr(0, end + 1) + std::string(sign);
}

// At most `most` of the lines; the last one then says how many are left out. Returns how many lines
// that makes.
std::size_t add_cut(std::string& out, const std::vector<std::string>& lines, std::size_t most,
                    std::size_t columns, std::size_t step) {
  const std::size_t whole = lines.size() <= most ? lines.size() : most - 1;
  for (std::size_t i = 0; i < whole; ++i) out += cut(lines[i], columns) + "\n";
  if (whole == lines.size()) return whole;
  out += fmt::format("  ... and {} more (`--step {}` prints all)\n", lines.size() - whole, step);
  return whole + 1;
}

}  // namespace

DebugShow::DebugShow(const DebugRecord& record, const Coroutines& coroutines, std::string ending)
    : record_(record), coroutines_(coroutines), ending_(std::move(ending)) {
  unsigned last = 0;
  std::map<std::uint64_t, unsigned> now;
  const std::map<std::uint64_t, FrameWords> nothing;
  for (std::size_t i = 0; i < record.steps.size(); ++i) {
    const auto& frames = record.steps[i].frames;
    const auto& before = i == 0 ? nothing : record.steps[i - 1].frames;
    std::erase_if(now, [&](const auto& one) { return !frames.contains(one.first); });
    for (const auto& [address, words] : frames) {
      const Coroutine* const is = coroutines.of_frame(*words);
      if (is == nullptr) continue;
      // A block may be used again for another coroutine's frame.
      const auto old = before.find(address);
      const bool is_other = old == before.end() || coroutines.of_frame(*old->second) != is;
      if (is_other || !now.contains(address)) now[address] = ++last;
    }
    numbers_at_.push_back(now);
  }
}

std::uint64_t DebugShow::awaiter_of(const DebugStep& step, std::uint64_t frame) const {
  const auto& words = *step.frames.at(frame);
  const std::uint64_t first =
      words.size() > promise_word ? words[promise_word] & ~std::uint64_t{7} : 0;
  const auto holds = [](const FrameWords& in, auto accept) {
    return std::ranges::any_of(*in, [&](std::uint64_t word) { return accept(word & ~7ULL); });
  };
  for (const auto& [other, other_words] : step.frames)
    if (other != frame && coroutines_.of_frame(*other_words) != nullptr &&
        within(first, other, other_words))
      return other;
  constexpr std::uint64_t no_address = 1U << 16;
  if (first >= no_address) return 0;  // a hook that belongs to no frame: nobody awaits it
  for (const auto& [other, other_words] : step.frames) {
    if (other == frame || coroutines_.of_frame(*other_words) == nullptr) continue;
    const bool known_there = holds(other_words, [&](auto word) { return word == frame; });
    if (known_there && holds(step.frames.at(frame), [&, at = other, size = other_words](auto word) {
          return within(word, at, size);
        }))
      return other;
  }
  return 0;
}

std::vector<TaskState> DebugShow::tasks(const DebugStep& step) const {
  const auto index = static_cast<std::size_t>(&step - record_.steps.data());
  std::vector<TaskState> all;
  for (const auto& [address, number] : numbers_at_[index]) {
    const auto& words = *step.frames.at(address);
    const Coroutine* const is = coroutines_.of_frame(words);
    if (words[0] == 0 && !is_held(step, address)) continue;
    all.push_back({.coroutine = is,
                   .address = address,
                   .number = number,
                   .line = Coroutines::line_of(*is, words),
                   .words = "",
                   .awaited_by = awaiter_of(step, address)});
  }
  std::ranges::sort(all, {}, &TaskState::number);
  for (TaskState& task : all) task.words = state_words(step, task, all);
  tell_who_runs(step, all);
  return all;
}

// The one of a function that is on the stack runs, unless something explains why it stands still:
// it is in the run queue, an operation is in flight for it, or it awaits another task. Without the
// run queue, those that are ready are not explained.
void DebugShow::tell_who_runs(const DebugStep& step, std::vector<TaskState>& all) const {
  for (const std::uint64_t address : step.stack) {
    const Coroutine* const function = coroutines_.running_at(address);
    if (function == nullptr) continue;
    std::vector<TaskState*> candidates;
    for (TaskState& task : all)
      if (task.coroutine == function && task.words.empty()) candidates.push_back(&task);
    if (candidates.size() == 1) candidates.front()->words = "runs now";
  }
  for (TaskState& task : all) {
    if (!task.words.empty()) continue;
    const bool begun =
        Coroutines::suspend_point(*task.coroutine, *step.frames.at(task.address)) != 0;
    const bool may_run = std::ranges::any_of(step.stack, [&](std::uint64_t address) {
      return coroutines_.running_at(address) == task.coroutine;
    });
    if (!step.queue)
      task.words = begun ? "runs, is ready, or waits for something outside the ring" : "not begun";
    else if (may_run)
      task.words = "runs, or waits for something outside the ring";
    else
      task.words = begun ? "waits for something outside the ring" : "not begun";
  }
}

std::string DebugShow::state_words(const DebugStep& step, const TaskState& task,
                                   const std::vector<TaskState>& all) const {
  const auto& frame = *step.frames.at(task.address);
  if (frame[0] == 0) return "has ended";
  for (const OperationState& operation : step.in_flight)
    if (const TaskState* const of = owner(step, all, operation); of == &task)
      return operation.state == "posted"
                 ? fmt::format("waits until the completion of operation {} is collected",
                               operation.id)
             : operation.id == 0 ? fmt::format("waits for an entry ({}) that is not submitted yet",
                                               short_opcode(operation.opcode))
                                 : fmt::format("waits for operation {} ({})", operation.id,
                                               short_opcode(operation.opcode));
  if (step.queue) {
    const auto place = std::ranges::find(*step.queue, task.address);
    if (place != step.queue->end())
      return fmt::format(
          "ready, {} in the run queue{}", place - step.queue->begin() + 1,
          Coroutines::suspend_point(*task.coroutine, frame) == 0 ? ", not begun" : "");
  }
  for (const TaskState& other : all)
    if (other.awaited_by == task.address && step.frames.at(other.address)->front() != 0)
      return "awaits " + named(other);
  return "";
}

std::vector<std::string> DebugShow::operation_lines(const DebugStep& step, const RingState& ring,
                                                    const std::vector<TaskState>& all) const {
  Lines out;
  for (const OperationState& one : step.in_flight) {
    if (one.ring != ring.number) continue;
    const TaskState* const of = owner(step, all, one);
    const std::string whose = of == nullptr ? "" : "   <- " + named(*of);
    if (one.id == 0) {
      out.push_back(
          fmt::format("  entry         {:<12} filled{}", short_opcode(one.opcode), whose));
      continue;
    }
    if (one.state == "posted") {
      out.push_back(
          fmt::format("  completion of operation {}: result {}{}", one.id, one.result, whose));
      continue;
    }
    std::string line = fmt::format(
        "  operation {:<3} {:<12} {:<8} for {}", one.id, short_opcode(one.opcode),
        one.state == "handed" ? "handed over" : one.state, microseconds(step.time - one.since));
    if (one.state == "done") line += fmt::format(", result {}", one.result);
    if (one.due >= 0 && one.due >= step.time && one.due - step.time < 1'000'000'000'000)
      line += fmt::format(", done in {}", microseconds(one.due - step.time));
    out.push_back(line + whose);
  }
  return out;
}

std::string DebugShow::queue_text(const DebugStep& step, const std::vector<TaskState>& all) const {
  if (!step.queue) return "";
  std::string out = "run queue   ";
  if (step.queue->empty()) return out + "empty";
  for (std::size_t i = 0; i < step.queue->size(); ++i) {
    const TaskState* const task = task_at(all, (*step.queue)[i]);
    out += fmt::format("{}{}", i == 0 ? "" : ", ", task == nullptr ? "(no task)" : named(*task));
  }
  return out;
}

std::vector<std::string> DebugShow::task_lines(const std::vector<TaskState>& all) const {
  Lines out;
  const std::function<void(const TaskState&, unsigned)> add = [&](const TaskState& task,
                                                                  unsigned depth) {
    const std::string name = std::string(2 * std::min(depth, 12U) + 2, ' ') + named(task);
    out.push_back(fmt::format("{:<32} {:<28} {}", name, place(task), task.words));
    for (const TaskState& other : all)
      if (other.awaited_by == task.address && depth < all.size()) add(other, depth + 1);
  };
  for (const TaskState& task : all)
    if (task.awaited_by == 0) add(task, 0);
  return out;
}

std::vector<std::string> DebugShow::head_lines(std::size_t index, Room room) const {
  const DebugStep& step = record_.steps[index];
  const std::int64_t begin = record_.steps.front().time;
  std::string what = step.words;
  if (step.operation != 0) what = fmt::format("operation {}: {}", step.operation, what);
  const bool loud = step.kind == "violation" || step.kind == "fault";
  Lines out = {in_colour(
      Colour::bold, fmt::format("step {} of {}   {}   executor {}", index + 1, record_.steps.size(),
                                microseconds(step.time - begin), step.executor))};
  const auto add = [&](Colour colour, const std::string& text) {
    if (room.columns == 0)
      out.push_back(in_colour(colour, text));
    else
      for (const std::string& line :
           split_lines(wrapped(text, static_cast<unsigned>(room.columns))))
        out.push_back(in_colour(colour, line));
  };
  add(loud ? Colour::red : Colour::cyan, what);
  if (index + 1 == record_.steps.size() && !ending_.empty())
    add(Colour::red, "the end: " + ending_);
  return out;
}

std::string DebugShow::step(std::size_t index, Room room) const {
  const DebugStep& step = record_.steps[index];
  const auto all = tasks(step);
  const Lines head = head_lines(index, room);
  std::vector<std::pair<Lines, Lines>> rings;  // of each: its own lines, its operations
  std::size_t always = head.size() + 2;        // with the run queue and the word "tasks"
  for (const RingState& ring : step.rings) {
    std::string first = fmt::format("ring {}   submission queue: {} of {} filled, {} handed over",
                                    ring.number, ring.filled, ring.entries, ring.handed);
    std::string second =
        fmt::format("   completion queue: {} of {} ready", ring.ready, ring.completions);
    if (ring.overflow != 0) second += fmt::format(", {} overflowed", ring.overflow);
    Lines own = {first + second};
    if (room.columns != 0 && own.front().size() > room.columns) own = {first, "      " + second};
    always += own.size();
    rings.emplace_back(own, operation_lines(step, ring, all));
  }
  const Lines below = task_lines(all);
  // Operations get half of what is left, and what the tasks do not need.
  const std::size_t left = room.rows > always + 2 ? room.rows - always : 2;
  const std::size_t for_operations = std::max(left / 2, left - std::min(left, below.size()));
  std::string out;
  std::size_t used = 0;
  for (const std::string& line : head) out += line + "\n";
  for (const auto& [own, operations] : rings) {
    for (const std::string& line : own) out += cut(line, room.columns) + "\n";
    const std::size_t most = room.rows == 0
                                 ? operations.size()
                                 : std::max<std::size_t>(for_operations / rings.size(), 1);
    used += add_cut(out, operations, most, room.columns, index + 1);
  }
  if (const std::string queue = queue_text(step, all); !queue.empty())
    out += cut(queue, room.columns) + "\n";
  if (below.empty()) return out;
  out += "tasks\n";
  const std::size_t most = left > used ? left - used : 1;
  add_cut(out, below, room.rows == 0 ? below.size() : most, room.columns, index + 1);
  return out;
}

}  // namespace percore::tutor
