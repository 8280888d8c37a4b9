#pragma once

#include <percore/assert.hpp>
#include <percore/contract/fair_share.hpp>

// Who is next when several share one thread, in three steps. The contract,
// <percore/contract/fair_share.hpp>, has the invariants F1 to F6: keep it open beside this.
//
// - Step "pick" (F1): who is ready, and which of them is next.
// - Step "charge" (F2, F3, F5, F6): virtual time.
// - Step "wake" (F4): what sleeping is worth.
//
// All there is to write is in fair_share.cpp, and what you need for it in the private parts here.

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
  // TODO charge (F2): 7 ns of a holder with 300 shares are 23 1/3 ns of virtual time. Where does
  // the third go?
  VirtualTime virtual_time_ = 0;
  Time due_ = Time::never();
  bool ready_ = false;
  ShareHolder* next_ = nullptr;  // a list of the ready that needs no memory of its own
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
  // TODO wake (F4): where the latest turn began.
};

}  // namespace percore
