#include <percore/stats.hpp>

#include <cstdio>
#include <percore/assert.hpp>
#include <utility>

namespace percore {
namespace {

// A learner's doorbell need not count.
template <typename D>
DoorbellCounts counts_of(const D& doorbell) {
  if constexpr (requires { doorbell.counts().spins_paid; }) {
    const auto counts = doorbell.counts();
    return {counts.sleeps, counts.spins, counts.spins_paid};
  } else {
    return {};
  }
}

// Nor need a learner's file.
template <typename F>
std::shared_ptr<const FileCounts> counts_of_file(const F& file) {
  if constexpr (requires { file.counts()->reads; }) {
    return file.counts();
  } else {
    return nullptr;
  }
}

RingCounts minus(const RingCounts& later, const RingCounts& earlier) {
  return {later.enters - earlier.enters, later.submitted - earlier.submitted,
          later.completions - earlier.completions};
}

void take_off(TaskQueueCounts& queue, const TaskQueueCounts& earlier) {
  queue.counts.time = queue.counts.time - earlier.counts.time;
  queue.counts.quanta -= earlier.counts.quanta;
  queue.counts.wake_ups -= earlier.counts.wake_ups;
  queue.counts.bounds_missed -= earlier.counts.bounds_missed;
}

// Lines of the table: a name, a number, what it means.
class Table {
 public:
  void line(const char* name, std::uint64_t value, const std::string& remark = "") {
    char text[160];
    std::snprintf(text, sizeof text, "%-24s%16llu%s%s\n", name,
                  static_cast<unsigned long long>(value), remark.empty() ? "" : "   ",
                  remark.c_str());
    out += text;
  }
  std::string out;
};

std::string format(const char* pattern, double number) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, number);
  return text;
}

double per(std::uint64_t count, std::uint64_t of) {
  return of == 0 ? 0 : static_cast<double>(count) / static_cast<double>(of);
}

std::string share(Time part, Time whole) {
  if (whole.nanoseconds <= 0) return "";
  return format("%.1f %%", 100 * static_cast<double>(part.nanoseconds) /
                               static_cast<double>(whole.nanoseconds));
}

std::uint64_t us(Time time) {
  return static_cast<std::uint64_t>(time.nanoseconds / 1000);
}

}  // namespace

Stats::Stats(Executor& executor)
    : executor_(&executor), made_(now()), ring_at_first_(executor.ring().counts()) {
  executor.add_poller(*this);
}

Stats::~Stats() {
  if (executor_ != nullptr) executor_->remove_poller(*this);
}

void Stats::watch(const Doorbell& doorbell) {
  doorbell_ = &doorbell;
}

void Stats::watch(const DmaFile& file) {
  if (auto counts = counts_of_file(file); counts != nullptr) files_.push_back(std::move(counts));
}

void Stats::watch(const FileCounts& files) {
  files_.emplace_back(std::shared_ptr<const void>(), &files);  // whose they are is not ours to hold
}

bool Stats::prepare_to_sleep() {
  ++sleeps_;
  fell_asleep_ = now();
  return true;
}

void Stats::cancel_sleep() {
  asleep_ = asleep_ + (now() - fell_asleep_);
}

void Stats::executor_gone() noexcept {
  try {
    last_ = all_there_is();
  } catch (...) {  // no memory for the names: the counts are lost with them
  }
  executor_ = nullptr;
}

StatsSnapshot Stats::snapshot() const {
  return executor_ == nullptr ? last_ : all_there_is();
}

StatsSnapshot Stats::all_there_is() const {
  StatsSnapshot all;
  all.elapsed = now() - made_;
  all.executor = {turns_, sleeps_, asleep_, executor_->tasks_alive()};
  all.ring = minus(executor_->ring().counts(), ring_at_first_);
  if (doorbell_ != nullptr) all.doorbell = counts_of(*doorbell_);
  for (const TaskQueue* const queue : queues_)
    all.queues.push_back({queue->name(), queue->shares(), queue->statistics()});
  for (const std::shared_ptr<const FileCounts>& files : files_) {
    all.files.reads += files->reads;
    all.files.bytes_read += files->bytes_read;
    all.files.writes += files->writes;
    all.files.bytes_written += files->bytes_written;
    all.files.syncs += files->syncs;
  }
  return all;
}

