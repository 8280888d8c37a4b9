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
  ~ShareHolder() {
    PERCORE_ASSERT(!ready(), "a holder of shares was destroyed while ready to run");
  }

  unsigned shares() const noexcept { return shares_; }
  void set_shares(unsigned shares) noexcept {
    PERCORE_ASSERT(shares >= shares_min && shares <= shares_max, "shares are 1 to 1000");
    shares_ = shares;
    remainder_ = 0;
  }
  VirtualTime virtual_time() const noexcept { return virtual_time_; }
  bool ready() const noexcept { return ready_; }

 private:
  friend class FairShare;
  VirtualTime virtual_time_ = 0;
  Time due_ = Time::never();
  unsigned shares_;
  unsigned remainder_ = 0;  // what the last division by shares_ left over
  bool ready_ = false;
  ShareHolder* before_ = nullptr;  // its neighbours among the ready
  ShareHolder* behind_ = nullptr;
};

/// Shares a thread out among its holders: start-time fair queueing, on a list in the order of F1.
/// Cost     pick() O(1); wake() and charge() a step for each holder that is overtaken, from the
///          front, and a busy thread has few.
/// Source   Goyal, Vin, Cheng, "Start-time Fair Queueing", SIGCOMM 1996: the bound of F3.
class FairShare {
 public:
  FairShare() noexcept = default;
  FairShare(const FairShare&) = delete;
  FairShare& operator=(const FairShare&) = delete;

  bool anything_ready() const noexcept { return first_ != nullptr; }
  ShareHolder* pick() noexcept {
    if (first_ != nullptr) turn_began_ = first_->virtual_time_;
    return first_;
  }
  void wake(ShareHolder& holder, Time due = Time::never()) noexcept;
  void charge(ShareHolder& holder, Time ran) noexcept;
  void sleep(ShareHolder& holder) noexcept;

 private:
  void insert(ShareHolder& holder, ShareHolder* behind) noexcept;
  void remove(ShareHolder& holder) noexcept;

  ShareHolder* first_ = nullptr;
  VirtualTime turn_began_ = 0;  // of the latest pick(): no ready holder is below it
};

}  // namespace percore
