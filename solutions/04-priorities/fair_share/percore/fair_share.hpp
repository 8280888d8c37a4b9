#pragma once

#include <percore/assert.hpp>
#include <percore/contract/fair_share.hpp>

namespace percore {

/// One of those who share a thread. See contract/fair_share.hpp. Thread   its FairShare's.
class ShareHolder {
 public:
  explicit ShareHolder(unsigned shares) noexcept { set_shares(shares); }
  ShareHolder(const ShareHolder&) = delete;
  ShareHolder& operator=(const ShareHolder&) = delete;
  ~ShareHolder() { PERCORE_ASSERT(!ready_, "a holder of shares was destroyed while ready to run"); }

  unsigned shares() const noexcept { return shares_; }
  void set_shares(unsigned shares) noexcept;
  VirtualTime virtual_time() const noexcept { return virtual_time_; }
  bool ready() const noexcept { return ready_; }

 private:
  friend class FairShare;
  unsigned shares_;
  unsigned remainder_ = 0;  // what the last division by shares_ left over
  VirtualTime virtual_time_ = 0;
  Time due_ = Time::never();
  bool ready_ = false;
  ShareHolder* next_ = nullptr;  // of the ready: the one that has waited less long
};

/// Shares a thread out among its holders. See contract/fair_share.hpp. Thread   one.
class FairShare {
 public:
  FairShare() noexcept = default;
  FairShare(const FairShare&) = delete;
  FairShare& operator=(const FairShare&) = delete;

  bool anything_ready() const noexcept { return first_ != nullptr; }
  ShareHolder* pick() noexcept;
  void wake(ShareHolder& holder, Time due = Time::never()) noexcept;
  void charge(ShareHolder& holder, Time ran) noexcept;
  void sleep(ShareHolder& holder) noexcept;

 private:
  void append(ShareHolder& holder) noexcept;
  void remove(ShareHolder& holder) noexcept;

  ShareHolder* first_ = nullptr;  // of the ready: the one that has waited longest
  VirtualTime turn_began_ = 0;    // virtual time at which the latest turn began
};

}  // namespace percore