StatsSnapshot difference(const StatsSnapshot& later, const StatsSnapshot& earlier) {
  StatsSnapshot between = later;
  PERCORE_ASSERT(earlier.queues.size() <= later.queues.size(),
                 "the difference of two snapshots takes the later one first, of the same Stats");
  between.elapsed = later.elapsed - earlier.elapsed;
  between.executor.turns -= earlier.executor.turns;
  between.executor.sleeps -= earlier.executor.sleeps;
  between.executor.asleep = later.executor.asleep - earlier.executor.asleep;
  between.ring = minus(later.ring, earlier.ring);
  between.doorbell.sleeps -= earlier.doorbell.sleeps;
  between.doorbell.spins -= earlier.doorbell.spins;
  between.doorbell.spins_paid -= earlier.doorbell.spins_paid;
  // In the order in which they were added: those of the earlier one come first.
  for (std::size_t i = 0; i < earlier.queues.size(); ++i)
    take_off(between.queues[i], earlier.queues[i]);
  between.files.reads -= earlier.files.reads;
  between.files.bytes_read -= earlier.files.bytes_read;
  between.files.writes -= earlier.files.writes;
  between.files.bytes_written -= earlier.files.bytes_written;
  between.files.syncs -= earlier.files.syncs;
  return between;
}

std::string to_text(const StatsSnapshot& snapshot) {
  const auto& [elapsed, executor, ring, doorbell, queues, files] = snapshot;
  Table table;
  table.line("elapsed, us", us(elapsed));
  table.line("  busy", us(snapshot.busy()), share(snapshot.busy(), elapsed));
  table.line("  asleep", us(executor.asleep), share(executor.asleep, elapsed));
  table.line("turns", executor.turns);
  table.line("sleeps", executor.sleeps);
  table.line("tasks alive", executor.tasks_alive);
  table.line("ring: enters", ring.enters,
             format("%.2f a completion", per(ring.enters, ring.completions)));
  table.line("ring: entries", ring.submitted);
  table.line("ring: completions", ring.completions);
  if (doorbell.sleeps + doorbell.spins != 0) {
    table.line("doorbell: sleeps", doorbell.sleeps);
    table.line("doorbell: spins", doorbell.spins,
               format("%.1f %% paid", 100 * per(doorbell.spins_paid, doorbell.spins)));
  }
  if (files.reads + files.writes + files.syncs != 0) {
    table.line("files: reads", files.reads);
    table.line("files: bytes read", files.bytes_read);
    table.line("files: writes", files.writes);
    table.line("files: bytes written", files.bytes_written);
    table.line("files: syncs", files.syncs);
  }
  if (queues.empty()) return table.out;
  char line[200];
  std::snprintf(line, sizeof line, "\n%-24s%7s%12s%9s%9s%10s%13s%8s\n", "task queue", "shares",
                "time, us", "of busy", "quanta", "wake-ups", "wait max, us", "missed");
  table.out += line;
  for (const TaskQueueCounts& queue : queues) {
    const TaskQueueStatistics& counts = queue.counts;
    std::snprintf(
        line, sizeof line, "%-24.60s%7u%12llu%9s%9llu%10llu%13llu%8llu\n", queue.name.c_str(),
        queue.shares, static_cast<unsigned long long>(us(counts.time)),
        share(counts.time, snapshot.busy()).c_str(), static_cast<unsigned long long>(counts.quanta),
        static_cast<unsigned long long>(counts.wake_ups),
        static_cast<unsigned long long>(us(counts.wait_max)),
        static_cast<unsigned long long>(counts.bounds_missed));
    table.out += line;
  }
  return table.out;
}

}  // namespace percore
