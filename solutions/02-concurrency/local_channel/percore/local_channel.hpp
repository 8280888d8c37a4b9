#pragma once

#include <cerrno>
#include <coroutine>
#include <cstddef>
#include <optional>
#include <percore/assert.hpp>
#include <percore/contract/local_channel.hpp>
#include <utility>
#include <vector>

namespace percore {

/// A bounded queue between tasks of one executor. See contract/local_channel.hpp.
/// Thread   the executor's.
template <typename T>
class LocalChannel {
  // Who waits, in its own frame. A sender's value lies here until there is room for it; a
  // receiver's is put here by whoever has one.
  struct Waiter {
    Runnable runnable;
    std::optional<T> value;
    Waiter* next = nullptr;
  };

  struct Waiters {
    Waiter* first = nullptr;
    Waiter* last = nullptr;

    void push(Waiter& waiter) noexcept {
      (first == nullptr ? first : last->next) = &waiter;
      last = &waiter;
    }
    Waiter* pop() noexcept { return std::exchange(first, first->next); }
  };

 public:
  explicit LocalChannel(std::size_t capacity) : slots_(capacity) {
    PERCORE_ASSERT(capacity != 0, "a LocalChannel needs room for at least one value");
  }
  LocalChannel(const LocalChannel&) = delete;
  LocalChannel& operator=(const LocalChannel&) = delete;
  ~LocalChannel() {
    PERCORE_ASSERT(senders_.first == nullptr && receivers_.first == nullptr,
                   "a LocalChannel was destroyed while a task waits for it: close() it first");
  }

  class [[nodiscard]] Send {
   public:
    Send(LocalChannel& channel, T value) noexcept : channel_(channel) {
      waiter_.value.emplace(std::move(value));
    }
    bool await_ready() noexcept {
      if (channel_.try_send(*waiter_.value)) waiter_.value.reset();
      return !waiter_.value.has_value() || channel_.closed_;
    }
    void await_suspend(std::coroutine_handle<> awaiting) noexcept {
      waiter_.runnable = Runnable::of(awaiting);
      channel_.senders_.push(waiter_);
    }
    // A value that is still here went nowhere.
    Result<void> await_resume() const noexcept {
      if (!waiter_.value.has_value()) return {};
      return std::unexpected(std::error_code(EPIPE, std::system_category()));
    }

   private:
    LocalChannel& channel_;
    Waiter waiter_;
  };

  class [[nodiscard]] Receive {
   public:
    explicit Receive(LocalChannel& channel) noexcept : channel_(channel) {}
    bool await_ready() noexcept {
      waiter_.value = channel_.try_receive();
      return waiter_.value.has_value() || channel_.closed_;
    }
    void await_suspend(std::coroutine_handle<> awaiting) noexcept {
      waiter_.runnable = Runnable::of(awaiting);
      channel_.receivers_.push(waiter_);
    }
    std::optional<T> await_resume() noexcept { return std::move(waiter_.value); }

   private:
    LocalChannel& channel_;
    Waiter waiter_;
  };

  Send send(T value) noexcept { return Send(*this, std::move(value)); }
  Receive receive() noexcept { return Receive(*this); }

  bool try_send(T& value) noexcept {
    if (closed_) return false;
    if (receivers_.first != nullptr) {  // then the channel is empty
      Waiter* const receiver = receivers_.pop();
      receiver->value.emplace(std::move(value));
      receiver->runnable.schedule();
      return true;
    }
    if (size_ == slots_.size()) return false;
    push(value);
    return true;
  }

  std::optional<T> try_receive() noexcept {
    if (size_ == 0) return std::nullopt;
    std::optional<T> value = std::exchange(slots_[front_], std::nullopt);
    front_ = (front_ + 1) % slots_.size();
    --size_;
    if (senders_.first != nullptr) {  // then the channel was full, and now there is room
      Waiter* const sender = senders_.pop();
      push(*sender->value);
      sender->value.reset();
      sender->runnable.schedule();
    }
    return value;
  }

  void close() noexcept {
    closed_ = true;
    while (senders_.first != nullptr) senders_.pop()->runnable.schedule();
    while (receivers_.first != nullptr) receivers_.pop()->runnable.schedule();
  }

  bool closed() const noexcept { return closed_; }
  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return slots_.size(); }

 private:
  void push(T& value) noexcept {
    slots_[(front_ + size_) % slots_.size()].emplace(std::move(value));
    ++size_;
  }

  std::vector<std::optional<T>> slots_;  // used in a circle
  std::size_t front_ = 0;
  std::size_t size_ = 0;
  bool closed_ = false;
  Waiters senders_, receivers_;
};

}  // namespace percore
