#include <percore/doorbell.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace percore {
namespace {

// To wake a thread takes tens of microseconds: to spin for less than that is worth trying.
constexpr Time spin_max{20'000};
[[maybe_unused]] constexpr Time spin_min{500};

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
  // TODO look (W3): a number for it, the lowest that is free (Inbox::set_number), and its place in
  // inboxes_.
  inboxes_.push_back(&inbox);
}

void Doorbell::detach(Inbox& inbox) noexcept {
  // TODO look: nobody looks at it any more, and its number is free.
  static_cast<void>(inbox);
  // TODO sleep: when it was the last one, and the read is in flight, nobody could end it any more:
  // ring for it yourself (Bell::wake()).
}

bool Doorbell::poll() {
  // TODO look (W6): do what was put off to the end of the turn.
  // TODO look (W1, W3): take what was rung for, and look at those inboxes and no others; inboxes
  // beyond BellWord::bits share a bit. An inbox that is looked at may attach another one, or go.
  // TODO look: when the executor ends (executor_->ending()), all are looked at.
  return false;
}

// Whether something came: a ring, or a completion (executor_->ring().has_completions()).
bool Doorbell::spin() {
  // TODO sleep (W4): at most spin_for_, by now(); cpu_relax() each time round. A spin that fails
  // halves the next one, and what would be below spin_min is none. One that pays brings spin_max
  // back.
  return false;
}

void Doorbell::listen() {
  // TODO sleep: a read of the bell's eventfd into listening_.count, unless it is in flight already.
}

bool Doorbell::prepare_to_sleep() {
  // TODO sleep (W6): what was put off comes first.
  // TODO sleep: with no inbox attached nobody knows the bell: true, without a spin or a read.
  // TODO sleep (W1): spin; listen; try_to_sleep(). In which order, and why?
  return true;
}

void Doorbell::cancel_sleep() {
  // TODO sleep: if it fell asleep: it is awake again, and the bits are kept for the next poll().
  // TODO sleep (W4): a sleep shorter than spin_max brings the spin back.
}

}  // namespace percore
