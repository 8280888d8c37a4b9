#pragma once

#include <pthread.h>

#include <cerrno>
#include <coroutine>
#include <memory>
#include <optional>
#include <percore/channel_core.hpp>
#include <percore/contract/shared_channel.hpp>
#include <utility>

// A bounded channel between two executors, in three steps. The contract,
// <percore/contract/shared_channel.hpp>, has the invariants H1 to H8 and what each public function
// promises: keep it open beside this.
//
// - Step "core" (H3, H5): channel_core.hpp, what two threads share.
// - Step "turn" (H1, H2, H3, H4): Producer and Consumer: values, and who waits.
// - Step "close" (H5, H6, H8): Producer and Consumer: the end, from either side.
//
// What lies outside of Producer and Consumer needs no change.

namespace percore {

namespace shared_channel_detail {

// Which bell to ring for an end. Written by the end before it first says that it waits.
struct Address {
  std::shared_ptr<Bell> bell;
  unsigned number = 0;

  void ring() const noexcept { bell->ring(number); }
};

// Shared by both ends, and freed by the one that goes last (H7).
template <typename T>
struct State {
  explicit State(std::size_t capacity) : core(capacity) {}
  ChannelCore<T> core;
  Address producer;
  Address consumer;
};

// What both ends are to their own executor. Thread: the executor's, from bind() on.
class End : public Inbox, public PutOff {
 protected:
  ~End() { unbind(); }

  // At the first use: only then is it known on which executor.
  void bind(Address& own) {
    if (doorbell_ != nullptr) return;
    Doorbell& of_executor = doorbell();
    of_executor.attach(*this);
    own = {of_executor.bell(), number()};
    doorbell_ = &of_executor;
    thread_ = pthread_self();
  }

  void unbind() noexcept {
    if (doorbell_ == nullptr) return;
    PERCORE_ASSERT(pthread_equal(thread_, pthread_self()) != 0,
                   "an end of a shared channel was closed or destroyed on another thread than the "
                   "one that used it");
    doorbell_->take_back(*this);
    doorbell_->detach(*this);
    doorbell_ = nullptr;
  }

  void put_off() noexcept { doorbell_->put_off(*this); }

 private:
  Doorbell* doorbell_ = nullptr;
  pthread_t thread_{};  // of the doorbell: it may be gone when somebody else destroys the end
};

}  // namespace shared_channel_detail

/// The end of a shared channel that puts values in. See contract/shared_channel.hpp.
/// Thread   of the executor that first uses it.
template <typename T>
class SharedSender {
  using State = shared_channel_detail::State<T>;

  class Producer;

 public:
  explicit SharedSender(std::shared_ptr<State> state)
      : end_(std::make_unique<Producer>(std::move(state))) {}

  class [[nodiscard]] Send {
   public:
    Send(Producer& end, T value) noexcept : end_(end), value_(std::move(value)) {}
    Send(const Send&) = delete;
    Send& operator=(const Send&) = delete;
    bool await_ready() { return end_.begin(*this); }
    bool await_suspend(std::coroutine_handle<> awaiting) {
      runnable_ = Runnable::of(awaiting);
      return end_.wait(*this);
    }
    Result<void> await_resume() const noexcept {
      if (error_ == 0) return {};
      return std::unexpected(std::error_code(error_, std::system_category()));
    }

   private:
    friend class Producer;
    Producer& end_;
    T value_;
    int error_ = 0;
    Runnable runnable_;
  };

  Send send(T value) noexcept { return Send(*end_, std::move(value)); }
  bool try_send(T& value) { return end_->try_send(value); }
  void flush() noexcept { end_->at_end_of_turn(); }
  void close() noexcept { end_->close(); }
  bool closed() const noexcept { return end_->core().consumer_closed(); }
  std::size_t capacity() const noexcept { return end_->core().queue.capacity(); }

 private:
  std::unique_ptr<Producer> end_;
};

template <typename T>
class SharedSender<T>::Producer final : public shared_channel_detail::End {
 public:
  explicit Producer(std::shared_ptr<State> state) : state_(std::move(state)) {}
  ~Producer() { close(); }

  ChannelCore<T>& core() noexcept { return state_->core; }

  bool try_send(T& value) {
    this->bind(state_->producer);
    // TODO turn (H1, H2): stages the value and puts off what is left to do; false when there is no
    // room, or when somebody waits, whom nobody overtakes.
    // TODO close (H6): false when either end has closed.
    static_cast<void>(value);
    return false;
  }

  // Whether the send is over, and need not wait.
  bool begin(Send& send) {
    // TODO turn: is there room?
    // TODO close (H6, H8): error_ is EPIPE when either end has closed, ECANCELED when there is no
    // room and the executor ends (Executor::current().ending()): nobody waits then.
    static_cast<void>(send);
    return true;
  }

  // Whether it waits.
  bool wait(Send& send) noexcept {
    PERCORE_ASSERT(waiting_ == nullptr,
                   "two tasks wait in one SharedSender: await one send after the other, or give "
                   "each task a channel");
    // TODO turn (H3): it waits unless the core says that it need not: then the value goes.
    static_cast<void>(send);
    return false;
  }

