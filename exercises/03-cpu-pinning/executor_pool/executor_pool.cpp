#include <percore/executor_pool.hpp>

#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <latch>
#include <optional>
#include <percore/io.hpp>
#include <system_error>
#include <thread>

// A pool of executors: one thread for each place. Two steps: "start" brings the members up, all or
// none, runs their root tasks and joins them; "stop" wakes them when they are asked to end.
//
// The header is finished. ExecutorPool<T> there gives PoolThreads a function, `run`, to be called
// on each member's thread with its executor and its shard: it makes the root task, runs it, keeps
// its value or exception. It does not throw.

namespace percore {
namespace {

[[noreturn]] void throw_error(int error, const std::string& sentence) {
  throw std::system_error(error, std::system_category(), sentence);
}

void pin(const CpuSet& cpus) {
  constexpr std::size_t size_bytes = CPU_ALLOC_SIZE(cpus_max);
  alignas(cpu_set_t) unsigned char memory[size_bytes] = {};
  auto* const mask = reinterpret_cast<cpu_set_t*>(memory);
  for (unsigned cpu = cpus.next(0); cpu != cpus_max; cpu = cpus.next(cpu + 1))
    CPU_SET_S(cpu, size_bytes, mask);
  if (sched_setaffinity(0, size_bytes, mask) != 0) {
    throw_error(errno, "an executor cannot be pinned to CPU " + cpus.to_list() +
                           " (sched_setaffinity): take CPUs from allowed_cpus()");
  }
}

}  // namespace

// What all members share. TODO start: what you need for O2; a std::latch lets many wait for many.
struct PoolThreads::Shared {
  Shared(std::size_t, Run its_run, PoolOptions its_options)
      : run(std::move(its_run)), options(std::move(its_options)) {}

  Run run;
  PoolOptions options;
};

struct PoolThreads::Member {
  Member(std::size_t number, std::size_t count, const CpuSet& cpus) : shard(number, count, cpus) {}

  Shard shard;
  std::exception_ptr failure;  // why it could not start
  std::thread thread;
};

Shard::Shard(std::size_t number, std::size_t count, const CpuSet& cpus)
    : number_(number), count_(count), cpus_(cpus), stop_descriptor_(eventfd(0, EFD_CLOEXEC)) {
  if (stop_descriptor_ < 0) {
    throw_error(errno,
                "an executor cannot be given a descriptor to be stopped by (eventfd): close some, "
                "or raise the limit (ulimit -n)");
  }
}

Shard::~Shard() {
  close(stop_descriptor_);
}

// ---------------------------------------------------------------- Step "start"

void PoolThreads::live(Member& member, Shared& shared) {
  // TODO start (O1, O2, O3), on the member's own thread, in this order: pin it, give it its name
  // (pthread_setname_np; 15 characters), make its executor with shared.options.executor. What goes
  // wrong is kept in member.failure. Then wait until it is known whether all members have come so
  // far; if so, shared.run(executor, member.shard), and if not, end.
  static_cast<void>(member);
  static_cast<void>(shared);
  static_cast<void>(pin);
}

PoolThreads::PoolThreads(const std::vector<CpuSet>& places, Run run, const PoolOptions& options)
    : shared_(std::make_unique<Shared>(places.size(), std::move(run), options)) {
  for (std::size_t number = 0; number < places.size(); ++number)
    members_.push_back(std::make_unique<Member>(number, places.size(), places[number]));
  // TODO start (O2): a thread for each member, on which live() runs. Wait until each has its
  // executor or its failure, decide, and tell them. When one has failed, or a thread could not be
  // made, no root task runs: join those that were made, and throw the reason of the lowest.
}

void PoolThreads::join() noexcept {
  // TODO start (O4): wait for the thread of every member that has one.
}

// ----------------------------------------------------------------- Step "stop"

Task<> PoolThreads::watch_for_stop(Shard& shard) {
  // TODO stop (O5): runs as a task of each member's executor, beside its root. It reads the shard's
  // eventfd (8 bytes), through the ring (percore::read() of <percore/io.hpp>, a Result whose
  // error() is a std::error_code), and when something was read sets shard.stop_, on which stopped()
  // waits. A read may end with EINTR or EAGAIN and is then made again; when the executor ends it
  // gives ECANCELED, at once and for ever, and the task must end too.
  static_cast<void>(shard);
  co_return;
}

void PoolThreads::stop() noexcept {
  // TODO stop (O5): write to the eventfd of each member. From any thread, as often as one likes.
}

PoolThreads::~PoolThreads() {
  // TODO stop (O6)
}

std::size_t PoolThreads::size() const noexcept {
  return members_.size();
}

}  // namespace percore
