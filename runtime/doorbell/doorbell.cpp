#include <percore/doorbell.hpp>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <percore/timer.hpp>
#include <system_error>

namespace percore {
namespace {

// An answer that is on its way is there within a few looks. The clock, and a pause of the CPU, take
// as long as several of them: both come later.
constexpr unsigned looks_at_first = 64;
constexpr unsigned looks_a_clock_read = 16;

}  // namespace

Bell::Bell() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (descriptor_ < 0) {
    throw std::system_error(errno, std::system_category(),
                            "an executor cannot be given a descriptor to be woken by (eventfd): "
                            "close some, or raise the limit (ulimit -n)");
  }
}

Bell::~Bell() {
  close(descriptor_);
}

void Bell::wake() noexcept {
  rung_at_.store(now().nanoseconds, std::memory_order_relaxed);  // the write publishes it
  const std::uint64_t one = 1;
  // It fails only where the count would overflow, and then the owner is awake.
  static_cast<void>(!::write(descriptor_, &one, sizeof one));
}

Doorbell::Doorbell() : bell_(std::make_shared<Bell>()), listening_(std::make_unique<Listening>()) {}

Doorbell::~Doorbell() {
  if (executor_ != nullptr) executor_->remove_poller(*this);
  // A task has called std::exit(): the ring is open, and has what it was given. A leak checker is
  // shown where that is.
  [[maybe_unused]] static Listening* volatile kept = nullptr;
  if (listening_->poll.in_flight() || listening_->end.in_flight()) kept = listening_.release();
}

Doorbell& doorbell() {
  // Of the thread, as its timers are: it outlives its executors, one after the other.
  static thread_local Doorbell of_thread;
  Executor& executor = Executor::current();
  if (of_thread.executor_ != &executor) {
    PERCORE_ASSERT(
        of_thread.executor_ == nullptr,
        "two executors live on one thread, and both use its doorbell: give each a thread "
        "of its own");
    executor.add_poller(of_thread);
    of_thread.executor_ = &executor;
  }
  return of_thread;
}

void Doorbell::executor_gone() noexcept {
  executor_ = nullptr;
}

void Doorbell::attach(Inbox& inbox) {
  // The number of one that has gone is given again: a ring that was meant for it makes this one
  // look without a cause.
  auto place = std::ranges::find(inboxes_, nullptr);
  if (place == inboxes_.end()) place = inboxes_.insert(place, nullptr);
  inbox.set_number(static_cast<unsigned>(place - inboxes_.begin()));
  *place = &inbox;
  ++attached_;
}

void Doorbell::detach(Inbox& inbox) noexcept {
  inboxes_[inbox.number()] = nullptr;
  if (watched_ == &inbox) watched_ = nullptr;
  --attached_;
}

void Doorbell::watch(Inbox& inbox) noexcept {
  if (watched_ != nullptr && watched_ != &inbox) look_at_watched();
  watched_ = &inbox;
}

// It is watched no more: who still waits there says so in its look.
void Doorbell::look_at_watched() noexcept {
  if (Inbox* const inbox = std::exchange(watched_, nullptr); inbox != nullptr) inbox->look();
}

void Doorbell::look_at_all() noexcept {
  // By index: an inbox that is looked at may attach another one.
  for (std::size_t i = 0; i < inboxes_.size(); ++i)
    if (inboxes_[i] != nullptr) inboxes_[i]->look();
}

bool Doorbell::poll() {
  if (!put_off_.empty()) put_off_.do_all();
  if (watched_ != nullptr && watched_->came()) look_at_watched();
  if (bell_->word_.rung()) to_look_at_ |= bell_->word_.take();
  if (executor_->ending()) look_at_all();  // whoever waits goes on, and sees that it ends
  if (to_look_at_ == 0) return false;
  for (std::uint64_t bits = std::exchange(to_look_at_, 0); bits != 0; bits &= bits - 1) {
    // Inboxes that share a bit are looked at together.
    for (auto i = static_cast<std::size_t>(std::countr_zero(bits)); i < inboxes_.size();
         i += BellWord::bits)
      if (inboxes_[i] != nullptr) inboxes_[i]->look();
  }
  return true;
}

bool Doorbell::message_came() const noexcept {
  return (watched_ != nullptr && watched_->came()) || bell_->word_.rung();
}

bool Doorbell::spin() {
  const Time may_take = spinning_.next();
  if (may_take == Time{}) return false;
  // What waits to be submitted does not wait for the spin, too.
  Ring& ring = executor_->ring();
  if (ring.unsubmitted() != 0 && ring.turn(Wait::no) != 0) return true;
  ++counts_.spins;
  for (unsigned looks = 0; looks != looks_at_first; ++looks)
    if (message_came()) return spin_has_paid();
  const Time end = std::min(now() + may_take, timers().earliest());
  for (unsigned looks = 1; !message_came(); ++looks) {
    // A completion wakes by itself. It ends the spin, but is no reason for another one.
    const bool completed = ring.has_completions();
    if (completed || (looks % looks_a_clock_read == 0 && now() >= end)) {
      spinning_.failed();
      return completed;
    }
    cpu_relax();
  }
  return spin_has_paid();
}

bool Doorbell::spin_has_paid() noexcept {
  ++counts_.spins_paid;
  spinning_.paid();
  return true;
}

void Doorbell::listen() {
  if (listening_->poll.in_flight()) return;
  // What was written before would end this sleep at once. Who rings from here on finds the bell
  // awake, and writes nothing, until the look that follows is over.
  std::uint64_t count = 0;
  static_cast<void>(!::read(bell_->descriptor_, &count, sizeof count));
  io_uring_sqe& entry = executor_->ring().entry(listening_->poll);
  io_uring_prep_poll_multishot(&entry, bell_->descriptor_, POLLIN);
}

// A poll in flight would keep an executor asleep that nobody can wake any more.
void Doorbell::stop_listening() {
  if (!listening_->poll.in_flight() || listening_->end.in_flight()) return;
  io_uring_sqe& entry = executor_->ring().entry(listening_->end);
  io_uring_prep_cancel(&entry, static_cast<Operation*>(&listening_->poll), 0);
}

bool Doorbell::prepare_to_sleep() {
  asleep_ = false;
  if (!put_off_.empty()) put_off_.do_all();
  if (attached_ == 0) {  // nobody knows the bell
    stop_listening();
    return true;
  }
  if (spin()) {
    poll();
    return false;
  }
  look_at_watched();
  listen();
  fell_asleep_ = now();  // before anybody can see that it sleeps, and note when it rang
  if (!bell_->word_.try_to_sleep()) return false;
  asleep_ = true;
  ++counts_.sleeps;
  return true;
}

void Doorbell::cancel_sleep() {
  if (!asleep_) return;
  asleep_ = false;
  const std::uint64_t rung = bell_->word_.take();
  to_look_at_ |= rung;
  const Time rung_at{bell_->rung_at_.load(std::memory_order_relaxed)};
  // Of an earlier sleep where whoever has just rung is about to say when.
  if (rung != 0 && rung_at >= fell_asleep_) spinning_.woken(fell_asleep_, rung_at, now());
}

}  // namespace percore
