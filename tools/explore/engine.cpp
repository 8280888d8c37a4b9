// One execution: its threads, the choices they meet, and what each of their operations does to the
// model.

#include "engine.hpp"

#include <algorithm>
#include <exception>

namespace percore::explore {

namespace {

constexpr std::size_t STACK_BYTES = std::size_t{1} << 18;

// Stacks are kept from one exploration to the next.
Fiber& fiber_of(unsigned thread) {
  static std::vector<std::unique_ptr<Fiber>> fibers;
  while (fibers.size() <= thread) fibers.push_back(std::make_unique<Fiber>(STACK_BYTES));
  return *fibers[thread];
}

constexpr unsigned BODY = 0;
constexpr std::uint32_t IDLE_LOADS_MAX = 8;  // a loop that spins without cpu_relax()
constexpr std::uint32_t RETRIES_MAX = 2;     // the second one with the newest values

}  // namespace

Engine::Engine(const Options& options, const std::function<void(Threads&)>& body)
    : options_(options), body_(body) {
  for (unsigned i = 0; i < THREADS_MAX; ++i)
    threads_.push_back(std::make_unique<Thread>(fiber_of(i)));
  for (auto& thread : threads_) thread->engine = this;
}

Engine::~Engine() = default;

// --- threads ---

void Engine::body_entry(void* given) {
  auto& self = *static_cast<Engine*>(given);
  try {
    Threads threads;
    self.body_(threads);
  } catch (const std::exception& error) {
    self.fail(Wrong::exception, fmt::format("an exception left the body: {}", error.what()));
  } catch (...) {
    self.fail(Wrong::exception, "an exception left the body");
  }
  if (!self.started_ && self.count_ > 1)
    self.fail(Wrong::misuse, "the body spawned threads and never called threads.run()");
  Fiber::switch_over(self.threads_[BODY]->fiber, self.root_);
}

void Engine::thread_entry(void* given) {
  auto& thread = *static_cast<Thread*>(given);
  Engine& self = *thread.engine;
  try {
    thread.work();
  } catch (const std::exception& error) {
    self.fail(Wrong::exception,
              fmt::format("an exception left the thread {}: {}", thread.name, error.what()));
  } catch (...) {
    self.fail(Wrong::exception, fmt::format("an exception left the thread {}", thread.name));
  }
  thread.status = Status::finished;
  self.decide();
}

void Engine::spawn(const char* name, std::function<void()> work) {
  if (current_ != BODY || started_)
    fail(Wrong::misuse, "threads.spawn() was called after threads.run()");
  if (count_ == THREADS_MAX)
    fail(Wrong::misuse, fmt::format("an execution has at most {} threads", THREADS_MAX - 1));
  Thread& thread = *threads_[count_++];
  thread.name = name;
  thread.work = std::move(work);
  thread.status = Status::ready;
  thread.yields = thread.writes = thread.others_writes = thread.retries = 0;
  thread.idle_loads = thread.steps = thread.made = 0;
  thread.fresh = thread.spurious = thread.looks_at_time = false;
  thread.last = {};
}

void Engine::run() {
  if (current_ != BODY || started_)
    fail(Wrong::misuse, "threads.run() may be called once, by the body");
  started_ = true;
  model_.tick(BODY);  // what the body did before is older than anything the threads do
  for (unsigned i = 1; i < count_; ++i) {
    model_.start_thread(i, BODY);
    threads_[i]->fiber.start(thread_entry, threads_[i].get());
  }
  threads_[BODY]->status = Status::finished;
  decide();
  for (unsigned i = 1; i < count_; ++i) model_.join_thread(i, BODY);
}

void Engine::fail(Wrong wrong, std::string sentence) {
  wrong_ = wrong;
  sentence_ = std::move(sentence);
  if (telling_ && wrong == Wrong::requirement)
    trace({.thread = current_, .act = Act::ended, .where = threads_[current_]->last});
  Fiber::switch_over(threads_[current_]->fiber, root_);
  std::terminate();  // nobody comes back to a failed execution
}

// --- choices ---

unsigned Engine::choose(std::size_t count) {
  if (count <= 1) return 0;
  if (depth_ < choices_.size()) {
    const unsigned taken = choices_[depth_++].taken;
    return taken < count ? taken : 0;  // a schedule from elsewhere may not fit
  }
  if (bare_ || replaying_) return 0;
  choices_.push_back({.taken = 0, .count = static_cast<std::uint16_t>(count)});
  ++depth_;
  return 0;
}

std::uint32_t Engine::writes_by_others(unsigned thread) const noexcept {
  return writes_ - threads_[thread]->writes;
}

std::uint32_t Engine::last_store(std::uint32_t location) noexcept {
  return model_.location(location).order.back();
}

// A spinning thread goes on when another has written something: until then it would see the same.
bool Engine::can_go_on(unsigned index) noexcept {
  const Thread& thread = *threads_[index];
  switch (thread.status) {
    case Status::ready:
      return true;
    case Status::spinning:
      return thread.others_writes != writes_by_others(index);
    case Status::sleeping: {
      const Location& at = model_.location(thread.waits_in);
      return at.stores[at.order.back()].value != 0;
    }
    case Status::finished:
      return false;
  }
  return false;
}

Model::Hash Engine::state_key() const noexcept {
  Model::Hash key = model_.hash();
  std::uint64_t states = 0;
  for (unsigned i = 1; i < count_; ++i) {
    const Thread& thread = *threads_[i];
    std::uint64_t state = static_cast<std::uint64_t>(thread.status) << 6 | thread.retries << 3 |
                          (thread.fresh ? 2U : 0U) | (thread.spurious ? 4U : 0U);
    if (thread.status == Status::spinning && thread.others_writes != writes_by_others(i))
      state |= 1;
    states = states << 8 | state;
  }
  const bool may_stay = threads_[current_]->status == Status::ready;
  key.low ^= (states + 1) * 0x9e3779b97f4a7c15U;
  key.high += (states ^ (may_stay ? current_ : 0U)) * 0xc2b2ae3d27d4eb4fU;
  key.low += (may_stay ? current_ : 0U) * 0xd6e8feb86659fd93U;
  return key;
}

// Who may go on, the running thread first, then round robin.
void Engine::list_options() {
  options_now_.clear();
  const bool may_stay = current_ != BODY && threads_[current_]->status == Status::ready;
  for (unsigned i = 0; i < count_; ++i) {
    const unsigned thread = (current_ + i) % count_;
    if (thread == BODY || !can_go_on(thread)) continue;
    if (may_stay && thread != current_ && left_ == 0) {
      held_back_ |= !bare_;
      break;
    }
    options_now_.push_back(thread);
  }
  if (!options_now_.empty()) return;
  // All wait. Spinning threads may look again, and at last must see what is newest: a store becomes
  // visible in finite time.
  for (unsigned i = 0; i < count_; ++i) {
    const unsigned index = (current_ + i) % count_;
    if (threads_[index]->status == Status::spinning && threads_[index]->retries < RETRIES_MAX)
      options_now_.push_back(index);
  }
}

void Engine::decide() {
  if (depth_ == choices_.size() && !bare_ && !replaying_ && visited_.seen(state_key(), left_))
    bare_ = true;
  const bool may_stay = threads_[current_]->status == Status::ready;
  list_options();
  if (options_now_.empty()) {
    for (unsigned i = 1; i < count_; ++i)
      if (threads_[i]->status != Status::finished) stuck();
    go_to(BODY);
    return;
  }
  const unsigned next = options_now_[choose(options_now_.size())];
  if (may_stay && next != current_) --left_;
  Thread& thread = *threads_[next];
  if (thread.status == Status::spinning) {
    thread.retries = can_go_on(next) ? 0 : thread.retries + 1;
    thread.fresh = thread.retries == RETRIES_MAX;
  }
  thread.status = Status::ready;
  go_to(next);
}

void Engine::go_to(unsigned next) {
  if (next == current_) return;
  Thread& from = *threads_[current_];
  current_ = next;
  Fiber::switch_over(from.fiber, threads_[next]->fiber);
}

void Engine::stuck() {
  std::string words;
  for (unsigned i = 1; i < count_; ++i) {
    const Thread& thread = *threads_[i];
    if (thread.status == Status::finished) continue;
    const bool sleeps = thread.status == Status::sleeping;
    words +=
        fmt::format("{}{} {}", words.empty() ? "" : ", ", thread.name, sleeps ? "sleeps" : "spins");
    if (telling_)
      trace({.thread = i,
             .act = sleeps ? Act::asleep : Act::spins,
             .location = thread.waits_in,
             .where = thread.last});
  }
  fail(Wrong::lost_wakeup, words + ", and nobody is left who would end the wait");
}

// Counts an event and remembers where its thread is.
void Engine::step(Where where) {
  Thread& thread = *threads_[current_];
  thread.last = where;
  ++steps_;
  if (++thread.steps > options_.steps_max)
    fail(Wrong::endless,
         fmt::format("{} did not end within {} steps", current_ == BODY ? "the body" : thread.name,
                     options_.steps_max));
}

// A place where threads can be switched: before an event that reads.
void Engine::point() {
  if (current_ == BODY) return;
  if (threads_[current_]->idle_loads >= IDLE_LOADS_MAX)
    yield();
  else
    decide();
}

void Engine::yield() {
  if (current_ == BODY) return;
  Thread& thread = *threads_[current_];
  step(thread.last);
  const std::uint32_t others = writes_by_others(current_);
  if (thread.others_writes != others) thread.retries = 0;
  thread.others_writes = others;
  if (thread.looks_at_time) thread.retries = 0;  // its time goes on, so it may end its wait itself
  thread.looks_at_time = false;
  thread.fresh = false;
  thread.idle_loads = 0;
  thread.status = Status::spinning;
  ++thread.yields;
  model_.add_to_hash(current_ | std::uint64_t{0x30a0} << 48, thread.yields);
  decide();
}

// --- atomics ---

void Engine::made(Cell& cell, Where where) {
  Thread& thread = *threads_[current_];
  const std::uint64_t key = std::uint64_t{current_ + 1} << 40 | ++thread.made;
  cell.location = model_.make_location(current_, key * 0x9e3779b97f4a7c15U, cell.value, where);
  cell.execution = execution_;
}

// An atomic that was made before the execution began, such as a static one, is known to all.
std::uint32_t Engine::resolve(const Cell& cell, Where where) {
  if (cell.execution != execution_) {
    const auto key = reinterpret_cast<std::uintptr_t>(&cell) * 0xd6e8feb86659fd93U;
    cell.location = model_.make_location(THREADS_MAX, key, cell.value, where);
    cell.execution = execution_;
  }
  if (!model_.was_made(current_, cell.location)) {
    const Location& at = model_.location(cell.location);
    fail(Wrong::race,
         fmt::format("{} uses an atomic that {} constructs without having handed it over",
                     threads_[current_]->name, threads_[at.made.thread]->name));
  }
  return cell.location;
}

void Engine::destroyed(Cell& cell) {
  if (cell.execution != execution_) return;
  for (const auto& seen : model_.location(cell.location).seen) {
    const auto thread = static_cast<unsigned>(&seen - model_.location(cell.location).seen.data());
    if (seen.empty() || model_.view(current_).now.has(thread, seen.back().event)) continue;
    fail(Wrong::race,
         fmt::format("{} destroys an atomic that {} still uses, with no order between the two",
                     threads_[current_]->name, threads_[thread]->name));
  }
}

void Engine::need_sc(std::memory_order order) {
  if (order == std::memory_order_seq_cst && model_.sc_events() == SC_MAX)
    fail(Wrong::misuse,
         fmt::format("an execution has more than {} sequentially consistent operations: make the "
                     "check smaller",
                     SC_MAX));
}

void Engine::after_load(std::uint32_t location) {
  Thread& thread = *threads_[current_];
  const auto& seen = model_.location(location).seen[current_];
  const std::size_t count = seen.size();
  const bool news = count < 2 || seen[count - 1].store != seen[count - 2].store;
  thread.idle_loads = news ? 0 : thread.idle_loads + 1;
}

// Only what changes a value can end another's wait.
void Engine::after_write(std::uint32_t location, std::uint32_t store) {
  const Location& at = model_.location(location);
  const Store& now = at.stores[store];
  if (at.stores[at.order[now.place - 1]].value == now.value) return;
  ++writes_;
  ++threads_[current_]->writes;
  threads_[current_]->idle_loads = 0;
}

std::uint64_t Engine::load(const Cell& cell, std::memory_order order, Where where) {
  point();
  step(where);
  need_sc(order);
  const std::uint32_t location = resolve(cell, where);
  model_.tick(current_);
  model_.readable(current_, location, order, false, candidates_);
  const std::size_t count = threads_[current_]->fresh ? 1 : candidates_.size();
  const std::uint32_t read = candidates_[choose(count)];
  model_.load(current_, location, order, read);
  const std::uint64_t value = model_.location(location).stores[read].value;
  after_load(location);
  if (telling_)
    trace({.thread = current_,
           .act = Act::load,
           .location = location,
           .read = read,
           .order = order,
           .value = value,
           .where = where});
  return value;
}

void Engine::store(Cell& cell, std::uint64_t value, std::memory_order order, Where where) {
  step(where);
  need_sc(order);
  const std::uint32_t location = resolve(cell, where);
  model_.tick(current_);
  model_.places(current_, location, order, candidates_);
  const std::uint32_t place = candidates_[choose(candidates_.size())];
  const std::uint32_t made = model_.store(current_, location, order, value, place, where);
  after_write(location, made);
  if (telling_)
    trace({.thread = current_,
           .act = Act::store,
           .location = location,
           .written = made,
           .order = order,
           .made = value,
           .where = where});
}

void Engine::update_chosen(std::uint32_t location, std::uint32_t read, std::uint64_t value,
                           std::memory_order order, Where where, Act act) {
  const std::uint64_t old = model_.location(location).stores[read].value;
  const std::uint32_t made = model_.update(current_, location, order, read, value, where);
  after_write(location, made);
  after_load(location);
  if (telling_)
    trace({.thread = current_,
           .act = act,
           .location = location,
           .read = read,
           .written = made,
           .order = order,
           .value = old,
           .made = value,
           .where = where});
}

std::uint64_t Engine::update(Cell& cell, Change change, std::uint64_t operand,
                             std::memory_order order, Where where) {
  point();
  step(where);
  need_sc(order);
  const std::uint32_t location = resolve(cell, where);
  model_.tick(current_);
  model_.readable(current_, location, order, true, candidates_);
  const std::size_t count = threads_[current_]->fresh ? 1 : candidates_.size();
  const std::uint32_t read = candidates_[choose(count)];
  const std::uint64_t old = model_.location(location).stores[read].value;
  update_chosen(location, read, change(old, operand), order, where, Act::update);
  return old;
}

// Where the expected value is read, it is exchanged; where another is, it is a load.
bool Engine::compare_exchange(Cell& cell, const Exchange& exchange, std::uint64_t& seen,
                              Where where) {
  point();
  step(where);
  need_sc(exchange.success);
  const std::uint32_t location = resolve(cell, where);
  Thread& thread = *threads_[current_];
  model_.tick(current_);
  const Location& at = model_.location(location);
  const auto other = [&](std::uint32_t store) {
    return at.stores[store].value != exchange.expected;
  };
  model_.readable(current_, location, exchange.success, true, candidates_);
  std::erase_if(candidates_, other);
  const std::size_t exchanged = candidates_.size();
  model_.readable(current_, location, exchange.failure, false, more_candidates_);
  for (const std::uint32_t store : more_candidates_)
    if (other(store)) candidates_.push_back(store);
  const std::size_t missed = candidates_.size();
  if (exchange.weak && options_.weak_may_fail && !thread.spurious)
    for (const std::uint32_t store : more_candidates_)
      if (!other(store)) candidates_.push_back(store);
  std::size_t taken = 0;
  if (thread.fresh) {
    const bool newest_differs = other(at.order.back()) || exchanged == 0;
    taken = newest_differs ? exchanged : 0;
  } else {
    taken = choose(candidates_.size());
  }
  const std::uint32_t read = candidates_[taken];
  seen = at.stores[read].value;
  if (taken < exchanged) {
    update_chosen(location, read, exchange.desired, exchange.success, where, Act::update);
    return true;
  }
  thread.spurious |= taken >= missed;
  model_.load(current_, location, exchange.failure, read);
  after_load(location);
  if (telling_)
    trace({.thread = current_,
           .act = taken < missed ? Act::missed : Act::spurious,
           .location = location,
           .read = read,
           .order = exchange.failure,
           .value = seen,
           .made = exchange.expected,
           .where = where});
  return false;
}

void Engine::fence(std::memory_order order, Where where) {
  if (order == std::memory_order_relaxed) return;
  step(where);
  need_sc(order);
  model_.tick(current_);
  model_.fence(current_, order);
  if (telling_) trace({.thread = current_, .act = Act::fence, .order = order, .where = where});
}

// A parking place is a flag that is only ever exchanged: its exchanges are one chain, in the order
// in which they are executed.
void Engine::wake(Cell& cell, Where where) {
  point();
  step(where);
  const std::uint32_t location = resolve(cell, where);
  model_.tick(current_);
  update_chosen(location, last_store(location), 1, std::memory_order_acq_rel, where, Act::wake);
}

void Engine::sleep(Cell& cell, Where where) {
  if (current_ == BODY)
    fail(Wrong::misuse, "the body sleeps: only threads may, all others are gone");
  point();
  step(where);
  const std::uint32_t location = resolve(cell, where);
  Thread& thread = *threads_[current_];
  thread.waits_in = location;
  while (model_.location(location).stores[last_store(location)].value == 0) {
    thread.status = Status::sleeping;
    decide();
  }
  model_.tick(current_);
  update_chosen(location, last_store(location), 0, std::memory_order_acq_rel, where, Act::sleep);
}

// --- plain memory ---

void Engine::plain(const void* address, bool write, Where where, std::string_view words) {
  const View& view = model_.view(current_).now;
  const PlainAccess now{.thread = current_, .event = view.clock[current_] + 1, .where = where};
  const PlainAccess* earlier = plain_.access(address, write, now, view);
  if (telling_)
    trace({.thread = current_,
           .act = earlier != nullptr ? Act::race
                  : write            ? Act::write
                                     : Act::read,
           .where = where.line() != 0 ? where : threads_[current_]->last,
           .address = address,
           .words = std::string(words)});
  if (earlier == nullptr) return;
  const char* self = current_ == BODY ? "the body" : threads_[current_]->name;
  const char* other = earlier->thread == BODY ? "the body" : threads_[earlier->thread]->name;
  fail(Wrong::race, fmt::format("{} {} memory that {} uses, with nothing that orders the two", self,
                                write ? "writes" : "reads", other));
}

void Engine::say(std::string words) {
  trace({.thread = current_, .act = Act::words, .words = std::move(words)});
}

void Engine::trace(Event event) {
  trace_.events.push_back(std::move(event));
}

}  // namespace percore::explore
