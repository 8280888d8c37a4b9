#pragma once

#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <coroutine>
#include <memory>
#include <optional>
#include <percore/channel_core.hpp>
#include <percore/contract/shared_channel.hpp>
#include <utility>

namespace percore {

namespace shared_channel_detail {

// Which bell to ring for an end. Written by the end before it first says that it waits.
struct Address {
  std::shared_ptr<Bell> bell;
  unsigned number = 0;

  void ring() const noexcept { bell->ring(number); }
};

template <typename T>
struct State {
  explicit State(std::size_t capacity) : core(capacity) {}
  ChannelCore<T> core;
  alignas(cache_line_bytes) Address producer;
  alignas(cache_line_bytes) Address consumer;
};

// What both ends are to their own executor. Thread: the executor's, from bind() on.
class End : public Inbox, public PutOff {
 public:
  bool bound() const noexcept { return doorbell_ != nullptr; }

 protected:
  ~End() { unbind(); }

  void bind(Address& own) {
    if (bound()) [[likely]]
      return;
    Doorbell& of_executor = doorbell();
    of_executor.attach(*this);
    own = {of_executor.bell(), number()};
    doorbell_ = &of_executor;
    thread_ = pthread_self();
  }

  void unbind() noexcept {
    if (!bound()) return;
    PERCORE_ASSERT(pthread_equal(thread_, pthread_self()) != 0,
                   "an end of a shared channel was closed or destroyed on another thread than the "
                   "one that used it");
    doorbell_->take_back(*this);
    doorbell_->detach(*this);
    doorbell_ = nullptr;
  }

  void put_off() noexcept { doorbell_->put_off(*this); }

  // Whether the doorbell looks for us while its executor is awake: then we need not say that we
  // wait, and nobody need ring.
  template <typename Offered = Doorbell>
  bool watched() noexcept {
    if constexpr (requires(Offered& offered, Inbox& inbox) { offered.watch(inbox); }) {
      Offered& of_executor = *doorbell_;
      of_executor.watch(*this);
      return true;
    }
    return false;
  }

 private:
  Doorbell* doorbell_ = nullptr;
  pthread_t thread_{};  // of the doorbell: it may be gone when somebody else destroys the end
};

inline std::unexpected<std::error_code> error_of(int error) noexcept {
  return std::unexpected(std::error_code(error, std::system_category()));
}

}  // namespace shared_channel_detail

/// The end of a shared channel that puts values in. See contract/shared_channel.hpp.
/// Cost     a send that finds room: no atomic read-modify-write, no allocation; a store and a fence
///          for all sends of a turn.
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
      return shared_channel_detail::error_of(error_);
    }

   private:
    friend class Producer;
    Producer& end_;
    T value_;
    int error_ = 0;
    Runnable runnable_;
  };

  /// Waits for room; `co_await` it.
  Send send(T value) noexcept { return Send(*end_, std::move(value)); }
  bool try_send(T& value) { return end_->try_send(value); }
  /// This is the end's executor, as its first use says else: what that may throw is thrown here.
  void belongs_here() { end_->belongs_here(); }
  void flush() noexcept { end_->publish_early(); }
  void close() noexcept { end_->close(); }
  bool closed() const noexcept { return end_->core().consumer_closed(); }
  std::size_t capacity() const noexcept { return end_->core().queue.capacity(); }

 private:
  std::unique_ptr<Producer> end_;
};

template <typename T>
class SharedSender<T>::Producer final : public shared_channel_detail::End {
 public:
  explicit Producer(std::shared_ptr<State> state)
      : state_(std::move(state)),
        publish_at_(std::max<std::size_t>(1, state_->core.queue.capacity() / 4)) {}
  ~Producer() { close(); }

  ChannelCore<T>& core() noexcept { return state_->core; }
  const ChannelCore<T>& core() const noexcept { return state_->core; }

  void belongs_here() { this->bind(state_->producer); }

  bool try_send(T& value) {
    if (closed_) return false;  // it has left its doorbell for good
    belongs_here();
    return waiting_ == nullptr && !core().consumer_closed() && stage(value);
  }

  // Whether the send need not wait.
  bool begin(Send& send) {
    if (try_send(send.value_)) return true;
    if (closed_ || core().consumer_closed()) {
      send.error_ = EPIPE;
      return true;
    }
    if (!Executor::current().ending()) return false;
    send.error_ = ECANCELED;
    return true;
  }

  // Whether it waits.
  bool wait(Send& send) noexcept {
    PERCORE_ASSERT(waiting_ == nullptr,
                   "two tasks wait in one SharedSender: await one send after the other, or give "
                   "each task a channel");
    if (this->watched() || core().wait_for_room()) {
      waiting_ = &send;
      return true;
    }
    settle(send);
    return false;
  }

  bool came() noexcept override { return core().has_room_or_end(); }

