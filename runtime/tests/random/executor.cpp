// Random programs on an executor: tasks that spawn, join, detach, yield, sleep, throw, ask the
// kernel, cancel what others asked, ring a bell that wakes a sleeping executor, and change queues.
//
// The model of E1: whatever makes a coroutine ready takes a ticket of its run queue at that moment,
// and shows it when it goes on. In each queue tickets must come up one after the other.

#include <percore/io.hpp>

#include <liburing.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <coroutine>
#include <memory>
#include <optional>
#include <percore/sim.hpp>
#include <stdexcept>
#include <utility>
#include <vector>

#include "program.hpp"

namespace percore::test {

namespace {

constexpr std::size_t tasks_max = 400;

struct Thrown : std::runtime_error {
  explicit Thrown(unsigned which) : std::runtime_error("thrown"), number(which) {}
  unsigned number;
};

RunQueue* queue_that_runs() {
  return Runnable::of(std::noop_coroutine()).queue;
}

struct Ticket {
  RunQueue* queue = nullptr;
  std::uint64_t number = 0;
};

// The tickets of every queue of one run.
class Order {
 public:
  Ticket ready(RunQueue* queue) { return {queue, ++line_of(queue).given}; }
  void goes_on(const Ticket& ticket) {
    Line& line = line_of(ticket.queue);
    expect(ticket.queue == queue_that_runs(),
           "a coroutine went on in another run queue than the one it waited in");
    expect(ticket.number == line.shown + 1,
           ticket.number <= line.shown ? "E4: a coroutine was resumed twice"
                                       : "E1: a coroutine overtook another of its run queue");
    line.shown = ticket.number;
  }
  /// How many coroutines are ready and have not gone on.
  std::size_t ready_now() const {
    std::size_t count = 0;
    for (const Line& line : lines_) count += line.given - line.shown;
    return count;
  }

 private:
  struct Line {
    RunQueue* queue = nullptr;
    std::uint64_t given = 0;
    std::uint64_t shown = 0;
  };
  Line& line_of(RunQueue* queue) {
    for (Line& line : lines_) {
      if (line.queue == queue || line.queue == nullptr) {
        line.queue = queue;
        return line;
      }
    }
    broken("a coroutine runs in a run queue that nobody made");
  }
  std::array<Line, 3> lines_{};
};

// Queues that take turns as the dice have it.
class DrawnQueues final : public QueueScheduler {
 public:
  explicit DrawnQueues(std::uint64_t seed) : first(this), second(this), dice_(seed) {
    // Tasks change queues, so each must have room for all.
    first.reserve(tasks_max + 1);
    second.reserve(tasks_max + 1);
  }
  RunQueue* next_queue() override {
    if (first.empty()) return second.empty() ? nullptr : &second;
    if (second.empty()) return &first;
    return dice_.percent(50) ? &first : &second;
  }
  void became_ready(RunQueue& queue) noexcept override {
    expect(queue.empty(), "became_ready() was called for a queue that was not empty");
    ++told;
  }
  bool anything_ready() noexcept override { return !first.empty() || !second.empty(); }
  RunQueue first;
  RunQueue second;
  std::uint64_t told = 0;

 private:
  Dice dice_;
};

// Wakes tasks at their time.
class Alarm final : public Poller {
 public:
  explicit Alarm(Order& order) : order_(order) {}
  struct Sleeper {
    Time deadline;
    Runnable runnable;
    Ticket* ticket = nullptr;
  };
  void add(const Sleeper& sleeper) { sleepers_.push_back(sleeper); }
  bool poll() override {
    const Time moment = now();
    std::size_t kept = 0;
    for (const Sleeper& sleeper : sleepers_) {
      if (sleeper.deadline > moment) {
        sleepers_[kept++] = sleeper;
        continue;
      }
      *sleeper.ticket = order_.ready(sleeper.runnable.queue);
      sleeper.runnable.schedule();
    }
    const bool any = kept != sleepers_.size();
    sleepers_.resize(kept);
    return any;
  }
  Time next_deadline() const override {
    Time earliest = Time::never();
    for (const Sleeper& sleeper : sleepers_) earliest = std::min(earliest, sleeper.deadline);
    return earliest;
  }
  bool prepare_to_sleep() override {
    expect(!prepared, "prepare_to_sleep() was called twice without cancel_sleep()");
    prepared = true;
    return true;
  }
  void cancel_sleep() override {
    expect(prepared, "cancel_sleep() was called without prepare_to_sleep()");
    prepared = false;
  }
  bool prepared = false;

