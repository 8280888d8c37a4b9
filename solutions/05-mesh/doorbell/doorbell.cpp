#include <percore/doorbell.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace percore {
namespace {

// To wake a thread takes tens of microseconds: to spin for less than that is worth trying.
constexpr Time spin_max{20'000};
constexpr Time spin_min{500};

}  // namespace

Bell::Bell() : descriptor_(eventfd(0, EFD_CLOEXEC)) {
  if (descriptor_ < 0)
    throw std::system_error(errno, std::system_category(),
                            "an executor cannot be given a descriptor to be woken by (eventfd): "
                            "close some, or raise the limit (ulimit -n)");
}

Bell::~Bell() {
  close(descriptor_);
}

void Bell::wake() noexcept {
  const std::uint64_t one = 1;
  // It fails only where the count would overflow, and then the owner is awake.
  static_cast<void>(!::write(descriptor_, &one, sizeof one));
}

Doorbell::Doorbell() : bell_(std::make_shared<Bell>()), spin_for_(spin_max) {}

Doorbell::~Doorbell() {
  if (executor_ != nullptr) executor_->remove_poller(*this);
}

Doorbell& doorbell() {
  // Of the thread: it outlives its executors, one after the other.
  static thread_local Doorbell of_thread;
  Executor& executor = Executor::current();
  if (of_thread.executor_ == nullptr) {
    executor.add_poller(of_thread);
    of_thread.executor_ = &executor;
  }
  return of_thread;
}

void Doorbell::executor_gone() noexcept {
  executor_ = nullptr;
}

void Doorbell::attach(Inbox& inbox) {
  auto place = std::ranges::find(inboxes_, nullptr);
  if (place == inboxes_.end()) place = inboxes_.insert(place, nullptr);
  inbox.set_number(static_cast<unsigned>(place - inboxes_.begin()));
  *place = &inbox;
  ++attached_;
}

void Doorbell::detach(Inbox& inbox) noexcept {
  inboxes_[inbox.number()] = nullptr;
  // A read in flight would keep an executor asleep that nobody can wake any more: it is ended.
  if (--attached_ == 0 && listening_.in_flight()) bell_->wake();
}

bool Doorbell::poll() {
  put_off_.do_all();
  if (bell_->word_.rung()) to_look_at_ |= bell_->word_.take();
  // At the end everybody looks: whoever waits goes on, and sees that it ends.
  std::uint64_t bits = std::exchange(to_look_at_, 0);
  if (executor_->ending()) bits = ~std::uint64_t{0};
  if (bits == 0) return false;
  // By index: an inbox that is looked at may attach another one.
  for (std::size_t i = 0; i < inboxes_.size(); ++i)
    if (inboxes_[i] != nullptr && (bits >> (i % BellWord::bits) & 1) != 0) inboxes_[i]->look();
  return true;
}

// Whether something came. A spin that fails halves the next one, down to none.
bool Doorbell::spin() {
  if (spin_for_ < spin_min) return false;
  const Time end = now() + spin_for_;
  while (!bell_->word_.rung() && !executor_->ring().has_completions()) {
    if (now() >= end) {
      spin_for_ = {spin_for_.nanoseconds / 2};
      return false;
    }
    cpu_relax();
  }
  spin_for_ = spin_max;
  return true;
}

void Doorbell::listen() {
  if (listening_.in_flight()) return;
  io_uring_sqe& entry = executor_->ring().entry(listening_);
  io_uring_prep_read(&entry, bell_->descriptor_, &listening_.count, sizeof listening_.count, 0);
}

bool Doorbell::prepare_to_sleep() {
  asleep_ = false;
  put_off_.do_all();
  if (attached_ == 0) return true;  // nobody knows the bell
  if (spin()) return false;
  listen();
  asleep_ = bell_->word_.try_to_sleep();
  fell_asleep_ = now();
  return asleep_;
}

void Doorbell::cancel_sleep() {
  if (!std::exchange(asleep_, false)) return;
  to_look_at_ |= bell_->word_.take();
  // A spin would have caught it.
  if (now() - fell_asleep_ < spin_max) spin_for_ = spin_max;
}

}  // namespace percore
