#pragma once

#include <cerrno>
#include <coroutine>
#include <memory>
#include <mutex>
#include <optional>
#include <percore/contract/mesh.hpp>
#include <percore/doorbell.hpp>
#include <utility>
#include <vector>

namespace percore {

namespace mesh_detail {

// Where the members of a mesh meet before it is one: who has come, and as what. A mutex does here:
// it is used once for each member.
// Thread   any.
class Meeting {
 public:
  explicit Meeting(std::size_t members) : roles_(members) { waiting_.reserve(members); }

  /// Comes in. Returns whether the caller is the last: it makes the channels, and then says
  /// complete() or fail().
  /// Requires  each number once, below members().
  bool come(std::size_t number, MeshRole role);
  void complete() noexcept;
  void fail() noexcept;
  std::size_t members() const noexcept { return roles_.size(); }

  enum class Outcome { waits, complete, failed };
  Outcome outcome() noexcept;

  /// Only once it is complete: nobody writes any more.
  bool connects(std::size_t sender, std::size_t receiver) const noexcept {
    return sender != receiver && *roles_[sender] != MeshRole::receives &&
           *roles_[receiver] != MeshRole::sends;
  }

  /// Goes on when all have come, or one has failed; `co_await` it, as a task of an executor. It is
  /// made before its member comes in: what can throw has then been done, and who has come can
  /// be told.
  /// Throws   std::bad_alloc; std::system_error when there is no bell to be had.
  class [[nodiscard]] All final : Inbox {
   public:
    explicit All(Meeting& meeting);
    ~All() { doorbell_.detach(*this); }
    All(const All&) = delete;
    All& operator=(const All&) = delete;
    bool await_ready() noexcept { return meeting_.outcome() != Outcome::waits; }
    bool await_suspend(std::coroutine_handle<> awaiting) noexcept;
    /// Nothing, or ECANCELED. An executor that ends has failed, as far as the others go.
    Result<void> await_resume() noexcept;

   private:
    friend class Meeting;
    void look() noexcept override;

    Meeting& meeting_;
    Doorbell& doorbell_;
    std::shared_ptr<Bell> bell_;
    bool waits_ = false;
    Runnable runnable_;
  };

 private:
  void end_with(Outcome outcome) noexcept;
  void end_with_locked(Outcome outcome) noexcept;

  std::mutex mutex_;
  std::vector<std::optional<MeshRole>> roles_;
  std::size_t missing_ = roles_.size();
  Outcome outcome_ = Outcome::waits;
  std::vector<All*> waiting_;  // room for all from the beginning
};

}  // namespace mesh_detail

/// One member's ends of the channels of a mesh.
/// Thread   its executor's.
template <typename T>
class MeshMember {
 public:
  MeshMember(std::size_t number, std::size_t members)
      : number_(number), senders_(members), receivers_(members) {}

  std::size_t number() const noexcept { return number_; }
  std::size_t members() const noexcept { return senders_.size(); }
  bool sends_to(std::size_t number) const noexcept {
    return number < senders_.size() && senders_[number].has_value();
  }
  bool receives_from(std::size_t number) const noexcept {
    return number < receivers_.size() && receivers_[number].has_value();
  }
  SharedSender<T>& sender(std::size_t number) noexcept {
    PERCORE_ASSERT(sends_to(number), "this member of the mesh has no channel to that one");
    return *senders_[number];
  }
  SharedReceiver<T>& receiver(std::size_t number) noexcept {
    PERCORE_ASSERT(receives_from(number), "this member of the mesh has no channel from that one");
    return *receivers_[number];
  }

 private:
  template <typename>
  friend class Mesh;
  std::size_t number_;
  std::vector<std::optional<SharedSender<T>>> senders_;
  std::vector<std::optional<SharedReceiver<T>>> receivers_;
};

/// Channels between many executors. See contract/mesh.hpp.
/// Cost     members squared channels of `capacity` values; made by the last that joins.
/// Thread   any.
template <typename T>
class Mesh {
 public:
  /// members   at least 1. capacity   of each channel, at least 1.
  Mesh(std::size_t members, std::size_t capacity)
      : shared_(std::make_shared<Shared>(members, capacity)) {
    PERCORE_ASSERT(members != 0, "a mesh needs at least one member");
  }

  /// Waits until all members have joined; `co_await` it.
  /// Returns  the member's ends; ECANCELED when a member has failed, or an executor has ended
  ///          before all had joined.
  /// Throws   std::bad_alloc, std::system_error: it has not joined, and all others are told, as by
  ///          fail().
  Task<Result<MeshMember<T>>> join(std::size_t number, MeshRole role = MeshRole::both) {
    return joined(shared_, number, role);
  }

  /// A member will not come: all others are told.
  void fail() noexcept { shared_->meeting.fail(); }

 private:
  struct Shared {
    Shared(std::size_t members, std::size_t channel_capacity)
        : meeting(members), capacity(channel_capacity) {
      for (std::size_t i = 0; i < members; ++i) places.emplace_back(i, members);
    }

    // By whoever comes last, before the others are told.
    void connect() {
      try {
        make_channels();
      } catch (...) {
        meeting.fail();
        throw;
      }
      meeting.complete();
    }

    void make_channels() {
      for (std::size_t from = 0; from < places.size(); ++from)
        for (std::size_t to = 0; to < places.size(); ++to) {
          if (!meeting.connects(from, to)) continue;
          ChannelEnds<T> ends = shared_channel<T>(capacity);
          places[from].senders_[to].emplace(std::move(ends.sender));
          places[to].receivers_[from].emplace(std::move(ends.receiver));
        }
    }

    mesh_detail::Meeting meeting;
    std::size_t capacity;
    std::vector<MeshMember<T>> places;
  };

  static Task<Result<MeshMember<T>>> joined(std::shared_ptr<Shared> shared, std::size_t number,
                                            MeshRole role) {
    std::optional<mesh_detail::Meeting::All> all;
    try {
      all.emplace(shared->meeting);
    } catch (...) {  // no bell to be had: it does not come, and nobody is to wait for it
      shared->meeting.fail();
      throw;
    }
    if (shared->meeting.come(number, role)) shared->connect();
    mesh_detail::Meeting::All& all_come = *all;  // g++ 12 would copy what is awaited through a *
    const Result<void> together = co_await all_come;
    if (!together) co_return std::unexpected(together.error());
    co_return std::move(shared->places[number]);
  }

  std::shared_ptr<Shared> shared_;
};

}  // namespace percore