 private:
  Order& order_;
  std::vector<Sleeper> sleepers_;
};

// A doorbell: an eventfd that is read by an operation only while the executor sleeps.
class Bell final : public Poller, Operation {
 public:
  explicit Bell(Order& order)
      : Operation(&Bell::rung), order_(order), fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    expect(fd_ >= 0, "eventfd gave no descriptor");
  }
  ~Bell() override { close(fd_); }
  int fd() const { return fd_; }
  void wait(Runnable runnable, Ticket* ticket) {
    expect(!waiting_.coroutine, "two wait for the bell");
    waiting_ = runnable;
    ticket_ = ticket;
  }
  bool poll() override {
    std::uint64_t count = 0;
    if (!heard_ && !in_flight()) heard_ = ::read(fd_, &count, sizeof count) == sizeof count;
    if (!heard_ || !waiting_.coroutine) return false;
    heard_ = false;
    *ticket_ = order_.ready(waiting_.queue);
    std::exchange(waiting_, {}).schedule();
    return true;
  }
  bool prepare_to_sleep() override {
    if (heard_ && waiting_.coroutine) return false;
    if (!in_flight()) {
      io_uring_sqe& entry = Executor::current().ring().entry(*this);
      io_uring_prep_read(&entry, fd_, &count_, sizeof count_, -1);
    }
    return true;
  }

 private:
  static void rung(Operation& self, std::int32_t result, std::uint32_t) noexcept {
    if (result > 0) static_cast<Bell&>(self).heard_ = true;
  }
  Order& order_;
  int fd_;
  std::uint64_t count_ = 0;
  bool heard_ = false;
  Runnable waiting_;
  Ticket* ticket_ = nullptr;
};

struct Model;

// One entry of any kind, awaited; counts its completions and takes its ticket at the last.
class Request : Operation {
 public:
  using Prepare = void (*)(io_uring_sqe& entry, Request& self);
  Request(Model& model, Prepare prepare)
      : Operation(&Request::completed), model_(model), prepare_(prepare) {}
  bool await_ready() const noexcept { return Executor::current().ending(); }
  void await_suspend(std::coroutine_handle<> handle);
  std::int32_t await_resume();

  __kernel_timespec duration{};
  int fd = -1;
  std::byte byte{};
  bool may_be_cancelled = false;
  bool pending() const { return in_flight(); }
  static Operation* address_of(Request* request) { return request; }

 private:
  static void completed(Operation& self, std::int32_t result, std::uint32_t flags) noexcept;
  Model& model_;
  Prepare prepare_;
  std::int32_t result_ = -ECANCELED;
  std::optional<Ticket> ticket_;
  Runnable waiting_;
};

// What a child leaves to whoever joins it, and the model of its result.
struct Child {
  unsigned number = 0;
  bool throws = false;
  std::optional<RunQueue*> joiner;  // waits in this queue
  Ticket joined;
};

struct Model {
  explicit Model(std::uint64_t seed) : dice(seed), queues(seed + 1) {}
  Dice dice;
  Order order;
  DrawnQueues queues;
  bool with_queues = false;
  Alarm alarm{order};
  Bell bell{order};
  bool bell_taken = false;
  SmallPipe quiet_pipe;            // nobody ever writes to it
  std::vector<Request*> requests;  // in flight, to be cancelled by others
  std::size_t started = 0;
  std::size_t ended = 0;
  bool root_ended = false;

