#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <percore/assert.hpp>
#include <percore/mesh.hpp>
#include <percore/sync.hpp>
#include <percore/task.hpp>
#include <type_traits>
#include <utility>
#include <vector>

namespace percore {

namespace shards_detail {

// One call of a function on another executor. It lies in the caller's frame until it is answered,
// and the callee reaches it by its address: nothing is allocated for it, and what the caller made
// is destroyed where the caller is (N5).
class Call {
 public:
  explicit Call(Task<> (*function)(Call&)) noexcept : run_(function) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  /// On the callee's executor: calls the function, and keeps what it gives or throws.
  Task<> run() { return run_(*this); }
  /// On the callee's executor, in place of run(): there was no memory for it.
  void throws(std::exception_ptr exception) noexcept { thrown_ = std::move(exception); }

  /// In place of run() likewise: the callee's executor ends.
  void refuse() noexcept { refused_ = true; }

  // The caller waits for the answer. False: that shard has gone without one.
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) { caller_ = Runnable::of(awaiting); }
  bool await_resume() const noexcept { return answered_ && !refused_; }

 protected:
  ~Call() = default;

  std::exception_ptr thrown_;

 private:
  friend class CallList;
  Task<> (*run_)(Call&);
  Runnable caller_;
  bool answered_ = false;
  bool refused_ = false;
  Call* before_ = nullptr;
  Call* behind_ = nullptr;
};

// Calls to one shard that are not answered yet. Thread: the callers' executor.
class CallList {
 public:
  bool empty() const noexcept { return first_ == nullptr; }
  void add(Call& call) noexcept;
  void answered(Call& call) noexcept;
  void none_will_be_answered() noexcept;

 private:
  void remove(Call& call) noexcept;
  Call* first_ = nullptr;
};

template <typename T>
struct ValueOfTask {
  using Type = T;
  static constexpr bool is_task = false;
};
template <typename T>
struct ValueOfTask<Task<T>> {
  using Type = T;
  static constexpr bool is_task = true;
};

template <typename F>
class CallOf final : public Call {
  using Given = ValueOfTask<std::invoke_result_t<F&>>;
  using Value = typename Given::Type;

 public:
  explicit CallOf(F function) : Call(&CallOf::run_function), function_(std::move(function)) {}

  Value take() {
    if (this->thrown_) std::rethrow_exception(this->thrown_);
    if constexpr (!std::is_void_v<Value>) return *std::move(value_);
  }

 private:
  static Task<> run_function(Call& self) {
    auto& call = static_cast<CallOf&>(self);
    try {
      if constexpr (Given::is_task && std::is_void_v<Value>) {
        co_await call.function_();
      } else if constexpr (Given::is_task) {
        auto task = call.function_();
        call.value_.emplace(co_await std::move(task));
      } else if constexpr (std::is_void_v<Value>) {
        call.function_();
      } else {
        call.value_.emplace(call.function_());
      }
    } catch (...) {
      call.throws(std::current_exception());
    }
  }

  struct NoValue {};
  F function_;
  std::optional<std::conditional_t<std::is_void_v<Value>, NoValue, Value>> value_;
};

// What a member has of the mesh of calls, and the tasks that serve it. Thread: its executor's.
class Link {
 public:
  Link(MeshMember<Call*> calls, MeshMember<Call*> answers, std::size_t capacity);

  std::size_t number() const noexcept { return calls_.number(); }
  std::size_t count() const noexcept { return calls_.members(); }

  /// Waits until fewer than `capacity` calls are on their way there (N6).
  Semaphore::Acquire room_for(std::size_t shard) { return to_[shard]->room.acquire(); }
  /// Throws   std::system_error EPIPE when that shard has left or this one leaves, ECANCELED when
  ///          this executor ends.
  void send(std::size_t shard, Call& call);
  void finished(std::size_t shard) noexcept { to_[shard]->room.release(); }
  [[noreturn]] static void throw_left();
  /// A call of this shard's to itself is under way: leave() waits for it as for those of others.
  /// Throws   std::system_error EPIPE behind leave().
  GatePass own_call();
  [[noreturn]] static void throw_leaving();

  static void serve(const std::shared_ptr<Link>& link);
  static Task<> leave(std::shared_ptr<Link> link);

 private:
  struct Callee {
    explicit Callee(std::size_t capacity) : room(capacity) {}
    Semaphore room;
    CallList unanswered;
    bool serves = true;  // until it says that it takes no more calls: its executor ends
    bool gone = false;   // no answer comes from there any more
  };