  void look() noexcept override {
    // TODO turn (H3): rung for, perhaps without a cause: if somebody waits and need not any more,
    // the value goes, and send.runnable_.schedule(). TODO close (H8): nor when the executor ends.
  }

  void at_end_of_turn() noexcept override {
    // TODO turn (H3, H4): publishes what was staged, if anything; rings for state_->consumer if the
    // core says so.
  }

  void close() noexcept {
    if (closed_) return;
    PERCORE_ASSERT(waiting_ == nullptr,
                   "a SharedSender was closed or destroyed while a task waits in its send()");
    closed_ = true;
    // TODO close (H3, H5): tells the core, and rings if it says so.
    this->unbind();
  }

 private:
  std::shared_ptr<State> state_;
  Send* waiting_ = nullptr;
  bool closed_ = false;
};

/// The end of a shared channel that takes values out. See contract/shared_channel.hpp.
/// Thread   of the executor that first uses it.
template <typename T>
class SharedReceiver {
  using State = shared_channel_detail::State<T>;

  class Consumer;

 public:
  explicit SharedReceiver(std::shared_ptr<State> state)
      : end_(std::make_unique<Consumer>(std::move(state))) {}

  class [[nodiscard]] Receive {
   public:
    Receive(Consumer& end, bool through_end) noexcept : end_(end), through_end_(through_end) {}
    Receive(const Receive&) = delete;
    Receive& operator=(const Receive&) = delete;
    bool await_ready() { return end_.begin(*this); }
    bool await_suspend(std::coroutine_handle<> awaiting) {
      runnable_ = Runnable::of(awaiting);
      return end_.wait(*this);
    }
    std::optional<T> await_resume() noexcept { return std::move(value_); }

   private:
    friend class Consumer;
    // The executor ends, and the wait with it (H8).
    bool cut_short() const noexcept { return !through_end_ && Executor::current().ending(); }

    Consumer& end_;
    bool through_end_;
    std::optional<T> value_;
    Runnable runnable_;
  };

  Receive receive() noexcept { return Receive(*end_, false); }
  Receive receive_through_end() noexcept { return Receive(*end_, true); }
  std::optional<T> try_receive() { return end_->try_receive(); }
  void close() noexcept { end_->close(); }
  bool drained() noexcept { return end_->core().drained(); }
  std::size_t capacity() const noexcept { return end_->core().queue.capacity(); }

 private:
  std::unique_ptr<Consumer> end_;
};

template <typename T>
class SharedReceiver<T>::Consumer final : public shared_channel_detail::End {
 public:
  explicit Consumer(std::shared_ptr<State> state) : state_(std::move(state)) {}
  ~Consumer() { close(); }

  ChannelCore<T>& core() noexcept { return state_->core; }

  std::optional<T> try_receive() {
    this->bind(state_->consumer);
    // TODO turn (H1): the oldest value, unless somebody waits for it already or this end has
    // closed. Its slot is the sender's again at the end of the turn: put that off.
    return std::nullopt;
  }

  // Whether the receive is over, and need not wait.
  bool begin(Receive& receive) {
    this->bind(state_->consumer);
    // TODO turn: is there a value? It goes into receive.value_; a T need not be assignable, so
    // emplace() it.
    // TODO close (H5, H8): nobody waits for a value that cannot come: when this end has closed, or
    // the channel is drained, or receive.cut_short().
    static_cast<void>(receive);
    return true;
  }

  // Whether it waits.
  bool wait(Receive& receive) noexcept {
    PERCORE_ASSERT(waiting_ == nullptr,
                   "two tasks wait in one SharedReceiver: await one receive after the other, or "
                   "give each task a channel");
    // TODO turn (H3): as Producer::wait().
    static_cast<void>(receive);
    return false;
  }

  void look() noexcept override {
    // TODO turn (H3): as Producer::look(). TODO close (H8): also when waiting_->cut_short().
  }

  void at_end_of_turn() noexcept override {
    // TODO turn (H3, H4): gives back what was popped, if anything; rings for state_->producer if
    // the core says so.
  }

  void close() noexcept {
    if (closed_) return;
    PERCORE_ASSERT(waiting_ == nullptr,
                   "a SharedReceiver was closed or destroyed while a task waits in its receive()");
    closed_ = true;
    // TODO close (H6, H7): gives back what was popped, tells the core, and rings if it says so.
    // What is left in the queue is not yours to destroy: the sender may be putting values in.
    this->unbind();
  }

 private:
  std::shared_ptr<State> state_;
  Receive* waiting_ = nullptr;
  bool closed_ = false;
};

/// The two ends of one channel.
template <typename T>
struct ChannelEnds {
  SharedSender<T> sender;
  SharedReceiver<T> receiver;
};

/// A bounded channel from a task of one executor to a task of another.
/// capacity  at least 1; rounded up to a power of two. Its memory is taken here.
/// Throws    std::bad_alloc. Thread   any.
template <typename T>
ChannelEnds<T> shared_channel(std::size_t capacity) {
  auto state = std::make_shared<shared_channel_detail::State<T>>(capacity);
  SharedSender<T> sender(state);
  return {std::move(sender), SharedReceiver<T>(std::move(state))};
}

}  // namespace percore