  // Coroutines that a sleep of the loop would keep from going on. The root's end cancels what is in
  // flight and waits for the answer: that is no sleep of the loop, and no poller is asked.
  std::size_t kept_waiting() const { return alarm.prepared ? order.ready_now() : 0; }
};

void Request::await_suspend(std::coroutine_handle<> handle) {
  waiting_ = Runnable::of(handle);
  io_uring_sqe& entry = Executor::current().ring().entry(*this);
  prepare_(entry, *this);
  model_.requests.push_back(this);
}

void Request::completed(Operation& self, std::int32_t result, std::uint32_t) noexcept {
  auto& request = static_cast<Request&>(self);
  expect(!request.ticket_, "R3: an operation was completed twice");
  request.result_ = result;
  request.ticket_ = request.model_.order.ready(request.waiting_.queue);
  std::erase(request.model_.requests, &request);
  request.waiting_.schedule();
}

std::int32_t Request::await_resume() {
  if (ticket_) model_.order.goes_on(*ticket_);
  if (result_ == -ECANCELED)
    expect(may_be_cancelled || Executor::current().ending() || model_.root_ended,
           "an operation that nobody cancelled gave ECANCELED");
  return result_;
}

class Sleep {
 public:
  Sleep(Model& model, Time deadline) : model_(model), deadline_(deadline) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    model_.alarm.add({deadline_, Runnable::of(handle), &ticket_});
  }
  void await_resume() const {
    expect(now() >= deadline_, "a task was woken before its time");
    model_.order.goes_on(ticket_);
  }

 private:
  Model& model_;
  Time deadline_;
  Ticket ticket_;
};

class HearBell {
 public:
  explicit HearBell(Model& model) : model_(model) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    model_.bell.wait(Runnable::of(handle), &ticket_);
  }
  void await_resume() const { model_.order.goes_on(ticket_); }

 private:
  Model& model_;
  Ticket ticket_;
};

class MoveTo {
 public:
  MoveTo(Model& model, RunQueue& queue) : model_(model), queue_(queue) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    ticket_ = model_.order.ready(&queue_);
    Runnable{handle, &queue_}.schedule();
  }
  void await_resume() const { model_.order.goes_on(ticket_); }

 private:
  Model& model_;
  RunQueue& queue_;
  Ticket ticket_;
};

Task<> worker(Model& model, Token, Ticket ticket, Child* child, unsigned depth);

Task<> yields(Model& model, Token, unsigned count) {
  for (unsigned i = 0; i != count; ++i) {
    const Ticket ticket = model.order.ready(queue_that_runs());
    co_await yield();
    model.order.goes_on(ticket);
  }
}

Task<> asks_for_nop(Model& model, Token) {
  Request request(model, [](io_uring_sqe& entry, Request&) { io_uring_prep_nop(&entry); });
  const std::int32_t result = co_await request;
  expect(result == 0 || result == -ECANCELED, "a nop gave another result than 0");
}