  static void serve_one(const std::shared_ptr<Link>& link, std::size_t other);
  void close_all() noexcept;
  static Task<> serve_calls(std::shared_ptr<Link> link, std::size_t from,
                            std::optional<Call*> first, GatePass serving);
  static Task<> answer(std::shared_ptr<Link> link, std::size_t to, Call& call, GatePass inside);
  void send_answer(std::size_t to, Call& call);
  static Task<> take_answers(std::shared_ptr<Link> link, std::size_t from, GatePass taking);

  MeshMember<Call*> calls_;
  MeshMember<Call*> answers_;
  std::vector<std::unique_ptr<Callee>> to_;
  bool leaving_ = false;
  bool gave_up_ = false;  // it has not joined after all
  Gate serving_;          // the calls of others
  Gate taking_;           // the answers to ours
};

}  // namespace shards_detail

/// One executor's access to all others. Copies share it.
/// Thread   its executor's.
class ShardLink {
 public:
  explicit ShardLink(std::shared_ptr<shards_detail::Link> link) noexcept : link_(std::move(link)) {}

  std::size_t number() const noexcept { return link_->number(); }
  std::size_t count() const noexcept { return link_->count(); }

  /// Calls `function` on the executor of `shard`, there as a task of its own, and gives what it
  /// gives, a value or what its Task gives; `co_await` it.
  /// function   moved into the task, and destroyed with it, so that a lambda with captures may be a
  ///            coroutine here. What it refers to belongs to this executor: the other one must only
  ///            use what is safe to. With g++ 12 a lambda that captures what has a destructor is
  ///            named first and moved in: a temporary one would be destroyed twice.
  /// Requires   that the calls that wait for one another do not need more than `capacity` on their
  ///            way to one shard (N6): a chain back and forth that is deeper waits for ever.
  /// Throws     what the function throws, and std::bad_alloc from here or from there;
  ///            std::system_error EPIPE when that shard has left or its executor ends, and behind
  ///            this shard's leave(); ECANCELED when this executor ends.
  /// Requires   shard below count().
  /// Cost       one coroutine frame here and one there; no allocation beside them.
  template <typename F>
  auto submit_to(std::size_t shard, F function)
      -> Task<typename shards_detail::ValueOfTask<std::invoke_result_t<F&>>::Type> {
    PERCORE_ASSERT(shard < link_->count(), "submit_to() asked a shard that is none of the Shards");
    return submitted(link_, shard, std::move(function));
  }

  /// Waits until all calls between this shard and the others, and its own to itself, are done, and
  /// all others leave as well; `co_await` it. No submit_to() after that, nor by what others have
  /// called here: leave() is for when nothing calls any more. Not awaited by a function that
  /// submit_to() runs, which leave() would wait for.
  Task<> leave() { return shards_detail::Link::leave(link_); }

 private:
  template <typename F>
  static auto submitted(std::shared_ptr<shards_detail::Link> link, std::size_t shard, F function)
      -> Task<typename shards_detail::ValueOfTask<std::invoke_result_t<F&>>::Type> {
    shards_detail::CallOf<F> call(std::move(function));
    if (shard == link->number()) {
      const GatePass inside = link->own_call();
      co_await call.run();
      co_return call.take();
    }
    co_await link->room_for(shard);
    link->send(shard, call);
    const bool answered = co_await call;
    link->finished(shard);
    if (!answered) shards_detail::Link::throw_left();
    co_return call.take();
  }

  std::shared_ptr<shards_detail::Link> link_;
};

/// What the executors of a pool call one another over.
/// Thread   any; it is made before the pool and shared by its members.
class Shards {
 public:
  /// count   members, at least 1. capacity   calls on their way from one member to another.
  /// Throws  std::bad_alloc.
  Shards(std::size_t count, std::size_t capacity)
      : capacity_(capacity),
        calls_(count, room_for(capacity)),
        answers_(count, room_for(capacity) + 1) {}  // and the word that no more calls are taken

  /// Waits until all members have joined; `co_await` it, once on each. See Mesh<T>::join().
  Task<Result<ShardLink>> join(std::size_t number);
  void fail() noexcept {
    calls_.fail();
    answers_.fail();
  }

 private:
  // Twice as many as may be on their way: an end gives the places of what it has taken back when
  // its turn ends, and others may be told that a call is over before that. The next call or answer
  // then comes upon places of that one turn, at most `capacity`, that are still taken.
  static constexpr std::size_t room_for(std::size_t capacity) { return 2 * capacity; }

  std::size_t capacity_;
  Mesh<shards_detail::Call*> calls_;
  Mesh<shards_detail::Call*> answers_;
};

}  // namespace percore
