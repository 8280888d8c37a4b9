#pragma once

#include <cerrno>
#include <coroutine>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <percore/contract/local_channel.hpp>
#include <type_traits>
#include <utility>

namespace percore {

/// A bounded queue between tasks of one executor. See contract/local_channel.hpp.
/// A value goes straight to a receiver who waits; else into the ring buffer; else it stays in its
/// sender's frame until a receiver makes room.
/// T        nothrow-movable: a value on its way has nowhere to throw to.
/// Throws   std::bad_alloc from the constructor.
/// Thread   the executor's.
template <typename T>
class LocalChannel {
  static_assert(std::is_nothrow_move_constructible_v<T>,
                "a LocalChannel carries values whose move does not throw");

  struct Waiter {
    Runnable runnable;
    std::optional<T> value;  // to send, or as received
    bool taken = false;      // of a sender: a receiver or the buffer has it
    Waiter* next = nullptr;
  };

  // First come, first served.
  struct Waiters {
    Waiter* first = nullptr;
    Waiter** end = &first;

    void push(Waiter& waiter) noexcept {
      *end = &waiter;
      end = &waiter.next;
    }
    Waiter* pop() noexcept {
      Waiter* const waiter = first;
      if (waiter == nullptr) return nullptr;
      first = waiter->next;
      if (first == nullptr) end = &first;
      return waiter;
    }
  };

 public:
  explicit LocalChannel(std::size_t capacity)
      : capacity_(capacity), slots_(std::make_unique<Slot[]>(capacity)) {
    PERCORE_ASSERT(capacity != 0, "a LocalChannel needs room for at least one value");
  }
  LocalChannel(const LocalChannel&) = delete;
  LocalChannel& operator=(const LocalChannel&) = delete;
  ~LocalChannel() {
    PERCORE_ASSERT(senders_.first == nullptr && receivers_.first == nullptr,
                   "a LocalChannel was destroyed while a task waits for it: close() it, and let "
                   "the task end first");
    while (size_ != 0) pop();
  }

  class [[nodiscard]] Send {
   public:
    Send(LocalChannel& channel, T value) noexcept : channel_(channel) {
      waiter_.value.emplace(std::move(value));
    }
    Send(const Send&) = delete;
    Send& operator=(const Send&) = delete;
    bool await_ready() noexcept {
      waiter_.taken = !channel_.closed_ && channel_.take(*waiter_.value);
      return waiter_.taken || channel_.closed_;
    }
    void await_suspend(std::coroutine_handle<> awaiting) {
      waiter_.runnable = Runnable::of(awaiting);
      channel_.senders_.push(waiter_);
    }
    Result<void> await_resume() const noexcept {
      if (waiter_.taken) return {};
      return std::unexpected(std::error_code(EPIPE, std::system_category()));
    }

   private:
    LocalChannel& channel_;
    Waiter waiter_;
  };

  class [[nodiscard]] Receive {
   public:
    explicit Receive(LocalChannel& channel) noexcept : channel_(channel) {}
    Receive(const Receive&) = delete;
    Receive& operator=(const Receive&) = delete;
    bool await_ready() noexcept {
      waiter_.value = channel_.try_receive();
      return waiter_.value.has_value() || channel_.closed_;
    }
    void await_suspend(std::coroutine_handle<> awaiting) {
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

  bool try_send(T& value) noexcept { return !closed_ && take(value); }

  std::optional<T> try_receive() noexcept {
    std::optional<T> value;
    if (size_ == 0) return value;
    value.emplace(pop());
    if (Waiter* const sender = senders_.pop(); sender != nullptr) {
      push(*sender->value);
      sender->taken = true;
      sender->runnable.schedule();
    }
    return value;
  }

  void close() noexcept {
    closed_ = true;
    while (Waiter* const sender = senders_.pop()) sender->runnable.schedule();
    while (Waiter* const receiver = receivers_.pop()) receiver->runnable.schedule();
  }

  bool closed() const noexcept { return closed_; }
  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return capacity_; }

 private:
  struct alignas(T) Slot {
    unsigned char bytes[sizeof(T)];
  };

  // A receiver waits only when the channel is empty, a sender only when it is full: never both.
  bool take(T& value) noexcept {
    if (Waiter* const receiver = receivers_.pop(); receiver != nullptr) {
      receiver->value.emplace(std::move(value));
      receiver->runnable.schedule();
      return true;
    }
    if (size_ == capacity_) return false;
    push(value);
    return true;
  }

  T& slot(std::size_t index) noexcept {
    return *std::launder(reinterpret_cast<T*>(slots_[index].bytes));
  }
  void push(T& value) noexcept {
    std::size_t back = first_ + size_;
    if (back >= capacity_) back -= capacity_;
    ::new (slots_[back].bytes) T(std::move(value));
    ++size_;
  }
  T pop() noexcept {
    T& oldest = slot(first_);
    T value(std::move(oldest));
    oldest.~T();
    if (++first_ == capacity_) first_ = 0;
    --size_;
    return value;
  }

  std::size_t capacity_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
  bool closed_ = false;
  std::unique_ptr<Slot[]> slots_;
  Waiters senders_, receivers_;
};

}  // namespace percore