Task<> asks_for_time(Model& model, Token) {
  Request request(model, [](io_uring_sqe& entry, Request& self) {
    io_uring_prep_timeout(&entry, &self.duration, 0, 0);
  });
  request.duration.tv_nsec = 1 + model.dice.below(200'000);
  const std::int32_t result = co_await request;
  expect(result == -ETIME || result == -ECANCELED, "a timeout gave neither ETIME nor ECANCELED");
}

// Reads where nothing ever comes. Somebody cancels it: another task, or the end of the executor.
Task<> asks_in_vain(Model& model, Token) {
  for (;;) {
    Request request(model, [](io_uring_sqe& entry, Request& self) {
      io_uring_prep_read(&entry, self.fd, &self.byte, 1, -1);
    });
    request.fd = model.quiet_pipe.reading();
    const std::int32_t result = co_await request;
    if (result == -EAGAIN || result == -EINTR) continue;
    expect(result == -ECANCELED, "a read of an empty pipe gave something");
    co_return;
  }
}

Task<> cancels_one(Model& model, Token) {
  static thread_local Operation* target;
  if (model.requests.empty()) co_return;
  Request* const some =
      model.requests[model.dice.below(static_cast<unsigned>(model.requests.size()))];
  some->may_be_cancelled = true;
  target = Request::address_of(some);
  Request request(model,
                  [](io_uring_sqe& entry, Request&) { io_uring_prep_cancel(&entry, target, 0); });
  const std::int32_t result = co_await request;
  expect(result == 0 || result == -ENOENT || result == -EALREADY || result == -ECANCELED,
         "a cancel gave an impossible result");
}

Task<unsigned> chain(Model& model, Token, unsigned length, bool throws) {
  if (length == 0) {
    if (throws) throw Thrown(1'000);
    co_await yields(model, Token(), model.dice.below(2));
    co_return 0;
  }
  const unsigned below = co_await chain(model, Token(), length - 1, throws);
  co_return below + 1;
}

Task<> awaits_a_chain(Model& model, Token) {
  const unsigned length = model.dice.below(40);
  const bool throws = model.dice.percent(30);
  bool caught = false;
  unsigned result = 0;
  try {
    result = co_await chain(model, Token(), length, throws);
  } catch (const Thrown& thrown) {
    caught = thrown.number == 1'000;
  }
  expect(caught == throws, "T2: an exception did not come through a chain of tasks");
  expect(throws || result == length, "T2: a value did not come through a chain of tasks");
}

// The last that a child does: whoever waits for it is made ready right after this.
void tells_its_joiner(Model& model, Child* child) {
  ++model.ended;
  if (child != nullptr && child->joiner) child->joined = model.order.ready(*child->joiner);
}

template <typename T>
Task<T> child_giving(Model& model, Token, Ticket ticket, Child* child, unsigned depth) {
  model.order.goes_on(ticket);
  const unsigned steps = model.dice.below(3);
  for (unsigned i = 0; i != steps; ++i) {
    const Ticket again = model.order.ready(queue_that_runs());
    co_await yield();
    model.order.goes_on(again);
  }
  const bool asks = depth != 0 && model.dice.percent(30);
  if (asks) co_await asks_for_nop(model, Token());
  const unsigned number = child->number;
  const bool throws = child->throws;
  tells_its_joiner(model, child);
  if (throws) throw Thrown(number);
  if constexpr (std::is_same_v<T, std::unique_ptr<unsigned>>) {
    co_return std::make_unique<unsigned>(number);
  } else {
    co_return child->number;
  }
}

unsigned number_of(unsigned number) {
  return number;
}
unsigned number_of(const std::unique_ptr<unsigned>& number) {
  return *number;
}

bool may_start(Model& model) {
  if (model.started >= tasks_max || model.root_ended) return false;
  ++model.started;
  return true;
}

// Joins a child at once, late, or from a handle that was moved.
template <typename T>
Task<> joins(Model& model, Token, unsigned depth) {
  if (!may_start(model)) co_return;
  Child child{.number = model.dice.below(1'000),
              .throws = model.dice.percent(25),
              .joiner = {},
              .joined = {}};
  const Ticket ticket = model.order.ready(queue_that_runs());
  JoinHandle<T> first = spawn(child_giving<T>(model, Token(), ticket, &child, depth));
  if (model.dice.percent(40)) co_await yields(model, Token(), model.dice.below(5));
  JoinHandle<T> handle = std::move(first);
  const bool waits = !handle.done();
  if (waits) child.joiner = queue_that_runs();
  bool caught = false;
  try {
    const T value = co_await handle;
    expect(number_of(value) == child.number, "E5: a JoinHandle brought another value");
  } catch (const Thrown& thrown) {
    caught = true;
    expect(thrown.number == child.number, "E5: a JoinHandle brought another exception");
  }
  expect(caught == child.throws,
         "E5: an exception was lost or invented on its way to a JoinHandle");
  if (waits) model.order.goes_on(child.joined);
}

Task<> joins_a_worker(Model& model, Token, unsigned depth) {
  if (!may_start(model)) co_return;
  Child child;
  JoinHandle<void> handle =
      spawn(worker(model, Token(), model.order.ready(queue_that_runs()), &child, depth - 1));
  const bool waits = !handle.done();
  if (waits) child.joiner = queue_that_runs();
  co_await handle;
  if (waits) model.order.goes_on(child.joined);
}

void detaches_a_worker(Model& model, unsigned depth) {
  if (!may_start(model)) return;
  JoinHandle<void> handle =
      spawn(worker(model, Token(), model.order.ready(queue_that_runs()), nullptr, depth - 1));
  if (model.dice.percent(50)) handle.detach();  // else dropped, which is the same
}

Task<> rings_the_bell(Model& model, Token) {
  if (model.bell_taken) co_return;
  model.bell_taken = true;
  const std::uint64_t one = 1;
  if (model.dice.percent(50)) {
    expect(::write(model.bell.fd(), &one, sizeof one) == sizeof one, "an eventfd took no number");
  } else {
    bool written = false;
    while (!written) {
      const auto result = co_await write(model.bell.fd(), std::as_bytes(std::span(&one, 1)));
      written = result.has_value();
      if (!written && result.error() == std::errc::operation_canceled) {
        expect(::write(model.bell.fd(), &one, sizeof one) == sizeof one,
               "an eventfd took no number");
        written = true;
      }
    }
  }
  co_await HearBell(model);
  model.bell_taken = false;
}

Task<> changes_queue(Model& model, Token) {
  RunQueue& queue = model.dice.percent(50) ? model.queues.first : model.queues.second;
  if (model.with_queues) co_await MoveTo(model, queue);
}

Task<> any_step(Model& model, unsigned depth) {
  const unsigned draw = model.dice.below(depth == 0 ? 62 : 100);
  if (draw < 15) return yields(model, Token(), model.dice.below(6));
  if (draw < 30) return asks_for_nop(model, Token());
  if (draw < 38) return asks_for_time(model, Token());
  if (draw < 44) return cancels_one(model, Token());
  if (draw < 50) return awaits_a_chain(model, Token());
  if (draw < 56) return changes_queue(model, Token());
  if (draw < 62) return rings_the_bell(model, Token());
  if (draw < 75) return joins<unsigned>(model, Token(), depth);
  if (draw < 85) return joins<std::unique_ptr<unsigned>>(model, Token(), depth);
  return joins_a_worker(model, Token(), depth);
}

Task<> worker(Model& model, Token, Ticket ticket, Child* child, unsigned depth) {
  model.order.goes_on(ticket);
  const unsigned steps = model.dice.below(7);
  for (unsigned i = 0; i != steps; ++i) {
    if (depth != 0 && model.dice.percent(15)) detaches_a_worker(model, depth);
    if (model.dice.percent(10)) {
      co_await Sleep(model, now() + Time{static_cast<int>(model.dice.below(300'000))});
    } else {
      co_await any_step(model, depth);
    }
  }
  const bool in_vain = child == nullptr && model.dice.percent(15);
  if (in_vain) co_await asks_in_vain(model, Token());
  tells_its_joiner(model, child);
}

Task<unsigned> root(Model& model, Token) {
  // It starts in the executor's own queue, which a scheduler does not know.
  if (model.with_queues) co_await MoveTo(model, model.queues.first);
  const unsigned tasks = model.dice.below(12);
  for (unsigned i = 0; i != tasks; ++i) detaches_a_worker(model, 3);
  const unsigned steps = model.dice.below(8);
  for (unsigned i = 0; i != steps; ++i) co_await any_step(model, 3);
  model.root_ended = true;
  if (model.dice.percent(20)) throw Thrown(42);
  co_return 41;
}

void run_once(Model& model, Executor& executor) {
  model.root_ended = false;
  model.order = Order();
  unsigned result = 0;
  try {
    result = executor.run(root(model, Token()));
  } catch (const Thrown& thrown) {
    result = thrown.number;
  }
  expect(result == 41 || result == 42, "run() gave neither the root's value nor its exception");
  expect(model.ended == model.started, "E6: run() returned before every spawned task had ended");
  expect(executor.tasks_alive() == 0, "E6: tasks are alive after run()");
  expect(Executor::current_or_null() == nullptr, "an executor is current after its run()");
  expect(model.requests.empty(), "E6: an operation of a task outlived run()");
  expect(model.order.ready_now() == 0, "E4: a wake-up was lost: its coroutine never went on");
  expect(!model.alarm.prepared, "a sleep was prepared and never cancelled");
}

}  // namespace

void random_executor_program(std::uint64_t seed) {
  Model model(seed);
  sim::set_ready_probe(  // E3: asked at every sleep
      [](void* context) { return static_cast<Model*>(context)->kept_waiting(); }, &model);
  ExecutorOptions options;
  options.ring.entries = 1u << model.dice.below(7);
  options.ring.completion_entries = model.dice.percent(60) ? 0 : 1u << model.dice.below(7);
  options.resumes_per_turn_max = model.dice.percent(50) ? 256 : model.dice.between(1, 9);
  options.turns_without_enter_max = model.dice.between(1, 4);
  Executor executor(options);
  executor.add_poller(model.alarm);
  executor.add_poller(model.bell);
  model.with_queues = model.dice.percent(40);
  if (model.with_queues) executor.schedule_queues_with(&model.queues);
  const unsigned runs = model.dice.between(1, 3);
  for (unsigned i = 0; i != runs; ++i) run_once(model, executor);
  executor.remove_poller(model.alarm);
  executor.remove_poller(model.bell);
  sim::set_ready_probe(nullptr);
}

}  // namespace percore::test
