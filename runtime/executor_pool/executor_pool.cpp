#include <percore/executor_pool.hpp>

#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <latch>
#include <optional>
#include <percore/io.hpp>
#include <span>
#include <system_error>
#include <thread>

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

// Signals that are meant for the program go to the thread that made the pool: a handler never runs
// between an executor's two instructions, and its sleeps are not cut short. What a thread's own
// mistake raises, and a profiler's tick, stay.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPROF})
      sigdelset(&all, own);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

struct PoolThreads::Shared {
  Shared(std::size_t count, Run its_run, PoolOptions its_options)
      : run(std::move(its_run)),
        options(std::move(its_options)),
        ready(static_cast<std::ptrdiff_t>(count)) {}

  Run run;
  PoolOptions options;
  std::latch ready;          // every member has its executor, or its error
  std::latch decided{1};     // O2: they may all go on, or none
  bool all_started = false;  // written before `decided`
};

struct PoolThreads::Member {
  Member(std::size_t number, std::size_t count, const CpuSet& cpus) : shard(number, count, cpus) {}

  Shard shard;
  std::exception_ptr failure;  // why it could not start; written before `ready`
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

Task<> PoolThreads::watch_for_stop(Shard& shard) {
  std::array<std::byte, sizeof(std::uint64_t)> count{};
  for (;;) {
    const Result<std::uint32_t> got = co_await read(shard.stop_descriptor_, count);
    const bool again = !got && (got.error() == std::errc::interrupted ||
                                got.error() == std::errc::resource_unavailable_try_again);
    if (again) continue;
    shard.stop_.set();  // also when the executor ends: whoever waits for it goes on
    co_return;
  }
}

void PoolThreads::live(Member& member, Shared& shared) {
  std::optional<Executor> executor;
  try {
    pin(member.shard.cpus());
    const std::string name = shared.options.name + "-" + std::to_string(member.shard.number());
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    executor.emplace(shared.options.executor);
  } catch (...) {
    member.failure = std::current_exception();
  }
  shared.ready.count_down();
  shared.decided.wait();
  if (!shared.all_started) return;
  shared.run(*executor, member.shard);
}

PoolThreads::PoolThreads(const std::vector<CpuSet>& places, Run run, const PoolOptions& options)
    : shared_(std::make_unique<Shared>(places.size(), std::move(run), options)) {
  for (std::size_t number = 0; number < places.size(); ++number)
    members_.push_back(std::make_unique<Member>(number, places.size(), places[number]));
  std::exception_ptr failure;
  std::size_t started = 0;
  try {
    const SignalsBlocked inherited_by_threads;
    for (auto& member : members_) {
      member->thread = std::thread(live, std::ref(*member), std::ref(*shared_));
      ++started;
    }
  } catch (...) {
    failure = std::current_exception();
  }
  shared_->ready.count_down(static_cast<std::ptrdiff_t>(members_.size() - started));
  shared_->ready.wait();
  for (const auto& member : members_)
    if (!failure) failure = member->failure;
  shared_->all_started = !failure;
  shared_->decided.count_down();
  if (!failure) return;
  join();
  std::rethrow_exception(failure);
}

PoolThreads::~PoolThreads() {
  stop();
  join();
}

void PoolThreads::stop() noexcept {
  const std::uint64_t one = 1;
  // It fails only where the count would overflow: then it was asked often enough.
  for (const auto& member : members_)
    static_cast<void>(!::write(member->shard.stop_descriptor_, &one, sizeof one));
}

void PoolThreads::join() noexcept {
  for (const auto& member : members_)
    if (member->thread.joinable()) member->thread.join();
}

std::size_t PoolThreads::size() const noexcept {
  return members_.size();
}

}  // namespace percore
