#pragma once

#include <cerrno>
#include <coroutine>
#include <cstddef>
#include <optional>
#include <percore/assert.hpp>
#include <percore/contract/local_channel.hpp>
#include <utility>
#include <vector>

// A channel between tasks of one executor, in three steps. The contract,
// <percore/contract/local_channel.hpp>, has the invariants L1 to L5 and what each public function
// promises: keep it open beside this.
//
// - Step "buffer" (L1, L2): try_send() and try_receive(), with nobody who waits.
// - Step "wait" (L2, L3): send() and receive(), which wait in the frame of who awaits them.
// - Step "close" (L4, L5).

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
      // TODO wait (L3): to the end.
      static_cast<void>(waiter);
    }
    Waiter* pop() noexcept {
      // TODO wait (L3): takes the first one out. There is one.
      return first;
    }
  };

 public:
  // TODO buffer: PERCORE_ASSERT, with a sentence, that there is room for one value at least. The
  // memory for `capacity` values is taken here, and none later.
  explicit LocalChannel(std::size_t capacity) : slots_(capacity) {}
  LocalChannel(const LocalChannel&) = delete;
  LocalChannel& operator=(const LocalChannel&) = delete;
  ~LocalChannel() {
    // TODO close (L5): PERCORE_ASSERT, with a sentence, that nobody waits any more.
  }

  class [[nodiscard]] Send {
   public:
    Send(LocalChannel& channel, T value) noexcept : channel_(channel) {
      waiter_.value.emplace(std::move(value));
    }
    bool await_ready() noexcept {
      // TODO wait (L2): is there room, or a receiver who waits? TODO close (L4): a closed channel
      // takes nothing, and lets nobody wait.
      return true;
    }
    void await_suspend(std::coroutine_handle<> awaiting) noexcept {
      // TODO wait (L3): remembers who waits, and in which queue they go on (Runnable::of).
      static_cast<void>(awaiting);
    }
    Result<void> await_resume() const noexcept {
      // TODO close (L4): EPIPE, of std::system_category(), when the value went nowhere.
      return {};
    }

   private:
    [[maybe_unused]] LocalChannel& channel_;
    Waiter waiter_;
  };

  class [[nodiscard]] Receive {
   public:
    explicit Receive(LocalChannel& channel) noexcept : channel_(channel) {}
    bool await_ready() noexcept {
      // TODO wait: is there a value? TODO close (L4): a closed channel that is empty lets nobody
      // wait.
      return true;
    }
    void await_suspend(std::coroutine_handle<> awaiting) noexcept {
      // TODO wait (L3)
      static_cast<void>(awaiting);
    }
    std::optional<T> await_resume() noexcept { return std::move(waiter_.value); }

   private:
    [[maybe_unused]] LocalChannel& channel_;
    Waiter waiter_;
  };

  Send send(T value) noexcept { return Send(*this, std::move(value)); }
  Receive receive() noexcept { return Receive(*this); }

  bool try_send(T& value) noexcept {
    // TODO buffer (L1, L2): takes the value if there is room; else leaves it untouched and says no.
    // TODO wait: when a receiver waits, the value is its own: no detour through the buffer.
    // TODO close (L4)
    static_cast<void>(value);
    return false;
  }

  std::optional<T> try_receive() noexcept {
    // TODO buffer (L1): the oldest value, if there is one; its place is empty then.
    // TODO wait (L1, L3): and whoever waits with a value has the room, before anybody else.
    return std::nullopt;
  }

  void close() noexcept {
    // TODO close (L4): from now on no send succeeds, and nobody waits.
  }

  bool closed() const noexcept { return closed_; }
  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return slots_.size(); }

 private:
  std::vector<std::optional<T>> slots_;  // TODO buffer: used in a circle
  [[maybe_unused]] std::size_t front_ = 0;
  std::size_t size_ = 0;
  bool closed_ = false;
  Waiters senders_, receivers_;
};

}  // namespace percore