  void look() noexcept override {
    if (waiting_ == nullptr) return;
    if (!core().room_came() && !Executor::current().ending()) return;
    Send& send = *std::exchange(waiting_, nullptr);
    settle(send);
    send.runnable_.schedule();
  }

  void at_end_of_turn() noexcept override {
    if (core().queue.staged() == 0 && !published_early_) return;
    published_early_ = false;
    if (core().publish()) state_->consumer.ring();
  }

  // The first value of a turn: to whoever sends only one this saves the end of the turn, and
  // whoever sends many pays one store. No look at who waits, so that a sleeper is rung once a turn.
  void show_first() noexcept {
    published_early_ = true;
    core().queue.publish();
  }

  // Before the turn ends: a receiver that is awake sees it, and one that sleeps is rung. One that
  // falls asleep just now is rung at the end of the turn, where the fence for all of them is.
  void publish_early() noexcept {
    if (core().queue.staged() == 0 && !published_early_) return;
    published_early_ = true;
    if (core().publish_early()) state_->consumer.ring();
  }

  void close() noexcept {
    if (closed_) return;
    PERCORE_ASSERT(waiting_ == nullptr,
                   "a SharedSender was closed or destroyed while a task waits in its send()");
    closed_ = true;
    if (core().close_producer()) state_->consumer.ring();
    this->unbind();
  }

 private:
  // The wait is over: the value goes, or it cannot.
  void settle(Send& send) noexcept {
    if (core().consumer_closed())
      send.error_ = EPIPE;
    else if (!stage(send.value_))
      send.error_ = ECANCELED;
  }

  bool stage(T& value) noexcept {
    if (!core().queue.stage(value)) return false;
    this->put_off();
    // A receiver that is awake may begin while this turn goes on.
    if (!published_early_)
      show_first();
    else if (core().queue.staged() >= publish_at_)
      publish_early();
    return true;
  }

  std::shared_ptr<State> state_;
  std::size_t publish_at_;
  bool published_early_ = false;  // and perhaps not rung for
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
    // The executor ends, and the wait with it.
    bool cut_short() const noexcept { return !through_end_ && Executor::current().ending(); }

    Consumer& end_;
    bool through_end_;
    std::optional<T> value_;
    Runnable runnable_;
  };

  /// Waits for a value; `co_await` it.
  Receive receive() noexcept { return Receive(*end_, false); }
  /// The same, but it goes on waiting when the executor ends (not H8): for a value that the other
  /// end still points into our memory for, and that comes for certain.
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
  explicit Consumer(std::shared_ptr<State> state)
      : state_(std::move(state)),
        release_at_(std::max<std::size_t>(1, state_->core.queue.capacity() / 4)) {}
  ~Consumer() { close(); }

  ChannelCore<T>& core() noexcept { return state_->core; }
  const ChannelCore<T>& core() const noexcept { return state_->core; }

  std::optional<T> try_receive() {
    std::optional<T> out;
    take_unless_waiting(out);
    return out;
  }

  // Whether the receive need not wait.
  bool begin(Receive& receive) {
    take_unless_waiting(receive.value_);
    return receive.value_ || closed_ || core().drained() || receive.cut_short();
  }

  // Whether it waits.
  bool wait(Receive& receive) noexcept {
    PERCORE_ASSERT(waiting_ == nullptr,
                   "two tasks wait in one SharedReceiver: await one receive after the other, or "
                   "give each task a channel");
    if (this->watched() || core().wait_for_value()) {
      waiting_ = &receive;
      return true;
    }
    take(receive.value_);
    return false;
  }

  bool came() noexcept override { return core().has_value_or_end(); }

  void look() noexcept override {
    if (waiting_ == nullptr || (!core().value_came() && !waiting_->cut_short())) return;
    Receive& receive = *std::exchange(waiting_, nullptr);
    take(receive.value_);
    receive.runnable_.schedule();
  }

  void at_end_of_turn() noexcept override {
    if (core().queue.popped() != 0 && core().release()) state_->producer.ring();
  }

  void close() noexcept {
    if (closed_) return;
    PERCORE_ASSERT(waiting_ == nullptr,
                   "a SharedReceiver was closed or destroyed while a task waits in its receive()");
    closed_ = true;
    core().queue.release();  // the queue is the sender's alone from here on
    if (core().close_consumer()) state_->producer.ring();
    this->unbind();
  }

 private:
  void take_unless_waiting(std::optional<T>& into) {
    if (closed_) return;  // it has left its doorbell for good
    this->bind(state_->consumer);
    if (waiting_ == nullptr) take(into);
  }

  // In place: a T need not be assignable.
  void take(std::optional<T>& into) noexcept {
    T* const oldest = core().queue.front();
    if (oldest == nullptr) return;
    into.emplace(std::move(*oldest));
    core().queue.pop();
    // The sender may go on while this turn does.
    if (core().queue.popped() >= release_at_)
      at_end_of_turn();
    else
      this->put_off();
  }

  std::shared_ptr<State> state_;
  std::size_t release_at_;
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
